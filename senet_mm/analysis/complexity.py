"""Parameters and operations of a network, counted while it runs on shapes alone: on torch's meta device.

The convention, the one by which the paper's GFLOPs are met:

macs            one per multiply-add of a convolution or a fully-connected layer, the SE blocks' own included; biases,
                normalisation, activations, pooling and sums are not counted
se_macs         the part of `macs` in the SE blocks' two layers
se_elementwise  beside `macs`, not in it: one per element that a squeeze reads and one per multiplication of the scale,
                2·C·H·W for a block on a map (C,H,W); C·H·W for a block without a squeeze

Counts are for one image. Of a detector, `whole` is backbone, neck and all heads: the dense ones on the whole image, the
RoI head on as many proposals as its test settings keep. RoIAlign and non-maximum suppression are not counted, and the
image is not padded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.data.errors import DataError
from senet_mm.data.images.size import image_size
from senet_mm.layers import SEBlock

COUNTED = (nn.Conv2d, nn.Linear)


@dataclass
class Complexity:
    """Counts of one network for one image, by the convention above."""

    parameters: int
    se_parameters: int
    macs: int = 0
    se_macs: int = 0
    se_elementwise: int = 0


def count(network: nn.Module, run: Callable[[], object]) -> Complexity:
    """Count what `run` does in `network`, which it calls for one image.

    Args:
        network: Whose parameters count, and in which the layers are.
        run: Calls the network, or parts of it, once.
    """
    blocks = [module for module in network.modules() if isinstance(module, SEBlock)]
    of_se = {layer for block in blocks for layer in block.modules()}
    parameters = sum(parameter.numel() for parameter in network.parameters())
    result = Complexity(parameters, sum(parameter.numel() for block in blocks for parameter in block.parameters()))

    def count_layer(layer: nn.Module, _: object, output: Tensor) -> None:
        # Of either layer, weight[0] holds the factors of one output element: (C_in/groups, k, k) or (C_in).
        macs = output.numel() * layer.get_parameter('weight')[0].numel()
        result.macs += macs
        result.se_macs += macs if layer in of_se else 0

    def count_block(block: SEBlock, u: Tensor) -> None:
        result.se_elementwise += u.numel() if block.squeeze == 'none' else 2 * u.numel()

    layers = [layer for layer in network.modules() if isinstance(layer, COUNTED)]
    hooks = [layer.register_forward_hook(count_layer) for layer in layers]
    try:
        with torch.no_grad(), _watched(blocks, count_block):
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return result


@contextmanager
def _watched(blocks: list[SEBlock], see: Callable[[SEBlock, Tensor], None]) -> Iterator[None]:
    """Show `see` every map that `blocks` rescale. Residual joins call `excite` alone: a forward hook misses them."""

    def watch(block: SEBlock) -> Callable[[Tensor], Tensor]:
        def excite(u: Tensor) -> Tensor:
            see(block, u)
            return type(block).excite(block, u)

        return excite

    for block in blocks:
        block.__dict__['excite'] = watch(block)
    try:
        yield
    finally:
        for block in blocks:
            del block.__dict__['excite']


def count_config(cfg: Config, size: tuple[int, int] | None = None) -> dict[str, Complexity]:
    """Count the network of a classifier's or a detector's config.

    Args:
        cfg: The config.
        size: Width and height of the image; those of the config's test images if not given.

    Returns:
        `whole`, and `backbone` of a detector.

    Raises:
        DataError: The model is neither an image classifier nor a one-stage or two-stage detector of boxes, or the
            size is not given and not to be found.
    """
    width, height = size or image_size(cfg)
    network = build_on_meta(cfg)
    image = torch.empty(1, 3, height, width, device='meta')
    if cfg.get('default_scope') == 'mmpretrain':
        return dict(whole=count(network, lambda: network(image)))
    backbone = network.get_submodule('backbone')
    return dict(
        backbone=count(backbone, lambda: backbone(image)), whole=count(network, lambda: _detect(network, image))
    )


def build_on_meta(cfg: Config) -> nn.Module:
    """The config's model for evaluation, without memory for its weights."""
    scope = cfg.get('default_scope', 'mmengine')
    if scope == 'mmpretrain':
        import_without_mmdet()
    with DefaultScope.overwrite_default_scope(scope), torch.device('meta'):
        return MODELS.build(cfg.model).eval()


def _detect(detector: Any, image: Tensor) -> None:
    """Run a detector of mmdet on `image`, with made-up proposals where it has a second stage."""
    from mmdet.models.detectors import SingleStageDetector, TwoStageDetector
    from mmdet.models.roi_heads.bbox_heads import BBoxHead

    if isinstance(detector, SingleStageDetector):
        detector.bbox_head(detector.extract_feat(image))
        return
    boxes = getattr(getattr(detector, 'roi_head', None), 'bbox_head', None)
    if not isinstance(detector, TwoStageDetector) or not isinstance(boxes, BBoxHead) or detector.roi_head.with_mask:
        raise DataError(f'{type(detector).__name__} is not a one-stage or two-stage detector of boxes')
    detector.rpn_head(detector.extract_feat(image))
    boxes(image.new_empty(detector.test_cfg.rpn.max_per_img, boxes.in_channels, *boxes.roi_feat_size))
