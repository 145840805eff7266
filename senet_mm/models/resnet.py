"""ResNet (arXiv 1512.03385) and ResNeXt (arXiv 1611.05431), each with and without SE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import Sequential
from torch import Tensor, nn

from senet_mm.layers import ResidualUnit, SESpec
from senet_mm.models.backbone import Backbone, register_with_se

STYLES = ('pytorch', 'caffe')


@dataclass(frozen=True)
class BlockOptions:
    """What all residual units of one network have in common; see ResNet."""

    style: str = 'pytorch'
    groups: int = 1
    base_width: int = 64
    avg_down: bool = False
    halve_first: bool = False
    projection_kernel: int = 1
    branch_relu: bool = False
    with_cp: bool = False
    norm_cfg: dict[str, Any] = field(default_factory=lambda: dict(type='BN'))

    def width(self, planes: int) -> int:
        """Channels of the 3×3 convolution in a bottleneck: ResNeXt's cardinality × width, scaled with `planes`."""
        return int(planes * self.base_width / 64) * self.groups


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


def _projection(inputs: int, outputs: int, stride: int, options: BlockOptions) -> nn.Sequential:
    """A projection shortcut: [average pooling,] convolution, normalisation; 1×1 where it has no stride."""
    pool: list[nn.Module] = []
    kernel = options.projection_kernel if stride > 1 else 1
    if options.avg_down:
        # ResNet-D (arXiv 1812.01187): the strided 1×1 convolution drops three quarters of its input, pooling does not.
        pool = [nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)]
        stride = 1
    return nn.Sequential(*pool, _conv(inputs, outputs, kernel, stride), build_norm_layer(options.norm_cfg, outputs)[1])


class _Block(ResidualUnit):
    """A residual unit: branch, shortcut, join. Subclasses say what the branch is."""

    expansion: int
    norm_names: list[str]

    def _add_conv(self, number: int, conv: nn.Conv2d, norm_cfg: dict[str, Any]) -> None:
        """Add conv<number> and its normalisation, named as OpenMMLab and torchvision name them: bn1, or gn1 for GN."""
        self.add_module(f'conv{number}', conv)
        name, norm = build_norm_layer(norm_cfg, conv.out_channels, postfix=number)
        self.add_module(name, norm)
        self.norm_names = [*getattr(self, 'norm_names', []), name]

    def _conv_norm(self, number: int, x: Tensor) -> Tensor:
        return getattr(self, self.norm_names[number - 1])(getattr(self, f'conv{number}')(x))

    @property
    def last_norm(self) -> nn.Module:
        """The normalisation before the sum."""
        return getattr(self, self.norm_names[-1])

    def branch(self, x: Tensor) -> Tensor:
        """The residual branch F(x)."""
        raise NotImplementedError

    def _forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.join(self.branch(self.before(x)), shortcut)

    def _finish(self, inputs: int, outputs: int, stride: int, options: BlockOptions) -> None:
        self.with_cp = options.with_cp
        self.downsample = _projection(inputs, outputs, stride, options) if stride > 1 or inputs != outputs else None


class BasicBlock(_Block):
    """x → 3×3, norm, ReLU → 3×3, norm [, ReLU] → + shortcut → ReLU."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, options: BlockOptions, se: SESpec | None) -> None:
        super().__init__()
        if options.groups != 1 or options.base_width != 64:
            raise ValueError(
                f'groups={options.groups}, base_width={options.base_width}: networks of basic blocks (depths 18 and '
                '34) have groups=1, base_width=64; ResNeXt has depths 50, 101 and 152'
            )
        if options.halve_first:
            raise ValueError('halve_first=True: basic blocks (depths 18 and 34) have no first 1×1 convolution to halve')
        self.branch_relu = options.branch_relu
        self._add_conv(1, _conv(inputs, planes, 3, stride), options.norm_cfg)
        self._add_conv(2, _conv(planes, planes, 3), options.norm_cfg)
        self._finish(inputs, planes, stride, options)
        self.place_se(se, dict(standard=planes, pre=inputs, post=planes, identity=planes))

    def branch(self, x: Tensor) -> Tensor:
        """x → 3×3, norm, ReLU → 3×3, norm [, ReLU]."""
        x = self._conv_norm(2, torch.relu_(self._conv_norm(1, x)))
        return torch.relu_(x) if self.branch_relu else x


class Bottleneck(_Block):
    """x → 1×1, norm, ReLU → 3×3, norm, ReLU → 1×1, norm → + shortcut → ReLU."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, options: BlockOptions, se: SESpec | None) -> None:
        super().__init__()
        width, outputs = options.width(planes), planes * self.expansion
        reduced = width // 2 if options.halve_first else width
        first, second = (stride, 1) if options.style == 'caffe' else (1, stride)
        self._add_conv(1, _conv(inputs, reduced, 1, first), options.norm_cfg)
        self._add_conv(2, _conv(reduced, width, 3, second, options.groups), options.norm_cfg)
        self._add_conv(3, _conv(width, outputs, 1), options.norm_cfg)
        self._finish(inputs, outputs, stride, options)
        self.place_se(se, {'standard': outputs, 'pre': inputs, 'post': outputs, 'identity': outputs, '3x3': width})

    def branch(self, x: Tensor) -> Tensor:
        """x → 1×1, norm, ReLU → 3×3, norm, ReLU → 1×1, norm."""
        x = torch.relu_(self._conv_norm(1, x))
        x = self.inside(torch.relu_(self._conv_norm(2, x)))
        return self._conv_norm(3, x)


ARCHITECTURES: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    26: (Bottleneck, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


class ResNet(Backbone):
    """x (N,3,H,W) → 7×7/2 convolution, 3×3/2 max pooling → layer1 … layer4, strides 4, 8, 16, 32.

    Parameters are named as torchvision and OpenMMLab name them, so their checkpoints load; SE adds `layerL.B.se.fc1`
    and `layerL.B.se.fc2`. The paper's stages 2–5 are layer1–layer4.

    Args:
        depth: 18, 34 (basic blocks), 26, 50, 101 or 152 (bottlenecks).
        num_stages: How many of layer1–layer4 to build.
        style: Which convolution of a bottleneck has the stride: 'pytorch' the 3×3, 'caffe' the first 1×1. The paper's
            networks are 'caffe' (3.86 GFLOPs at depth 50), torchvision's and OpenMMLab's 'pytorch' (4.09).
        groups: Cardinality of the 3×3 convolution.
        base_width: Channels per group of the 3×3 convolution in layer1.
        deep_stem: Three 3×3 convolutions in place of the 7×7 one (ResNet-C); OpenMMLab's names, `stem.0` … `stem.7`.
        stem_channels: Channels of the stem's output.
        ceil_pool: The stem's max pooling without padding, in ceil mode, as in the paper's released networks (Caffe).
        avg_down: Average pooling before the 1×1 convolution of a strided shortcut (ResNet-D).
        halve_first: Halve the first 1×1 convolution of each bottleneck (SENet-154; appendix (a)).
        projection_kernel: 1, or 3 for 3×3 convolutions in the strided shortcuts (SENet-154).
        branch_relu: A ReLU behind a basic block's second normalisation, before SE and the sum, as in timm's legacy
            SE-ResNet-18 and SE-ResNet-34.
        zero_init_residual: Start every branch at zero, by its last normalisation's scale.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 2

    def __init__(  # noqa: PLR0913 - the options of the family, flat as a config writes them
        self,
        depth: int,
        *,
        num_stages: int = 4,
        style: str = 'pytorch',
        groups: int = 1,
        base_width: int = 64,
        deep_stem: bool = False,
        stem_channels: int = 64,
        ceil_pool: bool = False,
        avg_down: bool = False,
        halve_first: bool = False,
        projection_kernel: int = 1,
        branch_relu: bool = False,
        zero_init_residual: bool = False,
        **backbone: Any,
    ) -> None:
        super().__init__(**backbone)
        if depth not in ARCHITECTURES:
            raise ValueError(f'depth={depth!r}: {self._name} has depths {", ".join(map(str, ARCHITECTURES))}')
        if style not in STYLES:
            raise ValueError(f'style={style!r} is not one of {", ".join(map(repr, STYLES))}')
        if num_stages not in range(1, 5):
            raise ValueError(f'num_stages={num_stages!r}: {self._name} has 1 to 4')
        if projection_kernel not in (1, 3) or (avg_down and projection_kernel == 3):
            raise ValueError(f'projection_kernel={projection_kernel!r} is not 1 or, without avg_down, 3')
        if branch_relu and ARCHITECTURES[depth][0] is not BasicBlock:
            raise ValueError(f'branch_relu=True: {self._name} has basic blocks at depths 18 and 34 only')
        self.depth, self.style, self.branch_relu = depth, style, branch_relu
        self.zero_init_residual = zero_init_residual
        self._build_stem(deep_stem, stem_channels, ceil_pool)
        options = BlockOptions(
            style,
            groups,
            base_width,
            avg_down,
            halve_first,
            projection_kernel,
            branch_relu,
            self.with_cp,
            self.norm_cfg,
        )
        block, counts = ARCHITECTURES[depth]
        inputs = stem_channels
        for index, count in enumerate(counts[:num_stages]):
            planes = 64 * 2**index
            units = []
            for unit in range(count):
                stride = 2 if unit == 0 and index > 0 else 1
                units.append(block(inputs, planes, stride, options, self.stage_se(index)))
                inputs = planes * block.expansion
            self.add_stage(f'layer{index + 1}', Sequential(*units), inputs, 4 * 2**index)
        self.finish()

    def _build_stem(self, deep: bool, channels: int, ceil_pool: bool) -> None:
        self.deep_stem = deep
        if deep:
            layers: list[nn.Module] = []
            widths = (3, channels // 2, channels // 2, channels)
            for inputs, outputs, stride in zip(widths[:-1], widths[1:], (2, 1, 1), strict=True):
                norm = build_norm_layer(self.norm_cfg, outputs)[1]
                layers += [_conv(inputs, outputs, 3, stride), norm, nn.ReLU(inplace=True)]
            self.stem = nn.Sequential(*layers)
        else:
            self.conv1 = _conv(3, channels, 7, 2)
            self._stem_norm, norm = build_norm_layer(self.norm_cfg, channels, postfix=1)
            self.add_module(self._stem_norm, norm)
        # Without padding the windows start at the first pixel, not one before it: as many outputs, other values.
        self.maxpool = nn.MaxPool2d(3, 2, ceil_mode=True) if ceil_pool else nn.MaxPool2d(3, 2, padding=1)

    def stem_modules(self) -> list[nn.Module]:
        """The convolutions and normalisations before layer1."""
        return [self.stem] if self.deep_stem else [self.conv1, getattr(self, self._stem_norm)]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,C,H/4,W/4)."""
        x = self.stem(x) if self.deep_stem else torch.relu_(getattr(self, self._stem_norm)(self.conv1(x)))
        return self.maxpool(x)

    def init_weights(self) -> None:
        """Initialise as `init_cfg` says; a branch starts at zero if `zero_init_residual`."""
        super().init_weights()
        if self.zero_init_residual and not self._is_pretrained:
            for module in self.modules():
                if isinstance(module, _Block):
                    nn.init.zeros_(module.last_norm.get_parameter('weight'))

    @property
    def _is_pretrained(self) -> bool:
        return isinstance(self.init_cfg, dict) and self.init_cfg.get('type') == 'Pretrained'


class ResNeXt(ResNet):
    """ResNet whose 3×3 convolutions are grouped: 32×4d by default. Arguments as ResNet's.

    Raises:
        ValueError: The depth has no bottlenecks to group (18, 34), or as for ResNet.
    """

    def __init__(self, depth: int, groups: int = 32, base_width: int = 4, **resnet: Any) -> None:
        super().__init__(depth, groups=groups, base_width=base_width, **resnet)


SEResNet = register_with_se(ResNet)
SEResNeXt = register_with_se(ResNeXt)
