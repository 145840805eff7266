"""ShuffleNet-v1 (arXiv 1707.01083), with and without SE."""

from __future__ import annotations

import re
from typing import Any

import torch
from mmengine.model import Sequential
from torch import Tensor, nn

from senet_mm.layers import ConvNorm, ResidualUnit, SESpec
from senet_mm.models.backbone import Backbone, register_with_se

UNITS = (4, 8, 4)
STEM_CHANNELS = 24
# Channels of Stage 2 by number of groups, doubled in Stages 3 and 4: Table 1 of the ShuffleNet paper.
STAGE2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Reorder the channels of x (N,C,H,W): channel i·(C/groups) + j moves to j·groups + i (Sec. 3.1, Fig. 1)."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class ShuffleUnit(ResidualUnit):
    """x → grouped 1×1, norm, ReLU → shuffle → depthwise 3×3, norm → grouped 1×1, norm → join x → ReLU.

    Stride 1 joins by a sum. Stride 2 (Fig. 2c) concatenates the 3×3/2 average pooling of x with the branch; `standard`
    rescales the branch before that, `identity` the pooled x.

    Args:
        inputs: C.
        outputs: C' after the join.
        stride: 1 or 2.
        groups: Of the two 1×1 convolutions, a pair: the network's first unit has 1 in the first (Sec. 3.2).
        norm_cfg: Normalisation layer with mmcv's options.
        se: Options of the SE block.
        with_cp: Recompute activations in the backward pass.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        groups: tuple[int, int],
        norm_cfg: dict[str, Any],
        se: SESpec | None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.groups, self.with_cp = stride, groups[1], with_cp
        hidden = outputs // 4
        branch = outputs if stride == 1 else outputs - inputs
        self.g_conv_1x1_compress = ConvNorm(inputs, hidden, 1, norm_cfg, groups=groups[0])
        self.depthwise_conv3x3_bn = ConvNorm(hidden, hidden, 3, norm_cfg, stride, groups=hidden, activate=False)
        self.g_conv_1x1_expand = ConvNorm(hidden, branch, 1, norm_cfg, groups=groups[1], activate=False)
        self.avgpool = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else None
        self.place_se(se, dict(standard=branch, pre=inputs, post=outputs, identity=inputs))

    def branch(self, x: Tensor) -> Tensor:
        """The residual branch F(x)."""
        # The shuffle commutes with the depthwise convolution up to the order of its filters; this order is OpenMMLab's.
        x = self.depthwise_conv3x3_bn(self.g_conv_1x1_compress(x))
        return self.g_conv_1x1_expand(channel_shuffle(x, self.groups))

    def concatenate(self, branch: Tensor, shortcut: Tensor) -> Tensor:
        """Shortcut (N,C,H,W) and branch (N,C'-C,H,W), rescaled where the position says → ReLU (N,C',H,W)."""
        branch, shortcut = self.rescale('standard', branch), self.rescale('identity', shortcut)
        return self.rescale('post', torch.relu_(torch.cat((shortcut, branch), 1)))

    def _forward(self, x: Tensor) -> Tensor:
        branch = self.branch(self.before(x))
        return self.join(branch, x) if self.avgpool is None else self.concatenate(branch, self.avgpool(x))


class ShuffleNetV1(Backbone):
    """x (N,3,H,W) → 3×3/2 convolution, 3×3/2 max pooling → layer1, layer2, layer3, strides 8, 16, 32.

    Parts are named as OpenMMLab names them, and its checkpoints load (its `layers.0` is our `layer1`). Stages of the
    `se` argument have the ShuffleNet paper's numbers: Stages 2–4 are layer1–layer3. An FPN takes
    `out_indices=(0, 1, 2)`; there is no map of stride 4.

    Table 3 counts 140 and 142 million operations: 140 is the nominal size of all `1×` networks, the ShuffleNet paper's
    own Table 1 gives g = 3 137 million. Multiply-adds are 137.5 and 138.1 million; with the additions of the squeeze,
    SE adds 2.2 million. Parameters, 1.87 and 2.48 million, are 1.8 and 2.4 in Table 3: cut, not rounded.

    Args:
        groups: Of the 1×1 convolutions: 1, 2, 3, 4 or 8. More groups mean more channels at about the same cost.
        widen_factor: s of the ShuffleNet paper (`0.5×`, `1×`): every width times s, to what its groups divide.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 2

    def __init__(self, groups: int = 3, widen_factor: float = 1.0, **backbone: Any) -> None:
        super().__init__(**backbone)
        if groups not in STAGE2_CHANNELS:
            raise ValueError(f'groups={groups!r}: {self._name} allows {", ".join(map(str, STAGE2_CHANNELS))}')
        self.register_load_state_dict_pre_hook(_rename_stages)
        if not widen_factor > 0:
            raise ValueError(f'widen_factor={widen_factor!r}: {self._name} allows numbers above 0, e.g. 0.5')
        inputs = _multiple(STEM_CHANNELS * widen_factor, groups)
        self.conv1 = ConvNorm(3, inputs, 3, self.norm_cfg, 2)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        for index, count in enumerate(UNITS):
            outputs = _multiple(STAGE2_CHANNELS[groups] * 2**index * widen_factor, 4 * groups)
            units = []
            for unit in range(count):
                ours = (1 if index == unit == 0 else groups, groups)
                se = self.stage_se(index)
                stride = 2 if unit == 0 else 1
                units.append(ShuffleUnit(inputs, outputs, stride, ours, self.norm_cfg, se, self.with_cp))
                inputs = outputs
            self.add_stage(f'layer{index + 1}', Sequential(*units), outputs, 8 * 2**index)
        self.finish()

    def stem_modules(self) -> list[nn.Module]:
        """The convolution before layer1."""
        return [self.conv1]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,C,H/4,W/4)."""
        return self.maxpool(self.conv1(x))


def _multiple(channels: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to `channels`, at least one."""
    return max(divisor, int(channels + divisor / 2) // divisor * divisor)


def _rename_stages(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: object) -> None:
    """Rename, in place, OpenMMLab's stages below `prefix`: `layers.0` to `layer1`, and so on."""
    pattern = re.compile(re.escape(prefix) + r'layers\.(\d+)\.')
    for key in [key for key in state_dict if pattern.match(key)]:
        renamed = pattern.sub(lambda match: f'{prefix}layer{int(match[1]) + 1}.', key)
        state_dict[renamed] = state_dict.pop(key)


SEShuffleNetV1 = register_with_se(ShuffleNetV1)
