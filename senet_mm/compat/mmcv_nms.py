"""NMS, batched NMS and Soft-NMS as `mmcv._ext` has them, in torchvision's terms or a few lines of torch."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from senet_mm.compat.mmcv_common import MissingOperatorError, wide


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices kept by non-maximum suppression, by falling score.

    Args:
        boxes: (N, 4), x1 y1 x2 y2.
        scores: (N,).
        iou_threshold: a box that overlaps a better one by more goes.
        offset: 0; with 1, widths are x2 - x1 + 1.

    Raises:
        MissingOperatorError: `offset=1`.
    """
    if offset != 0:
        raise MissingOperatorError('nms', f'torchvision has no NMS with offset={offset} (offset=0 works)')
    threshold = torch.tensor(iou_threshold, dtype=torch.float32).item()  # mmcv's is a C float, torchvision's a double
    return torch.ops.torchvision.nms(*wide(boxes, scores), threshold)


def offsetting_in_float32(batched_nms: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Wrap `mmcv.ops.batched_nms`, which moves each class aside before it calls `nms`, in the boxes' own type.

    Half precision has no room for that: with 80 classes at coordinates of 1,333, float16 overflows and bfloat16 rounds
    to multiples of 512. So half-precision boxes go in as float32; the detections come back in the type
    boxes and scores have in common.
    """

    @functools.wraps(batched_nms)
    def wrapper(
        boxes: Tensor, scores: Tensor, idxs: Tensor, nms_cfg: dict | None, class_agnostic: bool = False
    ) -> tuple[Tensor, Tensor]:
        detections, kept = batched_nms(wide(boxes)[0], scores, idxs, nms_cfg, class_agnostic)
        return detections.to(torch.promote_types(boxes.dtype, scores.dtype)), kept

    return wrapper


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Return the indices kept by Soft-NMS (Bodla et al., arXiv 1704.04503), and write `dets`.

    The order among equal scores is mmcv's. Two boxes of no area do not overlap (mmcv divides 0 by 0 there).

    Args:
        boxes: (N, 4), x1 y1 x2 y2.
        scores: (N,).
        dets: (N, 5); its first K rows, K being the number of boxes kept, become the boxes with their decayed scores.
        iou_threshold: overlap from which methods 0 and 1 lower a score.
        sigma: spread of method 2.
        min_score: a box whose decayed score is below it goes.
        method: 0 hard, 1 linear, 2 gaussian.
        offset: 0 or 1, added to widths and heights.
    """
    rest = torch.stack(wide(*boxes.unbind(1), scores))  # (5, N): x1 y1 x2 y2 score, in mmcv's order
    index = torch.arange(len(boxes), device=boxes.device)
    kept = index.clone()
    count = 0
    while len(index):
        best = int(rest[4].argmax())
        top = rest[:, best].clone()
        dets[count], kept[count] = top, index[best]
        count += 1
        rest[:, best], index[best] = rest[:, 0], index[0]  # mmcv swaps the best with the first
        rest, index = rest[:, 1:], index[1:]
        rest[4] *= _decay(_iou(top, rest, offset), iou_threshold, sigma, method)
        goes = rest[4] < min_score
        if goes.any():
            order = _order_after_removal(~goes)
            rest, index = rest[:, order], index[order]
    return kept[:count]


def _iou(box: Tensor, others: Tensor, offset: int) -> Tensor:
    """Intersection over union of one box (4 or more) with others, a column each (4 or more, N): (N,)."""
    low, high = torch.maximum(box[:2, None], others[:2]), torch.minimum(box[2:4, None], others[2:4])
    width, height = (high - low + offset).clamp(min=0)
    widths, heights = others[2:4] - others[:2] + offset
    area = (box[2:4] - box[:2] + offset).prod()
    shared = width * height
    return (shared / (widths * heights + area - shared)).nan_to_num(nan=0.0)


def _decay(overlap: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    """What the scores of boxes with these overlaps (N,) are multiplied by."""
    if method == 2:
        return torch.exp(-overlap.square() / sigma)
    lowered = 1 - overlap if method == 1 else torch.zeros_like(overlap)
    return torch.where(overlap >= iou_threshold, lowered, torch.ones_like(overlap))


def _order_after_removal(stays: Tensor) -> Tensor:
    """Order in which mmcv leaves the boxes that stay (N,): each gap is filled with the last box of the list."""
    count = int(stays.sum())
    order = torch.arange(count, device=stays.device)
    order[~stays[:count]] = count + stays[count:].nonzero().flatten().flip(0)
    return order
