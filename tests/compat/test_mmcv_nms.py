import numpy as np
import pytest
import torch
import torchvision.ops as tv
from hypothesis import given, settings
from hypothesis import strategies as st

import senet_mm  # noqa: F401 - makes mmcv.ops importable
from senet_mm.compat.mmcv_common import MissingOperatorError

ops = pytest.importorskip('mmcv.ops')
ext = pytest.importorskip('mmcv._ext')
if ext.__spec__.origin != 'senet_mm.compat.mmcv_ops':
    pytest.skip('a compiled mmcv is installed, and used', allow_module_level=True)

DEVICES = ['cpu', *(['cuda'] if torch.cuda.is_available() else [])]
HALVES = [torch.float16, torch.bfloat16]


def random_boxes(count=300, classes=80):
    generator = torch.Generator().manual_seed(1)
    corner = torch.rand(count, 2, generator=generator) * 1100
    size = torch.rand(count, 2, generator=generator) * 230 + 3
    scores = torch.randperm(count, generator=generator) / count
    return torch.cat([corner, corner + size], 1), scores, torch.randint(classes, (count,), generator=generator)


@pytest.mark.parametrize(
    ('threshold', 'kept'),
    [(0.59, [2, 0]), (0.6, [2, 0, 1]), (0.33, [2, 1]), (0.34, [2, 0])],
)
def test_nms_by_hand(threshold, kept):
    # IoU: 60 / 100 of the first two; 50 / 150 of the first and the last; 30 / 130 of the others
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 6], [5, 0, 15, 10]])
    dets, indices = ops.nms(boxes, torch.tensor([0.8, 0.7, 0.9]), threshold)
    assert indices.tolist() == kept
    assert torch.equal(dets[:, :4], boxes[indices])


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('threshold', [0.1, 0.5, 0.7])
def test_nms_equals_torchvision(threshold, device):
    boxes, scores, _ = (each.to(device) for each in random_boxes())
    expected = tv.nms(boxes, scores, threshold)
    assert torch.equal(ops.nms(boxes, scores, threshold)[1], expected)
    assert torch.equal(ops.nms(boxes, scores, threshold, max_num=7)[1], expected[:7])
    above = scores[expected] > 0.5
    assert torch.equal(ops.nms(boxes, scores, threshold, score_threshold=0.5)[1], expected[above])


def test_nms_of_nothing_keeps_nothing():
    dets, indices = ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert dets.shape == (0, 5)
    assert indices.dtype == torch.long


def test_nms_takes_numpy_arrays():
    boxes, scores, _ = random_boxes()
    indices = ops.nms(boxes.numpy(), scores.numpy(), 0.5)[1]
    assert indices.tolist() == tv.nms(boxes, scores, 0.5).tolist()


@pytest.mark.parametrize('dtype', HALVES)
def test_nms_in_half_precision_is_decided_in_float32(dtype):
    boxes, scores, _ = random_boxes()
    boxes = boxes.to(dtype)
    assert torch.equal(ops.nms(boxes, scores, 0.5)[1], tv.nms(boxes.float(), scores, 0.5))
    assert ops.nms(boxes, scores.to(dtype), 0.5)[0].dtype == dtype


corners = st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(1, 30)] * 2).map(
    lambda b: (*b[:2], b[0] + b[2], b[1] + b[3])
)


@given(boxes=st.lists(corners, min_size=1, max_size=25), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_nms_keeps_what_no_better_kept_box_overlaps(boxes, seed):
    scores = torch.randperm(len(boxes), generator=torch.Generator().manual_seed(seed)) + 1.0
    kept = ops.nms(torch.tensor(boxes, dtype=torch.float32), scores, 0.5)[1].tolist()
    assert kept == sorted(kept, key=lambda i: -scores[i])
    for i in range(len(boxes)):
        better = [k for k in kept if scores[k] > scores[i]]
        assert (i in kept) != any(overlap_is_over_half(boxes[i], boxes[k]) for k in better)


def overlap_is_over_half(a, b):
    """IoU > 1/2 in whole numbers."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared
    return 2 * shared > union


@pytest.mark.parametrize('device', DEVICES)
def test_batched_nms_equals_torchvision(device):
    boxes, scores, classes = (each.to(device) for each in random_boxes(classes=4))
    expected = tv.batched_nms(boxes, scores, classes, 0.5)
    dets, kept = ops.batched_nms(boxes, scores, classes, {'type': 'nms', 'iou_threshold': 0.5})
    assert torch.equal(kept, expected)
    assert torch.equal(dets, torch.cat([boxes, scores[:, None]], 1)[expected])


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('dtype', HALVES)
@pytest.mark.parametrize(
    'config',
    [
        {'type': 'nms', 'iou_threshold': 0.3},
        {'type': 'nms', 'iou_threshold': 0.3, 'split_thr': 10, 'max_num': 50},
        {'type': 'nms', 'iou_threshold': 0.3, 'class_agnostic': True},
        {'type': 'soft_nms', 'iou_threshold': 0.3, 'min_score': 0.05},
    ],
)
def test_batched_nms_keeps_the_same_in_half_precision(config, dtype, device):
    boxes, scores, classes = (each.to(device) for each in random_boxes(400))
    boxes = boxes.to(dtype)
    dets, kept = ops.batched_nms(boxes, scores, classes, config)
    expected = ops.batched_nms(boxes.float(), scores, classes, config)[1]
    assert torch.equal(kept, expected)
    assert torch.equal(dets[:, :4], boxes[kept].float())


@pytest.mark.parametrize('dtype', HALVES)
def test_batched_nms_finds_duplicates_of_the_last_class_in_half_precision(dtype):
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 10], [20, 20, 30, 30], [1000, 1000, 1333, 1333]], dtype=dtype)
    scores, classes = torch.tensor([0.9, 0.8, 0.7, 0.6], dtype=dtype), torch.full((4,), 79)
    dets, kept = ops.batched_nms(boxes, scores, classes, {'type': 'nms', 'iou_threshold': 0.5})
    assert kept.tolist() == [0, 2, 3]
    assert dets.dtype == dtype


def test_batched_nms_without_a_config_only_sorts():
    _, order = ops.batched_nms(torch.zeros(3, 4), torch.tensor([0.1, 0.3, 0.2]), torch.zeros(3), None)
    assert order.tolist() == [1, 2, 0]


def test_nms_with_offset_one_raises():
    with pytest.raises(MissingOperatorError, match=r"'nms' is not available.*offset=1.*pip install"):
        ops.nms(*random_boxes()[:2], 0.5, offset=1)


# --- Soft-NMS ---------------------------------------------------------------------------------------------------------


def published_soft_nms(boxes, scores, method, iou_threshold=0.3, sigma=0.5, min_score=0.05, offset=0):
    """Bodla et al. 2017, Fig. 3, in float32; a box that goes has its place taken by the last in the list."""
    boxes, scores = np.float32(boxes), np.float32(scores).copy()
    size = boxes[:, 2:] - boxes[:, :2] + np.float32(offset)
    waiting, chosen = list(range(len(boxes))), []
    while waiting:
        best = max(range(len(waiting)), key=lambda place: scores[waiting[place]])
        waiting[0], waiting[best] = waiting[best], waiting[0]
        m = waiting.pop(0)
        chosen.append((m, scores[m]))
        for b in waiting:
            shared = (
                np.minimum(boxes[m, 2:], boxes[b, 2:]) - np.maximum(boxes[m, :2], boxes[b, :2]) + np.float32(offset)
            )
            shared = np.prod(np.maximum(shared, 0))
            union = np.prod(size[m]) + np.prod(size[b]) - shared
            iou = shared / union if union > 0 else np.float32(0)
            if method == 'gaussian':
                scores[b] *= np.exp(-(iou**2) / np.float32(sigma))
            elif iou >= np.float32(iou_threshold):
                scores[b] *= 1 - iou if method == 'linear' else 0
        place = 0
        while place < len(waiting):
            if scores[waiting[place]] >= np.float32(min_score):
                place += 1
            else:
                waiting[place] = waiting[-1]
                waiting.pop()
    return [m for m, _ in chosen], [score for _, score in chosen]


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
def test_soft_nms_equals_the_published_algorithm(method, offset):
    boxes, scores, _ = random_boxes(150)
    dets, kept = ops.soft_nms(boxes, scores, 0.3, 0.5, 0.05, method, offset)
    expected, expected_scores = published_soft_nms(boxes, scores, method, offset=offset)
    assert kept.tolist() == expected
    np.testing.assert_allclose(dets[:, 4], expected_scores, rtol=1e-5)
    assert torch.equal(dets[:, :4], boxes[kept])


@given(
    boxes=st.lists(corners, min_size=1, max_size=15),
    grades=st.lists(st.integers(0, 4), min_size=15, max_size=15),
    method=st.sampled_from(['naive', 'linear']),
)
@settings(max_examples=50, deadline=None)
def test_soft_nms_leaves_ties_in_the_same_order(boxes, grades, method):
    scores = torch.tensor(grades[: len(boxes)]) / 4
    _, kept = ops.soft_nms(torch.tensor(boxes, dtype=torch.float32), scores, 0.3, 0.5, 0.1, method)
    assert kept.tolist() == published_soft_nms(boxes, scores, method, min_score=0.1)[0]


def test_soft_nms_by_hand():
    # IoU 0.6: the second box keeps 0.8 · (1 - 0.6) = 0.32, less than the third, which overlaps nothing
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 6], [20, 20, 30, 30]])
    dets, kept = ops.soft_nms(boxes, torch.tensor([0.9, 0.8, 0.5]), iou_threshold=0.3)
    assert kept.tolist() == [0, 2, 1]
    torch.testing.assert_close(dets[:, 4], torch.tensor([0.9, 0.5, 0.32]))


@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
def test_soft_nms_of_boxes_without_area(method):  # the example in mmcv's docstring; it has five left
    boxes = torch.tensor([[4.0, 3, 5, 3], [4, 3, 5, 4], [3, 1, 3, 1], [3, 1, 3, 1], [3, 1, 3, 1], [3, 1, 3, 1]])
    dets, kept = ops.soft_nms(boxes, torch.tensor([0.9, 0.9, 0.5, 0.5, 0.4, 0.0]), 0.6, sigma=0.5, method=method)
    assert kept.tolist() == [0, 1, 2, 3, 4]
    assert dets[:, 4].tolist() == pytest.approx([0.9, 0.9, 0.5, 0.5, 0.4])


def test_soft_nms_of_nothing_keeps_nothing():
    dets, kept = ops.soft_nms(torch.zeros(0, 4), torch.zeros(0))
    assert dets.shape == (0, 5)
    assert kept.shape == (0,)


@pytest.mark.parametrize('dtype', HALVES)
def test_soft_nms_in_half_precision_keeps_the_same(dtype):
    boxes, scores, _ = random_boxes(100)
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    dets, kept = ops.soft_nms(boxes, scores)
    expected, expected_kept = ops.soft_nms(boxes.float(), scores.float())
    assert torch.equal(kept, expected_kept)
    assert torch.equal(dets, expected.to(dtype))
