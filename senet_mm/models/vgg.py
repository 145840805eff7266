"""VGG with BatchNorm (arXiv 1409.1556), with and without SE, and the step from its maps to its classifier."""

from __future__ import annotations

from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from senet_mm.layers import SESpec, SEUnit
from senet_mm.models.backbone import Backbone, register_with_se
from senet_mm.registry import MODELS

WIDTHS = (64, 128, 256, 512, 512)  # of the five stages: Table 1 of the VGG paper
DEPTHS: dict[int, tuple[int, ...]] = {  # 3×3 convolutions of each stage; three fully-connected layers follow
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


class Rectifier(SEUnit):
    """u (N,C,H,W) → ReLU [→ ·s]: the non-linearity of a convolution, and behind it the one place for SE."""

    def __init__(self, channels: int, se: SESpec | None) -> None:
        super().__init__()
        self.place_se(se, dict(standard=channels))

    def forward(self, u: Tensor) -> Tensor:
        """Run the pipeline above."""
        return self.rescale('standard', torch.relu_(u))


class VGG(Backbone):
    """x (N,3,H,W) → five stages of [3×3 convolution, norm, ReLU [, SE]] × n → 2×2/2 max pooling, strides 2 … 32.

    Parameters are named as torchvision's `vgg16_bn` names them, `features.0` … `features.43`, so its checkpoints load;
    SE adds `features.N.se.fc1` and `features.N.se.fc2` to the non-linearity N. Stages 1–5 of the `se` argument are the
    VGG paper's conv1–conv5. An FPN takes `out_indices=(1, 2, 3, 4)`. The classifier's hidden layers are its head's:
    senet_mm.GridFlatten as the neck, mmpretrain's StackedLinearClsHead as the head.

    `with_cp` recomputes a stage at a time.

    Args:
        depth: 11, 13, 16 or 19 layers with weights.
        **backbone: The arguments of Backbone: se, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg.

    Raises:
        ValueError: An argument has a value it cannot have; the message names what is allowed.
    """

    first_se_stage = 1

    def __init__(self, depth: int = 16, **backbone: Any) -> None:
        super().__init__(**backbone)
        if depth not in DEPTHS:
            raise ValueError(f'depth={depth!r}: {self._name} has depths {", ".join(map(str, DEPTHS))}')
        self.depth = depth
        self.features = Sequential()
        self._ends = [0]  # where in `features` the stages begin and end
        inputs = 3
        for index, (channels, count) in enumerate(zip(WIDTHS, DEPTHS[depth], strict=True)):
            for _ in range(count):
                self.features.append(nn.Conv2d(inputs, channels, 3, padding=1))
                self.features.append(build_norm_layer(self.norm_cfg, channels)[1])
                self.features.append(Rectifier(channels, self.stage_se(index)))
                inputs = channels
            self.features.append(nn.MaxPool2d(2))
            self._ends.append(len(self.features))
            self.add_stage(f'conv{index + 1}', None, channels, 2 ** (index + 1))
        self.finish()

    def stem_modules(self) -> list[nn.Module]:
        """None: the first convolution belongs to the first stage."""
        return []

    def forward_stem(self, x: Tensor) -> Tensor:
        """x as it is."""
        return x

    def stage_modules(self, index: int) -> list[nn.Module]:
        """The stage's convolutions, normalisations and non-linearities, and the pooling behind them."""
        return [self.features[number] for number in range(*self._ends[index : index + 2])]

    def forward_stage(self, index: int, x: Tensor) -> Tensor:
        """x (N,C,H,W) → (N,C',H/2,W/2)."""
        if self.with_cp and torch.is_grad_enabled():  # the image needs no gradient, the first stage's weights do
            return checkpoint(super().forward_stage, index, x, use_reentrant=False)
        return super().forward_stage(index, x)


@MODELS.register_module()
class GridFlatten(BaseModule):
    """Tuple of maps → the last one (N,C,H,W) → average pooling to size × size → (N, C·size²), in a tuple.

    The neck between a VGG and its fully-connected layers; at 224×224 the last map is 7×7 and the pooling does nothing.

    Args:
        size: Height and width of the grid.
    """

    def __init__(self, size: int = 7) -> None:
        super().__init__()
        self.size = size

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Run the pipeline above."""
        x = maps[-1]
        if x.shape[2:] != (self.size, self.size):
            x = F.adaptive_avg_pool2d(x, self.size)
        return (x.flatten(1),)


SEVGG = register_with_se(VGG)
