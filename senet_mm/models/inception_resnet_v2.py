"""Inception-ResNet-v2 (arXiv 1602.07261) as released, with and without SE."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from senet_mm.layers import ConvNorm, ResidualUnit, SESpec
from senet_mm.models.backbone import Backbone, register_with_se

BATCH_NORM_EPS = 1e-3  # TF-Slim's, which the released weights were trained with

# A branch: (outputs, kernel) of each convolution in turn.
Branch = tuple[tuple[int, int | tuple[int, int]], ...]


@dataclass(frozen=True)
class Options:
    """What all parts of one network have in common."""

    norm_cfg: dict[str, Any] = field(default_factory=lambda: dict(type='BN', eps=BATCH_NORM_EPS))
    aligned: bool = False

    @property
    def strided_padding(self) -> int:
        """Padding of the 3×3 layers that the released network does not pad."""
        return 1 if self.aligned else 0

    def branch(self, inputs: int, branch: Branch, stride: int = 1) -> ConvNorm | nn.Sequential:
        """The convolutions of `branch` in turn, the last with `stride`; one alone is not wrapped: timm's names."""
        layers = []
        for number, (outputs, kernel) in enumerate(branch, 1):
            strided = stride > 1 and number == len(branch)
            padding = self.strided_padding if strided else None
            layers.append(ConvNorm(inputs, outputs, kernel, self.norm_cfg, stride if strided else 1, padding))
            inputs = outputs
        return layers[0] if len(layers) == 1 else nn.Sequential(*layers)


class Mixed5b(nn.Module):
    """x (N,192,H,W) → four branches, the last from 3×3 average pooling → concatenation (N,320,H,W)."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.branch0 = options.branch(192, ((96, 1),))
        self.branch1 = options.branch(192, ((48, 1), (64, 5)))
        self.branch2 = options.branch(192, ((64, 1), (96, 3), (96, 3)))
        pool = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
        self.branch3 = nn.Sequential(pool, options.branch(192, ((64, 1),)))

    def forward(self, x: Tensor) -> Tensor:
        """Run the pipeline above."""
        return torch.cat((self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)), 1)


class Reduction(nn.Module):
    """x (N,C,H,W) → branches that end with stride 2, and 3×3/2 max pooling → concatenation, half the size.

    It has no SE: the paper puts SE on residual branches.
    """

    def __init__(self, inputs: int, branches: tuple[Branch, ...], options: Options) -> None:
        super().__init__()
        self.branches = len(branches)
        for index, branch in enumerate(branches):
            self.add_module(f'branch{index}', options.branch(inputs, branch, stride=2))
        self.add_module(f'branch{self.branches}', nn.MaxPool2d(3, 2, options.strided_padding))

    def forward(self, x: Tensor) -> Tensor:
        """Run the pipeline above."""
        return torch.cat([getattr(self, f'branch{index}')(x) for index in range(self.branches + 1)], 1)


class Block(ResidualUnit):
    """x → branches, concatenation → 1×1 convolution [→ ·s] → ·scale → + x [→ ReLU].

    The 1×1 convolution has a bias and no normalisation, and the scale goes into the join: no operation of its own.

    Args:
        channels: C of x and of the output.
        branches: What is concatenated.
        scale: Of the residual branch: it keeps deep Inception networks stable (Sec. 3.3 of the Inception paper).
        options: See Options.
        se: Options of the SE block.
        activate: Whether the ReLU is there; the network's last block has none.
    """

    def __init__(
        self,
        channels: int,
        branches: tuple[Branch, ...],
        scale: float,
        options: Options,
        se: SESpec | None,
        activate: bool = True,
    ) -> None:
        super().__init__()
        self.scale, self.activate = scale, activate
        self.branches = len(branches)
        for index, branch in enumerate(branches):
            self.add_module(f'branch{index}', options.branch(channels, branch))
        self.conv2d = nn.Conv2d(sum(branch[-1][0] for branch in branches), channels, 1)
        self.place_se(se, dict(standard=channels, pre=channels, post=channels, identity=channels))

    def forward(self, x: Tensor) -> Tensor:
        """x (N,C,H,W) → (N,C,H,W)."""
        u = self.before(x)
        u = torch.cat([getattr(self, f'branch{index}')(u) for index in range(self.branches)], 1)
        return self.join(self.conv2d(u), x, self.activate, self.scale)


BLOCK35: tuple[Branch, ...] = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3)))
BLOCK17: tuple[Branch, ...] = (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1))))
BLOCK8: tuple[Branch, ...] = (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1))))
MIXED6A: tuple[Branch, ...] = (((384, 3),), ((256, 1), (256, 3), (384, 3)))
MIXED7A: tuple[Branch, ...] = (((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3)))

# The parts of each stage, under the names that timm and Cadene give them at the top of their network.
STAGE_PARTS = (
    ('mixed_5b', 'repeat'),
    ('mixed_6a', 'repeat_1'),
    ('mixed_7a', 'repeat_2', 'block8', 'conv2d_7b'),
)


class InceptionResNetV2(Backbone):
    """x (N,3,H,W) → stem (N,192,H/8,W/8) → layer1, layer2, layer3: 320, 1088, 1536 channels, strides 8, 16, 32.

    layer1: Mixed_5b, 10 blocks of scale 0.17; layer2: Mixed_6a, 20 blocks of 0.10; layer3: Mixed_7a, 9 blocks of
    0.20, one of 1 without ReLU, 1×1 convolution. SE rescales a residual branch before its scale and sum. Neither paper
    numbers the stages: here the `se` argument's `stages` 3–5 are layer1–layer3, of the strides that stages 3–5 of a
    ResNet have. An FPN takes `out_indices=(0, 1, 2)`.

    Parts are named as timm and Cadene name them and their checkpoints load.

    At 299×299 this, the released network, has 13.16 billion multiply-adds and 55.84 million parameters, and SE adds
    0.009 billion; the paper prints 11.75 and 11.76 billion. Why is open. The nearest counts found are 11.73 and 11.74,
    of a 298×298 input (maps of 34, 16 and 7 instead of 35, 17 and 8), and 11.76 twice, of 5, 20 and 5 blocks. The
    network as the Inception paper draws it (Inception-v4's stem; 5, 10 and 5 blocks) has 9.26.

    Args:
        align_feature_maps: Pad every strided and unpadded layer by 1, as TF-Slim's option of this name does: maps are
            then 1/stride of the image, as detectors expect (8, 17, 35 at 299 become 10, 19, 38). Same parameters.
        norm_cfg: As Backbone's; eps is 0.001 unless it is given.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 3

    def __init__(
        self, align_feature_maps: bool = False, norm_cfg: dict[str, Any] | None = None, **backbone: Any
    ) -> None:
        super().__init__(norm_cfg=dict(dict(type='BN', eps=BATCH_NORM_EPS), **(norm_cfg or {})), **backbone)
        options = Options(self.norm_cfg, align_feature_maps)
        self._build_stem(options)

        block = partial(Block, 320, BLOCK35, scale=0.17, options=options, se=self.stage_se(0))
        self.mixed_5b = Mixed5b(options)
        self.repeat = Sequential(*[block() for _ in range(10)])
        self.add_stage('layer1', None, 320, 8)

        block = partial(Block, 1088, BLOCK17, scale=0.10, options=options, se=self.stage_se(1))
        self.mixed_6a = Reduction(320, MIXED6A, options)
        self.repeat_1 = Sequential(*[block() for _ in range(20)])
        self.add_stage('layer2', None, 1088, 16)

        block = partial(Block, 2080, BLOCK8, scale=0.20, options=options, se=self.stage_se(2))
        self.mixed_7a = Reduction(1088, MIXED7A, options)
        self.repeat_2 = Sequential(*[block() for _ in range(9)])
        self.block8 = block(scale=1.0, activate=False)
        self.conv2d_7b = ConvNorm(2080, 1536, 1, self.norm_cfg)
        self.add_stage('layer3', None, 1536, 32)
        self.finish()

    def _build_stem(self, options: Options) -> None:
        padding, norm_cfg = options.strided_padding, self.norm_cfg
        self.conv2d_1a = ConvNorm(3, 32, 3, norm_cfg, 2, padding)
        self.conv2d_2a = ConvNorm(32, 32, 3, norm_cfg, 1, padding)
        self.conv2d_2b = ConvNorm(32, 64, 3, norm_cfg)
        self.maxpool_3a = nn.MaxPool2d(3, 2, padding)
        self.conv2d_3b = ConvNorm(64, 80, 1, norm_cfg)
        self.conv2d_4a = ConvNorm(80, 192, 3, norm_cfg, 1, padding)
        self.maxpool_5a = nn.MaxPool2d(3, 2, padding)

    def stem_modules(self) -> list[nn.Module]:
        """The convolutions before layer1."""
        return [self.conv2d_1a, self.conv2d_2a, self.conv2d_2b, self.conv2d_3b, self.conv2d_4a]

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → (N,192,H/8,W/8)."""
        x = self.maxpool_3a(self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x))))
        return self.maxpool_5a(self.conv2d_4a(self.conv2d_3b(x)))

    def stage_modules(self, index: int) -> list[nn.Module]:
        """The parts of the stage with this index from 0, in the order they run."""
        return [getattr(self, part) for part in STAGE_PARTS[index]]

    def forward_stage(self, index: int, x: Tensor) -> Tensor:
        """The stage's input → its output; with `with_cp` every block is recomputed by itself."""
        for part in self.stage_modules(index):
            for unit in part if isinstance(part, Sequential) else (part,):
                x = checkpoint(unit, x, use_reentrant=False) if self.with_cp and x.requires_grad else unit(x)
        return x


SEInceptionResNetV2 = register_with_se(InceptionResNetV2)
