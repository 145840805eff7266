"""Squeeze-and-Excitation networks (Hu et al., arXiv 1709.01507) as OpenMMLab plugins, and in plain PyTorch.

    backbone = senet_mm.build_backbone('se_resnet50', out_indices=(0, 1, 2, 3))
    model = senet_mm.insert_se(torchvision.models.resnet50(), 'layer*.*.bn3', ratio=16)

`import senet_mm` is light; what is below is imported when it is first used.
"""

from importlib import import_module
from typing import Any

from senet_mm.compat import mmcv_ext, versions

__version__ = '0.1.0'

versions.check_versions()
mmcv_ext.install()

_HOMES = {
    'SEBlock': 'senet_mm.layers',
    'backbone_names': 'senet_mm.models.build',
    'build_backbone': 'senet_mm.models.build',
    'insert_se': 'senet_mm.layers',
    'load_strictly': 'senet_mm.weights.strict',
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
