"""The networks of the configs by name, for use without configs: `build_backbone('se_resnet50')`."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

from mmengine.logging import MMLogger

from senet_mm.models.backbone import Backbone
from senet_mm.registry import MODELS

SENET_154 = dict(
    type='ResNeXt',
    depth=152,
    style='pytorch',
    groups=64,
    deep_stem=True,
    stem_channels=128,
    ceil_pool=True,
    halve_first=True,
    projection_kernel=3,
)
# The name of a config, without data set and recipe → its backbone. A test holds the two together.
PLAIN: dict[str, dict[str, Any]] = {
    **{f'resnet{depth}': dict(type='ResNet', depth=depth, style='caffe') for depth in (50, 101, 152)},
    **{f'resnext{depth}_32x4d': dict(type='ResNeXt', depth=depth, style='pytorch') for depth in (50, 101)},
    'resnext152_64x4d': SENET_154,
    'vgg16': dict(type='VGG', depth=16),
    'bn_inception': dict(type='BNInception'),
    'inception_resnet_v2': dict(type='InceptionResNetV2'),
    'mobilenet_v1': dict(type='MobileNetV1'),
    'shufflenet_v1': dict(type='ShuffleNetV1'),
    'densenet121': dict(type='DenseNet', depth=121),
    # CIFAR's
    **{f'resnet{depth}': dict(type='PreActResNet', depth=depth) for depth in (20, 110, 164)},
    'wrn16_8': dict(type='WideResNet', depth=16, widen_factor=8),
    'shake_shake26_2x96d': dict(type='ShakeResNet', depth=26, base_width=96),
    'shake_even29_2x4x64d': dict(type='ShakeResNet', depth=29, base_width=64, groups=4, backward_shake='even'),
}
SE_NAMES = {'resnext152_64x4d': 'senet154'}  # of the others: se_<name>
NETWORKS: dict[str, dict[str, Any]] = {
    **PLAIN,
    **{SE_NAMES.get(name, f'se_{name}'): dict(options, se=dict(ratio=16)) for name, options in PLAIN.items()},
}


def backbone_names() -> list[str]:
    """What build_backbone knows: the configs' names without data set and recipe."""
    return sorted(NETWORKS)


def build_backbone(
    name: str, *, weights: str | PathLike[str] | Mapping[str, Any] | None = None, **options: Any
) -> Backbone:
    """A backbone as the config of that name has it: x (N,3,H,W) → the maps at `out_indices`, a tuple.

    It has `out_channels` and `strides`, one of each for every map.

    Args:
        name: One of `backbone_names()`, e.g. 'se_resnet50'.
        weights: File or address of weights, or a dict with such a `checkpoint` and other options of
            senet_mm.weights.Pretrained: a checkpoint of a run, OpenMMLab's, torchvision's, timm's or the authors'.
            They fit the backbone exactly or are refused. None initialises as training does.
        **options: Of the backbone, over the config's, e.g. out_indices=(0, 1, 2, 3), se=dict(ratio=8), style='pytorch'.

    Raises:
        ValueError: There is no such network, an option has a value it cannot have, or the weights do not fit.
        DataError: The weights cannot be read.
    """
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, NETWORKS, n=4, cutoff=0)
        raise ValueError(f'there is no network {name!r}; nearest: {", ".join(near)}; all: senet_mm.backbone_names()')
    if weights is not None:
        if 'init_cfg' in options:
            raise ValueError('weights and init_cfg: one or the other says how the backbone starts')
        source = dict(weights) if isinstance(weights, Mapping) else dict(checkpoint=fspath(weights))
        options['init_cfg'] = dict(type='Pretrained', **source)
    network = dict(NETWORKS[name], **options)
    backbone = MODELS.build(dict(network, type=f'senet_mm.{network["type"]}'))
    if not any(parameter.is_meta for parameter in backbone.parameters()):
        with _quiet():
            backbone.init_weights()
    return backbone


@contextmanager
def _quiet() -> Iterator[None]:
    """Without mmengine's log of every parameter's initialisation."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
