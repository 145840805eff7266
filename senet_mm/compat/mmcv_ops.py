"""The operators of `mmcv._ext` that torchvision, or a few lines of torch, can serve: on CPU and GPU, in any precision.

They keep mmcv's calling convention: arguments by mmcv's names, results written in place into the tensors passed for
them. Half-precision input is computed in float32 and rounded once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from senet_mm.compat.mmcv_common import MissingOperatorError, wide
from senet_mm.compat.mmcv_nms import nms, softnms

NOT_COMPILED = 'not compiled (torchvision operators in use)'
AVERAGE = 1  # mmcv's pool_mode


def roi_align_forward(  # noqa: PLR0913, PLR0917 - mmcv's signature
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write RoIAlign of `input` (N, C, H, W) at `rois` (K, 5: image, x1 y1 x2 y2) into `output` (K, C, h, w).

    Raises:
        MissingOperatorError: max mode (`pool_mode=0`), the only one that uses `argmax_y` and `argmax_x`.
    """
    _refuse_max_mode('roi_align_forward', pool_mode)
    values = torch.ops.torchvision.roi_align(
        *wide(input, rois), spatial_scale, aligned_height, aligned_width, sampling_ratio, aligned
    )
    output.copy_(values)


def roi_align_backward(  # noqa: PLR0913, PLR0917 - mmcv's signature
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the gradient of RoIAlign's input into `grad_input` (N, C, H, W), from `grad_output` (K, C, h, w).

    Raises:
        MissingOperatorError: max mode (`pool_mode=0`).
    """
    _refuse_max_mode('roi_align_backward', pool_mode)
    size = (spatial_scale, aligned_height, aligned_width, *grad_input.shape)
    grad = torch.ops.torchvision._roi_align_backward(*wide(grad_output, rois), *size, sampling_ratio, aligned)
    grad_input.copy_(grad)


def _refuse_max_mode(operator: str, pool_mode: int) -> None:
    if pool_mode != AVERAGE:
        raise MissingOperatorError(operator, "torchvision's RoIAlign has no pool_mode='max' (pool_mode='avg' works)")


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Write RoIPool of `input` (N, C, H, W) at `rois` (K, 5: image, x1 y1 x2 y2) into `output` (K, C, h, w).

    `argmax`, int32 of the same shape, becomes the cell each value came from, -1 where there was none. RoIs are rounded
    to whole cells first, as in Fast R-CNN and torchvision; a compiled mmcv does not round, and so pools a little more
    where RoI edges fall between cells.
    """
    values, cells = torch.ops.torchvision.roi_pool(*wide(input, rois), spatial_scale, pooled_height, pooled_width)
    output.copy_(values)
    argmax.copy_(cells)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Write the gradient of RoIPool's input into `grad_input` (N, C, H, W), from `grad_output` (K, C, h, w)."""
    grad_output, rois = wide(grad_output, rois)
    size = (spatial_scale, pooled_height, pooled_width, *grad_input.shape)
    grad_input.copy_(torch.ops.torchvision._roi_pool_backward(grad_output, rois, argmax, *size))


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the focal loss (Lin et al., arXiv 1708.02002, Eq. 5) of logits `input` (N, C) into `output` (N, C).

    With x the logit of a target class and minus the logit of any other: -α_t · sigmoid(-x)^γ · log sigmoid(x).

    Args:
        input: (N, C) logits.
        target: (N,) class indices; any index outside [0, C) is background.
        weight: (C,) factors for the rows of each class, background rows keeping 1, or empty for none.
        output: (N, C).
        gamma: focusing parameter.
        alpha: weight of the target class; the others weigh 1 - alpha.
    """
    x, _, scale = _focal_terms(input, target, weight, alpha)
    output.copy_(-scale * torch.sigmoid(-x) ** gamma * F.logsigmoid(x))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Write the derivative of `sigmoid_focal_loss_forward` by its input into `grad_input` (N, C)."""
    x, sign, scale = _focal_terms(input, target, weight, alpha)
    p, q = torch.sigmoid(x), torch.sigmoid(-x)
    grad_input.copy_(sign * scale * q**gamma * (gamma * p * F.logsigmoid(x) - q))


def _focal_terms(input: Tensor, target: Tensor, weight: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """The signed logit, its sign (+ for the target class) and the factor α_t · weight, each (N, C)."""
    (logits,) = wide(input)
    positive = target[:, None] == torch.arange(logits.shape[1], device=target.device)
    sign = torch.where(positive, 1.0, -1.0).to(logits)
    scale = torch.where(positive, alpha, 1 - alpha).to(logits)
    if weight.numel():
        foreground = (target >= 0) & (target < len(weight))
        rows = torch.where(foreground, weight[target.clamp(0, len(weight) - 1)], 1)
        scale = scale * rows[:, None].to(logits)
    return sign * logits, sign, scale


def get_compiler_version() -> str:
    """Say, to the environment report of mmengine and mmdet, that nothing was compiled."""
    return NOT_COMPILED


def get_compiling_cuda_version() -> str:
    """Say, to the environment report of mmengine and mmdet, that nothing was compiled."""
    return NOT_COMPILED


OPERATORS: dict[str, Callable[..., Any]] = {
    operator.__name__: operator
    for operator in (
        nms,
        softnms,
        roi_align_forward,
        roi_align_backward,
        roi_pool_forward,
        roi_pool_backward,
        sigmoid_focal_loss_forward,
        sigmoid_focal_loss_backward,
        get_compiler_version,
        get_compiling_cuda_version,
    )
}
