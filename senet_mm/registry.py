"""Child registries of mmengine's, scope `senet_mm`.

mmengine imports `<scope>.registry` by itself, so `type='senet_mm.ResNet'` in any mmdet or mmpretrain config finds its
way here; a registry imports the modules in its `locations` when it is first asked.
"""

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

MODELS = Registry(
    'model', parent=mmengine_registry.MODELS, scope='senet_mm', locations=['senet_mm.layers', 'senet_mm.models']
)
DATASETS = Registry(
    'dataset', parent=mmengine_registry.DATASETS, scope='senet_mm', locations=['senet_mm.data.coco_minival']
)
METRICS = Registry(
    'metric', parent=mmengine_registry.METRICS, scope='senet_mm', locations=['senet_mm.data.coco_minival']
)
