import numpy as np
import pytest
import torch
import torchvision.ops as tv

import senet_mm  # noqa: F401 - makes mmcv.ops importable
from senet_mm.compat.mmcv_common import MissingOperatorError, missing_operator

ops = pytest.importorskip('mmcv.ops')
ext = pytest.importorskip('mmcv._ext')
if ext.__spec__.origin != 'senet_mm.compat.mmcv_ops':
    pytest.skip('a compiled mmcv is installed, and used', allow_module_level=True)

DEVICES = ['cpu', *(['cuda'] if torch.cuda.is_available() else [])]
HALVES = [torch.float16, torch.bfloat16]
ROI_ALIGN = [  # sampling ratio, aligned, spatial scale
    (ratio, aligned, scale) for ratio in (0, 1, 2, 3) for aligned in (True, False) for scale in (1.0, 0.25, 1 / 16)
]


def features(device='cpu', dtype=torch.float32):
    values = torch.rand(2, 3, 12, 15, generator=torch.Generator().manual_seed(0))
    return values.to(device, dtype).requires_grad_()


def rois(scale=1.0, device='cpu', dtype=torch.float32):
    """Image, x1 y1 x2 y2, on a 12 × 15 map: fractional, over the edge, tiny, the whole."""
    boxes = torch.tensor([[1.3, 0.7, 9.1, 8.2], [-2.5, 3.0, 5.0, 14.0], [4.2, 4.2, 4.4, 4.3], [0.0, 0.0, 15.0, 12.0]])
    images = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    return torch.cat([images, boxes / scale], 1).to(device, dtype)


def backward(output, inputs):
    weights = torch.linspace(-1, 1, output.numel(), device=output.device).reshape(output.shape).to(output.dtype)
    return torch.autograd.grad((output * weights).sum(), inputs)[0]


# --- RoIAlign ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize(('ratio', 'aligned', 'scale'), ROI_ALIGN)
def test_roi_align_forward_and_backward_equal_torchvision(ratio, aligned, scale, device):
    x, boxes = features(device), rois(scale, device)
    ours = ops.roi_align(x, boxes, (4, 3), scale, ratio, 'avg', aligned)
    theirs = tv.roi_align(x, boxes, (4, 3), scale, ratio, aligned)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    torch.testing.assert_close(backward(ours, x), backward(theirs, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('aligned', [True, False])
def test_roi_align_of_a_ramp_is_its_value_at_each_bin_centre(aligned):
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)  # the pixel of index i has its centre at i + 0.5
    out = ops.roi_align(ramp, torch.tensor([[0, 2.0, 3.0, 10.0, 7.0]]), (2, 4), 1.0, 2, 'avg', aligned)
    centres = torch.tensor([3.0, 5.0, 7.0, 9.0]) - (0.5 if aligned else 0)
    torch.testing.assert_close(out[0, 0], centres.expand(2, 4))


def test_roi_align_of_two_by_two_pixels_by_hand():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], requires_grad=True)
    out = ops.roi_align(x, torch.tensor([[0, 0.0, 0.0, 2.0, 2.0]]), 1, 1.0, 2, 'avg', True)
    assert out.item() == 2.5  # its four samples are the four pixels
    assert torch.autograd.grad(out.sum(), x)[0].tolist() == [[[[0.25, 0.25], [0.25, 0.25]]]]


def test_roi_align_of_a_constant_is_the_constant():
    out = ops.roi_align(torch.full((2, 3, 12, 15), 7.0), rois()[[0, 2]], 7)
    torch.testing.assert_close(out, torch.full((2, 3, 7, 7), 7.0))


def test_roi_align_gradcheck():
    x = features(dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: ops.roi_align(x, rois(dtype=torch.float64), 2, 0.5, 2, 'avg', True), x)


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('dtype', HALVES)
def test_roi_align_in_half_precision_is_float32_rounded_once(dtype, device):
    x, boxes = features(device, dtype), rois(0.25, device, dtype)
    wide = x.detach().float().requires_grad_()
    ours, theirs = ops.roi_align(x, boxes, 7, 0.25, 2), tv.roi_align(wide, boxes.float(), 7, 0.25, 2, aligned=True)
    assert ours.dtype == dtype
    assert torch.equal(ours, theirs.to(dtype))
    grad = torch.autograd.grad(ours.sum(), x)[0]
    assert torch.equal(grad, torch.autograd.grad(theirs.sum(), wide)[0].to(dtype))


@pytest.mark.parametrize('operator', ['roi_align', 'roi_pool'])
def test_no_rois_pool_to_nothing(operator):
    x = features()
    out = getattr(ops, operator)(x, torch.zeros(0, 5), (7, 7))
    assert out.shape == (0, 3, 7, 7)
    assert torch.autograd.grad(out.sum(), x)[0].count_nonzero() == 0


@pytest.mark.parametrize('operator', ['roi_align', 'roi_pool'])
def test_rois_in_float32_serve_half_precision_features(operator):
    x = features(dtype=torch.float16)
    pool = getattr(ops, operator)
    assert torch.equal(pool(x, rois(), (3, 3)), pool(x.float(), rois(), (3, 3)).half())


# --- RoIPool ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('scale', [1.0, 0.25, 1 / 16])
def test_roi_pool_forward_and_backward_equal_torchvision(scale, device):
    x, boxes = features(device), rois(scale, device)
    ours, theirs = ops.roi_pool(x, boxes, (4, 3), scale), tv.roi_pool(x, boxes, (4, 3), scale)
    assert torch.equal(ours, theirs)
    torch.testing.assert_close(backward(ours, x), backward(theirs, x))


def test_roi_pool_by_hand():
    x = torch.arange(16.0).reshape(1, 1, 4, 4).requires_grad_()
    out = ops.roi_pool(x, torch.tensor([[0, 0.0, 0.0, 3.0, 3.0]]), (2, 2), 1.0)
    assert out.tolist() == [[[[5, 7], [13, 15]]]]
    grad = torch.autograd.grad(out.sum(), x)[0].flatten()
    assert grad.nonzero().flatten().tolist() == [5, 7, 13, 15]
    assert grad.sum() == 4


def test_roi_pool_gradcheck():
    x = features(dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: ops.roi_pool(x, rois(dtype=torch.float64), 2, 0.5), x)


@pytest.mark.parametrize('dtype', HALVES)
def test_roi_pool_in_half_precision_keeps_the_values(dtype):
    x = features(dtype=dtype)
    ours, theirs = ops.roi_pool(x, rois(dtype=dtype), 3), tv.roi_pool(x.float(), rois(dtype=dtype).float(), 3)
    assert torch.equal(ours, theirs.to(dtype))
    assert torch.autograd.grad(ours.sum(), x)[0].dtype == dtype


# --- Focal loss -------------------------------------------------------------------------------------------------------


def logits_and_targets(device='cpu', dtype=torch.float32):
    logits = torch.randn(40, 6, generator=torch.Generator().manual_seed(2)) * 4
    targets = torch.randint(7, (40,), generator=torch.Generator().manual_seed(3))  # 6 is background
    return logits.to(device, dtype).requires_grad_(), targets.to(device)


def torchvision_focal_loss(logits, targets, gamma, alpha):
    one_hot = torch.nn.functional.one_hot(targets, 7)[:, :6].to(logits)
    return tv.sigmoid_focal_loss(logits, one_hot, alpha, gamma, 'none')


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize(('gamma', 'alpha'), [(2.0, 0.25), (0.5, 0.6), (0.0, 0.5)])
def test_sigmoid_focal_loss_equals_torchvision(gamma, alpha, device):
    logits, targets = logits_and_targets(device)
    ours = ops.sigmoid_focal_loss(logits, targets, gamma, alpha, None, 'none')
    theirs = torchvision_focal_loss(logits, targets, gamma, alpha)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    for reduction, total in (('sum', theirs.sum()), ('mean', theirs.sum() / 40)):
        loss = ops.sigmoid_focal_loss(logits, targets, gamma, alpha, None, reduction)
        torch.testing.assert_close(loss, total)
        grads = [torch.autograd.grad(each, logits, retain_graph=True)[0] for each in (loss, total)]
        torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-6)


def test_sigmoid_focal_loss_by_hand():
    # at logit 0 every probability is 1/2: α · 1/4 · ln 2 for the target, (1 - α) · 1/4 · ln 2 for the other class
    loss = ops.sigmoid_focal_loss(torch.zeros(1, 2), torch.tensor([0]), 2.0, 0.25, None, 'none')
    np.testing.assert_allclose(loss, np.log(2) / 4 * np.array([[0.25, 0.75]]), rtol=1e-6)


def test_sigmoid_focal_loss_is_finite_at_any_logit():
    logits = torch.tensor([[-200.0, 200.0], [200.0, -200.0]], requires_grad=True)
    loss = ops.sigmoid_focal_loss(logits, torch.tensor([0, 0]), 0.5, 0.25, None, 'none')
    assert loss.tolist() == [[50.0, 150.0], [0.0, 0.0]]  # α · 200 and (1 - α) · 200 where wrong, 0 where right
    assert torch.autograd.grad(loss.sum(), logits)[0].tolist() == [[-0.25, 0.75], [0.0, 0.0]]


def test_sigmoid_focal_loss_gradcheck():
    logits, targets = logits_and_targets(dtype=torch.float64)
    few, targets = logits[:6].detach().requires_grad_(), targets[:6]
    weight = torch.linspace(0.5, 2, 6, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: ops.sigmoid_focal_loss(x, targets, 2.0, 0.25, weight, 'none'), few)


def test_sigmoid_focal_loss_weighs_the_rows_of_each_class():
    logits, targets = logits_and_targets()
    weight = torch.tensor([1.0, 2, 3, 4, 5, 6])
    weighted, plain = (ops.sigmoid_focal_loss(logits, targets, 2.0, 0.25, w, 'none') for w in (weight, None))
    factors = torch.tensor([1.0, 2, 3, 4, 5, 6, 1])[targets]  # background: 1
    torch.testing.assert_close(weighted, plain * factors[:, None])


@pytest.mark.parametrize('dtype', HALVES)
def test_sigmoid_focal_loss_in_half_precision_is_float32_rounded_once(dtype):
    logits, targets = logits_and_targets(dtype=dtype)
    ours = ops.sigmoid_focal_loss(logits, targets, 2.0, 0.25, None, 'none')
    assert torch.equal(ours, ops.sigmoid_focal_loss(logits.float(), targets, 2.0, 0.25, None, 'none').to(dtype))


# --- What has no stand-in ---------------------------------------------------------------------------------------------


def test_max_mode_roi_align_raises():
    with pytest.raises(
        MissingOperatorError, match=r"'roi_align_forward' is not available.*pool_mode='max'.*pip install"
    ):
        ops.roi_align(features(), rois(), 7, 1.0, 0, 'max', True)


def test_an_operator_without_a_stand_in_raises_when_called():
    with pytest.raises(MissingOperatorError, match=r"'deform_conv_forward' is not available.*pip install"):
        ops.deform_conv2d(torch.ones(1, 1, 4, 4), torch.zeros(1, 18, 4, 4), torch.ones(1, 1, 3, 3), 1, 1)
    assert issubclass(MissingOperatorError, NotImplementedError)


@pytest.mark.parametrize('name', ['__path__', '__wrapped__', '_private'])
def test_names_that_are_no_operators_are_missing_as_usual(name):
    with pytest.raises(AttributeError, match=name):
        missing_operator(name)
    assert not hasattr(ext, name)


def test_environment_report_says_that_nothing_was_compiled():
    assert ops.get_compiler_version() == 'not compiled (torchvision operators in use)'
    assert ops.get_compiling_cuda_version() == 'not compiled (torchvision operators in use)'
