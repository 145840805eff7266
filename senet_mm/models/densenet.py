"""DenseNet-BC (arXiv 1608.06993), with and without SE."""

from __future__ import annotations

import re
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from senet_mm.layers import SESpec, SEUnit
from senet_mm.models.backbone import Backbone, register_with_se

# Depth: growth rate, channels of the stem, dense layers of each block (Table 1 of the DenseNet paper).
DEPTHS: dict[int, tuple[int, int, tuple[int, int, int, int]]] = {
    121: (32, 64, (6, 12, 24, 16)),
    161: (48, 96, (6, 12, 36, 24)),
    169: (32, 64, (6, 12, 32, 32)),
    201: (32, 64, (6, 12, 48, 32)),
}
BOTTLENECK = 4  # width of a dense layer's 1×1 convolution in growth rates


class DenseLayer(SEUnit):
    """Maps (N,Cᵢ,H,W) → concatenation → norm, ReLU, 1×1 → norm, ReLU, 3×3 [→ ·s]: k new maps (N,k,H,W)."""

    def __init__(
        self, inputs: int, growth: int, norm_cfg: dict[str, Any], se: SESpec | None, with_cp: bool = False
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        width = BOTTLENECK * growth
        self.norm1 = build_norm_layer(norm_cfg, inputs)[1]
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.norm2 = build_norm_layer(norm_cfg, width)[1]
        self.conv2 = nn.Conv2d(width, growth, 3, padding=1, bias=False)
        self.place_se(se, dict(standard=growth))

    def _forward(self, *maps: Tensor) -> Tensor:
        u = self.conv1(torch.relu_(self.norm1(torch.cat(maps, 1))))
        u = self.conv2(torch.relu_(self.norm2(u)))
        return self.rescale('standard', u)

    def forward(self, maps: list[Tensor]) -> Tensor:  # type: ignore[override]
        """Run the pipeline above."""
        if self.with_cp and torch.is_grad_enabled():  # the concatenation is recomputed, too: it is most of the memory
            return checkpoint(self._forward, *maps, use_reentrant=False)
        return self._forward(*maps)


class DenseBlock(Sequential):
    """x (N,C,H,W) → dense layers, each of which sees x and all new maps before it → x and all new maps together."""

    def forward(self, x: Tensor) -> Tensor:
        """Run the pipeline above."""
        maps = [x]
        for layer in self:
            maps.append(layer(maps))
        return torch.cat(maps, 1)


class Transition(SEUnit):
    """x (N,C,H,W) → norm, ReLU, 1×1 → 2×2/2 average pooling [→ ·s] (N,C/2,H/2,W/2)."""

    def __init__(self, inputs: int, norm_cfg: dict[str, Any], se: SESpec | None) -> None:
        super().__init__()
        self.norm = build_norm_layer(norm_cfg, inputs)[1]
        self.conv = nn.Conv2d(inputs, inputs // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(2)
        self.place_se(se, dict(standard=inputs // 2))

    def forward(self, x: Tensor) -> Tensor:
        """Run the pipeline above."""
        u = self.pool(self.conv(torch.relu_(self.norm(x))))
        return self.rescale('standard', u)


class DenseNet(Backbone):
    """x (N,3,H,W) → 7×7/2, 3×3/2 max pooling → dense blocks 1–4, transitions between; strides 4, 8, 16, 32.

    SE rescales the new maps of every dense layer and the output of every transition. The SENet paper has no DenseNet:
    it gives neither these places nor numbers for them.

    Parameters are named as torchvision names them (`features.denseblock1.denselayer1.norm1`), so its checkpoints load,
    with their older names (`norm.1`) too; SE adds `….se.fc1` and `….se.fc2`. Stages 2–5 of the `se` argument are the
    dense blocks 1–4, each with the transition before it, as in a ResNet. The last map is normalised and rectified, the
    others are the plain concatenation.

    `with_cp` recomputes a dense layer at a time, as torchvision's `memory_efficient` does.

    Args:
        depth: 121, 161, 169 or 201.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 2

    def __init__(self, depth: int = 121, **backbone: Any) -> None:
        super().__init__(**backbone)
        if depth not in DEPTHS:
            raise ValueError(f'depth={depth!r}: {self._name} has depths {", ".join(map(str, DEPTHS))}')
        self.depth = depth
        growth, channels, counts = DEPTHS[depth]
        self.features = Sequential()
        self.features.add_module('conv0', nn.Conv2d(3, channels, 7, 2, padding=3, bias=False))
        self.features.add_module('norm0', build_norm_layer(self.norm_cfg, channels)[1])
        self.features.add_module('relu0', nn.ReLU(inplace=True))
        self.features.add_module('pool0', nn.MaxPool2d(3, 2, padding=1))
        self._names: list[list[str]] = []  # of the modules of each stage
        for index, count in enumerate(counts):
            channels = self._add_block(index, channels, count, growth)
        self.features.add_module('norm5', build_norm_layer(self.norm_cfg, channels)[1])
        self.features.add_module('relu5', nn.ReLU(inplace=True))
        self._names[-1] += ['norm5', 'relu5']
        self.register_load_state_dict_pre_hook(_rename_keys)
        self.finish()

    def _add_block(self, index: int, channels: int, count: int, growth: int) -> int:
        """Add the stage of a transition, but for the first, and a dense block; return the channels behind it."""
        names, se = [f'denseblock{index + 1}'], self.stage_se(index)
        if index > 0:
            names.insert(0, f'transition{index}')
            self.features.add_module(names[0], Transition(channels, self.norm_cfg, se))
            channels //= 2
        block = DenseBlock()
        for layer in range(count):
            block.add_module(f'denselayer{layer + 1}', DenseLayer(channels, growth, self.norm_cfg, se, self.with_cp))
            channels += growth
        self.features.add_module(names[-1], block)
        self._names.append(names)
        self.add_stage(names[-1], None, channels, 4 * 2**index)
        return channels

    def stem_modules(self) -> list[nn.Module]:
        """The modules before the first dense block."""
        return [getattr(self.features, name) for name in ('conv0', 'norm0', 'relu0', 'pool0')]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,C,H/4,W/4)."""
        for module in self.stem_modules():
            x = module(x)
        return x

    def stage_modules(self, index: int) -> list[nn.Module]:
        """A transition, but for the first stage, and a dense block; for the last the final normalisation, too."""
        return [getattr(self.features, name) for name in self._names[index]]


def _rename_keys(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: object) -> None:
    """Rename, in place, the dense layers' `norm.1` and `conv.1` of torchvision's files to `norm1` and `conv1`."""
    old = re.compile(re.escape(prefix) + r'features\.denseblock\d+\.denselayer\d+\.(norm|conv)\.[12]\.')
    for key in [key for key in state_dict if old.match(key)]:
        renamed = re.sub(r'\.(norm|conv)\.([12])\.', r'.\1\2.', key)
        state_dict[renamed] = state_dict.pop(key)


SEDenseNet = register_with_se(DenseNet)
