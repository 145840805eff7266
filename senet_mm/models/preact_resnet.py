"""Pre-activation ResNet (arXiv 1603.05027) and Wide ResNet (arXiv 1605.07146) for CIFAR, with and without SE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.nn import functional as F

from senet_mm.layers import ResidualUnit, SESpec
from senet_mm.models.backbone import HE_INIT, Backbone, register_with_se

BLOCKS = {'basic': (3, 3), 'bottleneck': (1, 3, 1)}  # kernel sizes of a unit's convolutions
SHORTCUTS = ('pad', 'projection')
STAGES = 3
FAN_IN_INIT = [dict(type='Kaiming', layer='Conv2d', mode='fan_in'), *HE_INIT[1:]]


def plan_stages(network: str, depth: int, block: str | None, others: int = 2) -> tuple[str, int]:
    """The kind of unit of a network of three equal stages, and how many of them a stage has.

    Args:
        network: Its name, for the errors.
        depth: Layers in all.
        block: 'basic' (two layers), 'bottleneck' (three), or None for what the depth allows. A depth that allows both
            means basic, but for 164: that of the paper has bottlenecks.
        others: How many layers are not in units.

    Raises:
        ValueError: The block is unknown, or no number of units gives the depth; the message names depths that work.
    """
    if block is not None and block not in BLOCKS:
        raise ValueError(f'block={block!r} is not one of {", ".join(map(repr, BLOCKS))}')
    kinds = [block] if block else list(BLOCKS)
    layers = depth - others if isinstance(depth, int) else 0
    counts = {kind: divmod(layers, STAGES * len(BLOCKS[kind])) for kind in kinds}
    found = [kind for kind, (count, rest) in counts.items() if count > 0 and rest == 0]
    if not found:
        allowed = ' or '.join(_depths(kind, others) for kind in kinds)
        raise ValueError(f'depth={depth!r}: {network} has depths {allowed}')
    kind = 'bottleneck' if depth == 164 and len(found) > 1 else found[0]
    return kind, counts[kind][0]


def _depths(kind: str, others: int) -> str:
    step = STAGES * len(BLOCKS[kind])
    return f'{step}n+{others} ({", ".join(str(n * step + others) for n in (1, 2, 3))}, …) with block={kind!r}'


@dataclass(frozen=True)
class UnitOptions:
    """What all units of one network have in common; see PreActResNet."""

    block: str
    shortcut: str
    drop_rate: float
    with_cp: bool
    norm_cfg: dict[str, Any]


class PreActUnit(ResidualUnit):
    """x → two or three times norm, ReLU, convolution → + shortcut; no activation after the sum.

    The first norm and ReLU come before the parting of branch and shortcut where the shortcut is a projection and, with
    shortcuts without parameters, in the first unit of a stage. The shortcut of all other units is x as it is.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, options: UnitOptions, se: SESpec | None, first: bool
    ) -> None:
        super().__init__()
        self.with_cp, self.drop_rate = options.with_cp, options.drop_rate
        self.outputs, self.stride = outputs, stride
        kernels = BLOCKS[options.block]
        inner = outputs if options.block == 'basic' else outputs // 4
        widths = [inputs, *[inner] * (len(kernels) - 1), outputs]
        self._norms: list[str] = []
        for number, kernel in enumerate(kernels, 1):
            name, norm = build_norm_layer(options.norm_cfg, widths[number - 1], postfix=number)
            self.add_module(name, norm)
            self._norms.append(name)
            conv = _conv(widths[number - 1], widths[number], kernel, stride if number == 1 else 1)
            self.add_module(f'conv{number}', conv)
        projected = options.shortcut == 'projection' and inputs != outputs
        self.downsample = _conv(inputs, outputs, 1, stride) if projected else None
        self.shares_first = projected or (options.shortcut == 'pad' and first)
        places = dict(standard=outputs, pre=inputs, post=outputs, identity=outputs)
        self.place_se(se, places if options.block == 'basic' else {**places, '3x3': inner})

    def _activated(self, number: int, x: Tensor) -> Tensor:
        return torch.relu_(getattr(self, self._norms[number - 1])(x))

    def shortcut(self, x: Tensor) -> Tensor:
        """x, projected, or subsampled and filled up with channels of zeros (option A of arXiv 1512.03385)."""
        if self.downsample is not None:
            return self.downsample(x)
        x = x[:, :, :: self.stride, :: self.stride]
        missing = self.outputs - x.shape[1]
        return F.pad(x, (0, 0, 0, 0, 0, missing)) if missing else x

    def branch(self, u: Tensor) -> Tensor:
        """All that follows the first norm and ReLU, to the sum."""
        last = len(self._norms)
        u = self.conv1(u)
        for number in range(2, last + 1):
            u = self._activated(number, u)
            if number == last:
                u = F.dropout(self.inside(u), self.drop_rate, self.training)
            u = getattr(self, f'conv{number}')(u)
        return u

    def _forward(self, x: Tensor) -> Tensor:
        if self.shares_first:
            x = self._activated(1, x)
            u = self.before(x)
        else:
            u = self._activated(1, self.before(x))
        return self.join(self.branch(u), self.shortcut(x), activate=False)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class PreActResNet(Backbone):
    """x (N,3,H,W) → 3×3 convolution → layer1, layer2, layer3 → norm, ReLU; strides 1, 2, 4.

    ResNet-110 is `depth=110`: basic units, 16, 32 and 64 channels, shortcuts without parameters, as in
    fb.resnet.torch's models/preresnet.lua. ResNet-164 and -1001 are `depth=164` and `depth=1001`: bottlenecks, 64, 128
    and 256 channels, projections, the stride on the first convolution, as in KaimingHe/resnet-1k-layers.

    SE rescales the branch just before the sum. Position 'pre' is in front of the branch: behind the first norm and ReLU
    where the shortcut shares these, before them elsewhere. The SENet paper's stages 2–4 are layer1–layer3.

    The final norm and ReLU belong to layer3's output: of several maps, the others are the sums that the next stage
    reads.

    Args:
        depth: 6n+2 with basic units, 9n+2 with bottlenecks.
        block: 'basic' or 'bottleneck'. None means what the depth allows; where it allows both, basic, but for 164.
        shortcut: Where a unit changes the channels: 'pad' (subsampled, zeros for the new channels) or 'projection'
            (1×1 convolution). None means 'pad' for basic units and 'projection' for bottlenecks.
        widen_factor: How many times as wide the stages are.
        drop_rate: Dropout before each unit's last convolution.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 2
    other_layers = 2  # layers that the depth counts beside the units': the first convolution and the classifier

    def __init__(
        self,
        depth: int,
        *,
        block: str | None = None,
        shortcut: str | None = None,
        widen_factor: int = 1,
        drop_rate: float = 0.0,
        **backbone: Any,
    ) -> None:
        super().__init__(**backbone)
        self.depth = depth
        self.block, count = plan_stages(self._name, depth, block, self.other_layers)
        if shortcut is not None and shortcut not in SHORTCUTS:
            raise ValueError(f'shortcut={shortcut!r} is not one of {", ".join(map(repr, SHORTCUTS))}')
        if isinstance(widen_factor, bool) or not isinstance(widen_factor, int) or widen_factor < 1:
            raise ValueError(f'widen_factor={widen_factor!r}: {self._name} allows whole numbers of 1 or more')
        if not 0 <= drop_rate < 1:
            raise ValueError(f'drop_rate={drop_rate!r}: {self._name} allows 0 or more and less than 1')
        shortcut = shortcut or ('pad' if self.block == 'basic' else 'projection')
        options = UnitOptions(self.block, shortcut, drop_rate, self.with_cp, self.norm_cfg)
        inputs = 16
        self.conv1 = _conv(3, inputs, 3)
        for index in range(STAGES):
            outputs = 2**index * widen_factor * (16 if self.block == 'basic' else 64)
            units = []
            for unit in range(count):
                stride = 2 if unit == 0 and index > 0 else 1
                units.append(PreActUnit(inputs, outputs, stride, options, self.stage_se(index), unit == 0))
                inputs = outputs
            self.add_stage(f'layer{index + 1}', Sequential(*units), outputs, 2**index)
        self._last_norm, norm = build_norm_layer(self.norm_cfg, inputs)
        self.add_module(self._last_norm, norm)
        self.finish()

    def stem_modules(self) -> list[nn.Module]:
        """The first convolution."""
        return [self.conv1]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,16,H,W)."""
        return self.conv1(x)

    def stage_modules(self, index: int) -> list[nn.Module]:
        """A stage's units, and behind those of the last the final normalisation."""
        modules = super().stage_modules(index)
        return [*modules, getattr(self, self._last_norm)] if index == STAGES - 1 else modules

    def forward_stage(self, index: int, x: Tensor) -> Tensor:
        """The stage's input → its output, normalised and rectified if it is the last."""
        x = super().forward_stage(index, x)
        return torch.relu_(x) if index == STAGES - 1 else x


class WideResNet(PreActResNet):
    """PreActResNet of basic units with projections: WRN-d-k is `depth=d, widen_factor=k`.

    As in szagoruyko/wide-residual-networks' models/wide-resnet.lua, which initialises by fan-in.

    Args:
        depth: 6n+4, which counts a convolution on the shortcut of each stage.
        widen_factor: k.
        drop_rate: Dropout between the two convolutions of a unit.
        init_cfg: mmengine's initialisation; He's by fan-in by default.
        **backbone: The other arguments of Backbone.

    Raises:
        ValueError: As for PreActResNet.
    """

    other_layers = 4

    def __init__(
        self,
        depth: int,
        widen_factor: int = 1,
        drop_rate: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
        **backbone: Any,
    ) -> None:
        super().__init__(
            depth,
            block='basic',
            shortcut='projection',
            widen_factor=widen_factor,
            drop_rate=drop_rate,
            init_cfg=FAN_IN_INIT if init_cfg is None else init_cfg,
            **backbone,
        )


SEPreActResNet = register_with_se(PreActResNet)
SEWideResNet = register_with_se(WideResNet)
