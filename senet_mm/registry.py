"""Child registries of mmengine's, scope `senet_mm`.

mmengine imports `<scope>.registry` by itself, so `type='senet_mm.ResNet'` in any mmdet or mmpretrain config finds its
way here; a registry imports the modules in its `locations` when it is first asked.
"""

from senet_mm.compat.opencv import import_cv2

import_cv2()  # first: mmengine and mmcv import it, too, and say nothing of what to do where it fails

from mmengine import registry as mmengine_registry  # noqa: E402
from mmengine.registry import Registry  # noqa: E402

MODELS = Registry(
    'model', parent=mmengine_registry.MODELS, scope='senet_mm', locations=['senet_mm.layers', 'senet_mm.models']
)
DATASETS = Registry(
    'dataset', parent=mmengine_registry.DATASETS, scope='senet_mm', locations=['senet_mm.data.coco_minival']
)
METRICS = Registry(
    'metric', parent=mmengine_registry.METRICS, scope='senet_mm', locations=['senet_mm.data.coco_minival']
)
