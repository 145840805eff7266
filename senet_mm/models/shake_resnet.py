"""Shake-Shake networks for CIFAR (arXiv 1705.07485), with and without SE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.nn import functional as F

from senet_mm.layers import ConvNorm, ResidualUnit, SESpec, SEUnit, ShakeMix
from senet_mm.models.backbone import Backbone, register_with_se
from senet_mm.models.preact_resnet import STAGES, plan_stages

SE_PLACES = ('mix', 'branches')


@dataclass(frozen=True)
class ShakeOptions:
    """What all units of one network have in common; see ShakeResNet."""

    bottleneck: bool
    groups: int
    base_width: int
    shake: tuple[str, str, bool]
    se_on: str
    with_cp: bool
    norm_cfg: dict[str, Any]


class ShakeBranch(SEUnit):
    """x → two 3×3 convolutions, or 1×1, grouped 3×3, 1×1; norms after all, ReLUs between."""

    def __init__(self, inputs: int, outputs: int, stride: int, options: ShakeOptions, se: SESpec | None) -> None:
        super().__init__()
        cfg = options.norm_cfg
        self.conv3: ConvNorm | None = None
        if options.bottleneck:
            width = outputs // 4 * options.base_width // 64 * options.groups
            self.conv1 = ConvNorm(inputs, width, 1, cfg)
            self.conv2 = ConvNorm(width, width, 3, cfg, stride, groups=options.groups)
            self.conv3 = ConvNorm(width, outputs, 1, cfg, activate=False)
            self.place_se(se, {'standard': outputs, '3x3': width})
        else:
            self.conv1 = ConvNorm(inputs, outputs, 3, cfg, stride)
            self.conv2 = ConvNorm(outputs, outputs, 3, cfg, activate=False)
            self.place_se(se, dict(standard=outputs))

    def _forward(self, x: Tensor) -> Tensor:
        x = self.rescale('3x3', self.conv2(self.conv1(x)))
        return self.rescale('standard', x if self.conv3 is None else self.conv3(x))


class TwoPathShortcut(nn.Module):
    """x → ReLU → 1×1/stride of it, and of it one pixel further right and down → side by side → norm.

    With a stride of 2 the two paths see different pixels.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, norm_cfg: dict[str, Any]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs // 2, 1, stride, bias=False)
        self.conv2 = nn.Conv2d(inputs, outputs // 2, 1, stride, bias=False)
        self._norm, norm = build_norm_layer(norm_cfg, outputs)
        self.add_module(self._norm, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Run the pipeline above."""
        x = torch.relu(x)
        maps = self.conv1(x), self.conv2(F.pad(x, (1, -1, 1, -1)))
        return getattr(self, self._norm)(torch.cat(maps, 1))


class ShakeUnit(ResidualUnit):
    """x [→ ReLU] → two branches, mixed → + shortcut [→ ReLU].

    The ReLU is before the branches in a basic unit and after the sum in a bottleneck.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, options: ShakeOptions, se: SESpec | None) -> None:
        super().__init__()
        self.with_cp, self.bottleneck = options.with_cp, options.bottleneck
        in_branches = se if options.se_on == 'branches' else None
        self.branch1 = ShakeBranch(inputs, outputs, stride, options, in_branches)
        self.branch2 = ShakeBranch(inputs, outputs, stride, options, in_branches)
        self.mix = ShakeMix(*options.shake)
        self.downsample: nn.Module | None = None
        if inputs != outputs and options.bottleneck:
            self.downsample = ConvNorm(inputs, outputs, 1, options.norm_cfg, stride, activate=False)
        elif inputs != outputs:
            self.downsample = TwoPathShortcut(inputs, outputs, stride, options.norm_cfg)
        if options.se_on == 'mix':
            self.place_se(se, dict(standard=outputs, pre=inputs, post=outputs, identity=outputs))

    def _forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        u = self.before(x)
        if not self.bottleneck:
            u = torch.relu(u)
        return self.join(self.mix(self.branch1(u), self.branch2(u)), shortcut, activate=self.bottleneck)


class ShakeResNet(Backbone):
    """x (N,3,H,W) → 3×3 convolution, norm → layer1, layer2, layer3; strides 1, 2, 4.

    The two networks of the paper, from xgastaldi/shake-shake's models/shakeshake.lua:

    - 26 2x96d for CIFAR-10, `depth=26, base_width=96`: basic units that begin with a ReLU, 96, 192 and 384 channels,
      shortcuts of two paths, one ReLU at the end.
    - 29 2x4x64d for CIFAR-100, `depth=29, base_width=64, groups=4, backward_shake='even'`: ResNeXt's bottlenecks, which
      end with a ReLU, 256, 512 and 1024 channels, 1×1 projections, a ReLU in the stem.

    SE acts on the non-identity branch of a residual module before the summation with the identity (SENet paper,
    Sec. 3.3). In a network of three branches that is the mix of the two that are not the identity: one SE block a
    unit, `se_on='mix'`. With `se_on='branches'` each of the two has its own, before the mix. That paper's stages 2–4
    are layer1–layer3.

    Args:
        depth: 6n+2 with basic units, 9n+2 with bottlenecks.
        base_width: Channels of layer1 with basic units, of each group in layer1 with bottlenecks.
        groups: Groups of the 3×3 convolutions of bottlenecks.
        block: 'basic' or 'bottleneck'. None means what the depth allows; where it allows both, basic, but for 164.
        forward_shake: See ShakeMix, as for backward_shake and per_image.
        backward_shake: 'shake', 'even' or 'keep'.
        per_image: Coefficients for each image or for the whole batch.
        se_on: 'mix' or 'branches'; see above. Position '3x3' is inside the branches of bottlenecks.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 2

    def __init__(
        self,
        depth: int,
        base_width: int,
        *,
        groups: int = 1,
        block: str | None = None,
        forward_shake: str = 'shake',
        backward_shake: str = 'shake',
        per_image: bool = True,
        se_on: str = 'mix',
        **backbone: Any,
    ) -> None:
        super().__init__(**backbone)
        self.depth = depth
        self.block, count = plan_stages(self._name, depth, block)
        self.bottleneck = self.block == 'bottleneck'
        self._check(base_width, groups, se_on)
        self.stem = ConvNorm(3, 64 if self.bottleneck else 16, 3, self.norm_cfg, activate=self.bottleneck)
        shake = forward_shake, backward_shake, per_image
        options = ShakeOptions(self.bottleneck, groups, base_width, shake, se_on, self.with_cp, self.norm_cfg)
        inputs = self.stem.conv.out_channels
        for index in range(STAGES):
            outputs = 2**index * (256 if self.bottleneck else base_width)
            units = []
            for unit in range(count):
                stride = 2 if unit == 0 and index > 0 else 1
                units.append(ShakeUnit(inputs, outputs, stride, options, self.stage_se(index)))
                inputs = outputs
            self.add_stage(f'layer{index + 1}', Sequential(*units), outputs, 2**index)
        self.finish()

    def _check(self, base_width: int, groups: int, se_on: str) -> None:
        if se_on not in SE_PLACES:
            raise ValueError(f'se_on={se_on!r} is not one of {", ".join(map(repr, SE_PLACES))}')
        if groups < 1 or (groups > 1 and not self.bottleneck):
            raise ValueError(f'groups={groups}: {self._name} allows 1 or more with bottlenecks, 1 with basic units')
        if base_width < 2 or base_width % 2:
            raise ValueError(f'base_width={base_width}: {self._name} allows even numbers of 2 or more')
        if self.se is not None and self.se.position == '3x3' and self.bottleneck and se_on == 'mix':
            raise ValueError("SE option position='3x3' is inside the branches: it needs se_on='branches'")

    def stem_modules(self) -> list[nn.Module]:
        """The first convolution and its normalisation."""
        return [self.stem]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,16,H,W), or (N,64,H,W) before bottlenecks."""
        return self.stem(x)

    def forward_stage(self, index: int, x: Tensor) -> Tensor:
        """The stage's input → its output, rectified if it is the last."""
        x = super().forward_stage(index, x)
        return torch.relu(x) if index == STAGES - 1 and not self.bottleneck else x


SEShakeResNet = register_with_se(ShakeResNet)
