"""Convolution, normalisation, activation: the layer that the Inception and mobile families are made of."""

from __future__ import annotations

from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """x (N,C,H,W) → convolution without bias → normalisation [→ ReLU] (N,C',H/stride,W/stride).

    Parameters are named as mmcv's ConvModule names them: `conv` and `bn`, or `gn` for GN.

    Args:
        inputs: C.
        outputs: C'.
        kernel: Height and width, or one number for both.
        norm_cfg: Normalisation layer with mmcv's options.
        stride: Of the convolution.
        padding: None pads by half the kernel, which keeps the size at stride 1.
        groups: Of the convolution; as many as channels for a depthwise one.
        activate: Whether the ReLU is there.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        norm_cfg: dict[str, Any],
        stride: int = 1,
        padding: int | tuple[int, int] | None = None,
        groups: int = 1,
        activate: bool = True,
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        if padding is None:
            padding = (height // 2, width // 2)
        self.conv = nn.Conv2d(inputs, outputs, (height, width), stride, padding, groups=groups, bias=False)
        self.norm_name, norm = build_norm_layer(norm_cfg, outputs)
        self.add_module(self.norm_name, norm)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """Run the pipeline above."""
        x = getattr(self, self.norm_name)(self.conv(x))
        return torch.relu_(x) if self.activate else x
