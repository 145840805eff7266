"""BN-Inception (arXiv 1502.03167), with and without SE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.nn import functional as F

from senet_mm.layers import ConvNorm, SESpec, SEUnit
from senet_mm.models.backbone import Backbone, register_with_se


class Widths(NamedTuple):
    """Output channels of the convolutions of one Inception module; 0 where there is no such branch."""

    conv1x1: int
    conv3x3: tuple[int, int]  # 1×1 reduction, 3×3
    double3x3: tuple[int, int]  # 1×1 reduction, each of two 3×3
    pool: str  # 'avg' or 'max'
    projection: int  # 1×1 behind the pooling

    @property
    def stride(self) -> int:
        """2 where the 1×1 branch is missing: the module halves the map and passes the pooled input through."""
        return 1 if self.conv1x1 else 2

    def outputs(self, inputs: int) -> int:
        """Channels of the concatenated branches."""
        return self.conv1x1 + self.conv3x3[1] + self.double3x3[1] + (self.projection or inputs)


# From the SENet authors' models/SE-BN-Inception.prototxt, by the resolution of the output.
STAGES: tuple[Mapping[str, Widths], ...] = (
    {
        'inception_3a': Widths(64, (64, 64), (64, 96), 'avg', 32),
        'inception_3b': Widths(64, (64, 96), (64, 96), 'avg', 64),
    },
    {
        'inception_3c': Widths(0, (128, 160), (64, 96), 'max', 0),
        'inception_4a': Widths(224, (64, 96), (96, 128), 'avg', 128),
        'inception_4b': Widths(192, (96, 128), (96, 128), 'avg', 128),
        'inception_4c': Widths(160, (128, 160), (128, 160), 'avg', 128),
        'inception_4d': Widths(96, (128, 192), (160, 192), 'avg', 128),
    },
    {
        'inception_4e': Widths(0, (128, 192), (192, 256), 'max', 0),
        'inception_5a': Widths(352, (192, 320), (160, 224), 'avg', 128),
        'inception_5b': Widths(352, (192, 320), (192, 224), 'max', 128),
    },
)


def halve(x: Tensor) -> Tensor:
    """x (N,C,H,W) → 3×3/2 max pooling in Caffe's ceil mode: rows 0–2, 2–4, … with the last window cut off."""
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


class InceptionModule(SEUnit):
    """x → 1×1 | 1×1, 3×3 | 1×1, 3×3, 3×3 | 3×3 pooling, 1×1 → concatenation [→ ·s].

    Each convolution is followed by normalisation and ReLU. A module of stride 2 (3c, 4e) has no 1×1 branch and no 1×1
    behind its max pooling; SE sits on its output all the same.
    """

    def __init__(
        self, inputs: int, widths: Widths, norm_cfg: dict[str, Any], se: SESpec | None, with_cp: bool = False
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.stride, self.pool = widths.stride, widths.pool
        (reduce, conv), (double_reduce, double) = widths.conv3x3, widths.double3x3
        self.conv1x1 = ConvNorm(inputs, widths.conv1x1, 1, norm_cfg) if widths.conv1x1 else None
        self.conv3x3_reduce = ConvNorm(inputs, reduce, 1, norm_cfg)
        self.conv3x3 = ConvNorm(reduce, conv, 3, norm_cfg, self.stride)
        self.double3x3_reduce = ConvNorm(inputs, double_reduce, 1, norm_cfg)
        self.double3x3a = ConvNorm(double_reduce, double, 3, norm_cfg)
        self.double3x3b = ConvNorm(double, double, 3, norm_cfg, self.stride)
        self.pool_proj = ConvNorm(inputs, widths.projection, 1, norm_cfg) if widths.projection else None
        self.place_se(se, dict(standard=widths.outputs(inputs)))

    def _pool(self, x: Tensor) -> Tensor:
        if self.stride == 2:
            # A strided convolution keeps the last row of an odd map, pooling in ceil mode drops it: pad it.
            height, width = x.shape[2:]
            return halve(F.pad(x, (0, width % 2, 0, height % 2), value=float('-inf')))
        if self.pool == 'avg':
            return F.avg_pool2d(x, 3, 1, padding=1)  # the padding counts, as in Caffe
        return F.max_pool2d(x, 3, 1, padding=1)

    def _forward(self, x: Tensor) -> Tensor:
        branches = [] if self.conv1x1 is None else [self.conv1x1(x)]
        branches.append(self.conv3x3(self.conv3x3_reduce(x)))
        branches.append(self.double3x3b(self.double3x3a(self.double3x3_reduce(x))))
        pooled = self._pool(x)
        branches.append(pooled if self.pool_proj is None else self.pool_proj(pooled))
        return self.rescale('standard', torch.cat(branches, 1))


class MaxPool(nn.Module):
    """3×3/2 max pooling in ceil mode."""

    def forward(self, x: Tensor) -> Tensor:
        """x (N,C,H,W) → (N,C,H/2,W/2)."""
        return halve(x)


class BNInception(Backbone):
    """x (N,3,H,W) → 7×7/2, pool → 1×1, 3×3 → pool, 3a, 3b → 3c, 4a–4d → 4e, 5a, 5b, strides 4, 8, 16, 32.

    The widths are those of the SENet authors' SE-BN-Inception: 2.03 GFLOPs, 11.29 M parameters with the classifier.
    Convolutions have no biases, as there. SE rescales the output of every Inception module. The network has no stages
    by name; stages 2–5 of the `se` argument are the four above, so that 3c and 4e, which halve the map, belong to the
    stage behind them, as in a ResNet. Stage 2 has no Inception module and thus no place for SE.

    Args:
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 2

    def __init__(self, **backbone: Any) -> None:
        super().__init__(**backbone)
        if self.se is not None:
            self.se.check_stages((3, 4, 5), f'SE in {self._name}')
        self.conv1 = ConvNorm(3, 64, 7, self.norm_cfg, 2)
        reduce, conv = ConvNorm(64, 64, 1, self.norm_cfg), ConvNorm(64, 192, 3, self.norm_cfg)
        self.add_stage('conv2', nn.Sequential(reduce, conv), 192, 4)
        inputs = 192
        for index, modules in enumerate(STAGES, start=1):
            stage = Sequential()
            if index == 1:
                stage.add_module('pool', MaxPool())
            for name, widths in modules.items():
                module = InceptionModule(inputs, widths, self.norm_cfg, self.stage_se(index), self.with_cp)
                stage.add_module(name, module)
                inputs = widths.outputs(inputs)
            self.add_stage(f'stage{index + 2}', stage, inputs, 4 * 2**index)
        self.finish()

    def stem_modules(self) -> list[nn.Module]:
        """The 7×7 convolution."""
        return [self.conv1]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,64,H/4,W/4)."""
        return halve(self.conv1(x))


SEBNInception = register_with_se(BNInception)
