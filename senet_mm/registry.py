"""Child registries of mmengine's, scope `senet_mm`.

mmengine imports `<scope>.registry` by itself, so `type='senet_mm.ResNet'` in any mmdet or mmpretrain config finds its
way here; a registry imports the modules in its `locations` when it is first asked.
"""

from senet_mm.compat.opencv import import_cv2

import_cv2()  # first: mmengine and mmcv import it, too, and say nothing of what to do where it fails

from collections.abc import Mapping  # noqa: E402
from importlib import import_module  # noqa: E402
from typing import Any  # noqa: E402

from mmengine import registry as mmengine_registry  # noqa: E402
from mmengine.registry import Registry  # noqa: E402


class NamedRegistry(Registry):
    """A registry that imports a module when a name of that module is asked for: a classifier does not wait for mmdet.

    Args:
        *args: Of mmengine's Registry, as are the others.
        modules: Registered name → the module that registers it.
        **kwargs: See above.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def get(self, key: str) -> type | None:
        """The class registered as `key`, with or without its scope; None if there is none."""
        name = key.rpartition('.')[2]
        if name in self._modules:
            import_module(self._modules[name])
        return super().get(key)


MODELS = NamedRegistry(
    'model',
    parent=mmengine_registry.MODELS,
    scope='senet_mm',
    locations=['senet_mm.layers', 'senet_mm.models'],
    modules={'WholeBatchPreprocessor': 'senet_mm.data.whole_batch_preprocessor'},
)
DATASETS = NamedRegistry(
    'dataset',
    parent=mmengine_registry.DATASETS,
    scope='senet_mm',
    modules={
        'CocoMinival': 'senet_mm.data.coco.minival',
        'CIFAR10': 'senet_mm.data.cifar.dataset',
        'CIFAR100': 'senet_mm.data.cifar.dataset',
        'ImageNet': 'senet_mm.data.images.datasets',
        'Places365': 'senet_mm.data.images.datasets',
    },
)
METRICS = NamedRegistry(
    'metric',
    parent=mmengine_registry.METRICS,
    scope='senet_mm',
    modules={
        'CocoMinivalMetric': 'senet_mm.data.coco.metric',
        'ValidationLoss': 'senet_mm.engine.validation_loss',
    },
)
TRANSFORMS = NamedRegistry(
    'transform',
    parent=mmengine_registry.TRANSFORMS,
    scope='senet_mm',
    locations=['senet_mm.data.crops', 'senet_mm.data.pixel_jitter'],
    modules={
        'Cutout': 'senet_mm.data.cutout',
        'RandomResizedCrop': 'senet_mm.data.random_resized_crop',
    },
)
FUNCTIONS = NamedRegistry(
    'function',
    parent=mmengine_registry.FUNCTIONS,
    scope='senet_mm',
    modules={'whole_batch_collate': 'senet_mm.data.whole_batch'},
)
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=mmengine_registry.DATA_SAMPLERS,
    scope='senet_mm',
    locations=['senet_mm.data.class_balanced'],
)
HOOKS = NamedRegistry(
    'hook',
    parent=mmengine_registry.HOOKS,
    scope='senet_mm',
    locations=['senet_mm.engine.freeze_norm', 'senet_mm.engine.plateau'],
    modules={
        'ClassificationPictures': 'senet_mm.engine.classification_pictures',
        'DetectionPictures': 'senet_mm.engine.detection_pictures',
    },
)
PARAM_SCHEDULERS = Registry(
    'parameter scheduler',
    parent=mmengine_registry.PARAM_SCHEDULERS,
    scope='senet_mm',
    locations=['senet_mm.engine.plateau'],
)
WEIGHT_INITIALIZERS = Registry(
    'weight initializer',
    parent=mmengine_registry.WEIGHT_INITIALIZERS,
    scope='senet_mm',
    locations=['senet_mm.weights'],
)
