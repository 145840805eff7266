"""MobileNet-v1 (arXiv 1704.04861), with and without SE."""

from __future__ import annotations

from typing import Any

from mmengine.model import Sequential
from torch import Tensor, nn

from senet_mm.layers import ConvNorm, SESpec, SEUnit
from senet_mm.models.backbone import Backbone, register_with_se

# Channels and stride of each depthwise-separable block, by stage: Table 1 of the MobileNet paper.
STAGES: tuple[tuple[tuple[int, int], ...], ...] = (
    ((64, 1),),
    ((128, 2), (128, 1)),
    ((256, 2), (256, 1)),
    ((512, 2), *[(512, 1)] * 5),
    ((1024, 2), (1024, 1)),
)


class DepthwiseSeparable(SEUnit):
    """x → depthwise 3×3, norm, ReLU → pointwise 1×1, norm, ReLU [→ ·s].

    There is no shortcut, so `standard` is the only place: the block's output. Named as mmcv's
    DepthwiseSeparableConvModule names its parts.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        norm_cfg: dict[str, Any],
        se: SESpec | None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.depthwise_conv = ConvNorm(inputs, inputs, 3, norm_cfg, stride, groups=inputs)
        self.pointwise_conv = ConvNorm(inputs, outputs, 1, norm_cfg)
        self.place_se(se, dict(standard=outputs))

    def _forward(self, x: Tensor) -> Tensor:
        return self.rescale('standard', self.pointwise_conv(self.depthwise_conv(x)))


class MobileNetV1(Backbone):
    """x (N,3,H,W) → 3×3/2 convolution → layer1 … layer5 of depthwise-separable blocks, strides 2, 4, 8, 16, 32.

    Neither paper numbers the stages: here stage k of the `se` argument's `stages` is layer<k>, of stride 2**k, as in
    a ResNet. SE rescales the output of every block. An FPN takes `out_indices=(1, 2, 3, 4)`.

    Table 3 counts 569 and 572 million operations. Multiply-adds are 568.7 and 569.2 million; the 2.7 million
    additions of the squeeze on top make 571.9.

    Args:
        widen_factor: α of the MobileNet paper: every width times α, rounded down.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 1

    def __init__(self, widen_factor: float = 1.0, **backbone: Any) -> None:
        super().__init__(**backbone)
        if not widen_factor >= 1 / 32:
            raise ValueError(f'widen_factor={widen_factor!r}: {self._name} allows numbers from 1/32, e.g. 0.5')
        inputs = int(32 * widen_factor)
        self.stem = ConvNorm(3, inputs, 3, self.norm_cfg, 2)
        for index, blocks in enumerate(STAGES):
            units = []
            for channels, stride in blocks:
                outputs = int(channels * widen_factor)
                se = self.stage_se(index)
                units.append(DepthwiseSeparable(inputs, outputs, stride, self.norm_cfg, se, self.with_cp))
                inputs = outputs
            self.add_stage(f'layer{index + 1}', Sequential(*units), inputs, 2 ** (index + 1))
        self.finish()

    def stem_modules(self) -> list[nn.Module]:
        """The convolution before layer1."""
        return [self.stem]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,C,H/2,W/2)."""
        return self.stem(x)


SEMobileNetV1 = register_with_se(MobileNetV1)
