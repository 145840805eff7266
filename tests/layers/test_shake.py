"""The mix of two branches: its coefficients' statistics, its gradient, and the ways in which torch runs it."""

import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.checkpoint import checkpoint

from senet_mm.layers import ShakeMix

MODES = [(forward, backward) for forward in ('shake', 'even') for backward in ('shake', 'even', 'keep')]
IMAGES = 40_000


def coefficients(mix, images, dtype=torch.float32):
    """α and β as the mix applies them: of maps of ones and zeros the mix is α, and its gradient β."""
    ones, zeros = torch.ones(images, 1, 1, 2, dtype=dtype), torch.zeros(images, 1, 1, 2, dtype=dtype)
    ones.requires_grad_()
    alpha = mix(ones, zeros)
    alpha.sum().backward()
    for values in (alpha, ones.grad):
        assert torch.equal(values[..., 0], values[..., 1])  # one coefficient for all places of a map
    return alpha.detach()[:, 0, 0, 0].double().numpy(), ones.grad[:, 0, 0, 0].double().numpy()


def test_coefficients_of_images_are_uniform_and_independent():
    torch.manual_seed(0)
    alpha, beta = coefficients(ShakeMix(), IMAGES)
    for values in (alpha, beta):
        assert values.min() >= 0
        assert values.max() <= 1
        assert abs(values.mean() - 1 / 2) < 4 * (1 / 12 / IMAGES) ** 0.5
        assert abs(values.var() - 1 / 12) < 4 * (1 / 180 / IMAGES) ** 0.5
        # Kolmogorov and Smirnov's distance from the uniform distribution, at its 0.1% level
        steps = np.arange(IMAGES + 1) / IMAGES
        ordered = np.sort(values)
        assert max(np.abs(ordered - steps[1:]).max(), np.abs(ordered - steps[:-1]).max()) < 1.95 / IMAGES**0.5
        # between neighbouring images
        assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 4 / IMAGES**0.5
    assert abs(np.corrcoef(alpha, beta)[0, 1]) < 4 / IMAGES**0.5
    assert abs(np.corrcoef((alpha - 0.5) ** 2, (beta - 0.5) ** 2)[0, 1]) < 4 / IMAGES**0.5


def test_coefficients_of_batches_are_one_for_all_images_and_new_each_time():
    torch.manual_seed(0)
    mix = ShakeMix(per_image=False)
    draws = []
    for _ in range(1000):
        alpha, beta = coefficients(mix, 3)
        assert len(set(alpha)) == len(set(beta)) == 1
        draws.append((alpha[0], beta[0]))
    assert len(set(draws)) == 1000
    alpha, beta = np.array(draws).T
    assert abs(alpha.mean() - 0.5) < 4 * (1 / 12 / 1000) ** 0.5
    assert abs(beta.mean() - 0.5) < 4 * (1 / 12 / 1000) ** 0.5
    assert abs(np.corrcoef(alpha, beta)[0, 1]) < 4 / 1000**0.5


@pytest.mark.parametrize(('forward', 'backward'), MODES)
@pytest.mark.parametrize('per_image', [True, False])
def test_modes(forward, backward, per_image):
    torch.manual_seed(0)
    alpha, beta = coefficients(ShakeMix(forward, backward, per_image), 64)
    count = 64 if per_image else 1
    assert len(set(alpha)) == (count if forward == 'shake' else 1)
    assert (forward == 'shake') or set(alpha) == {0.5}
    if backward == 'keep':
        assert np.array_equal(alpha, beta)
    elif backward == 'even':
        assert set(beta) == {0.5}
    else:
        assert len(set(beta)) == count
        assert not (alpha == beta).any()


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    modes=st.sampled_from(MODES),
    per_image=st.booleans(),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]),
    seed=st.integers(0, 2**32 - 1),
)
def test_mix_and_gradient_are_what_the_coefficients_say(shape, modes, per_image, dtype, seed):
    mix = ShakeMix(*modes, per_image)
    torch.manual_seed(seed)
    first, second, gradient = (torch.randn(shape, dtype=dtype) for _ in range(3))
    first.requires_grad_()
    second.requires_grad_()
    torch.manual_seed(seed)
    alpha, beta = mix.draw(first)
    torch.manual_seed(seed)
    mixed = mix(first, second)
    mixed.backward(gradient)
    assert mixed.dtype == first.grad.dtype == second.grad.dtype == dtype
    rounding = 4 * torch.finfo(dtype).eps
    expected = alpha.double() * first.double() + (1 - alpha.double()) * second.double()
    assert (mixed.double() - expected).abs().le(rounding * (first.double().abs() + second.double().abs())).all()
    assert torch.equal(first.grad, beta * gradient)
    assert torch.equal(second.grad, (1 - beta) * gradient)


def test_evaluation_is_the_expectation_and_draws_nothing():
    torch.manual_seed(0)
    mix = ShakeMix().eval()
    first, second = torch.randn(2, 4, 3, 5, 5).unbind()
    first.requires_grad_()
    second.requires_grad_()
    state = torch.get_rng_state()
    mixed = mix(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(mixed, (first + second) / 2)
    even = ShakeMix('even', 'even').train()
    assert torch.equal(even(first, second), mixed)
    assert torch.equal(torch.get_rng_state(), state)
    gradient = torch.randn(4, 3, 5, 5)
    mixed.backward(gradient)
    assert torch.equal(first.grad, gradient / 2)
    assert torch.equal(second.grad, gradient / 2)


def test_mean_of_many_draws_is_the_mix_and_the_gradient_of_evaluation():
    torch.manual_seed(0)
    pair = torch.randn(2, 1, 3, 2, 2, dtype=torch.float64).requires_grad_()
    mean = ShakeMix()(*(branch.expand(IMAGES, -1, -1, -1) for branch in pair)).mean(0)
    weights = torch.rand(3, 2, 2, dtype=torch.float64)
    (mean * weights).sum().backward()
    tolerance = 4 * (1 / 12 / IMAGES) ** 0.5
    distance = (pair[0] - pair[1]).detach().abs()[0]
    assert (mean - pair.mean((0, 1))).abs().le(tolerance * distance).all()
    for gradient in pair.grad:
        assert (gradient[0] - weights / 2).abs().le(tolerance * weights).all()


def run(mix, seed=5):
    """The mix of fixed maps after seeding torch, and both gradients."""
    torch.manual_seed(0)
    first, second = torch.randn(2, 6, 2, 3, 3).unbind()
    first.requires_grad_()
    second.requires_grad_()
    torch.manual_seed(seed)
    mixed = mix(first, second)
    mixed.square().sum().backward()
    return mixed.detach(), first.grad, second.grad


def test_torchs_seed_fixes_the_coefficients():
    mix = ShakeMix()
    one, again, other = run(mix), run(mix), run(mix, seed=6)
    for a, b, c in zip(one, again, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@pytest.mark.parametrize('reentrant', [True, False])
def test_recomputation_mixes_with_the_same_coefficients(reentrant):
    mix, mixes = ShakeMix(), []

    def block(first, second):
        mixes.append(mix(first, second))
        return mixes[-1].sin()  # which keeps its input, so that this is recomputed

    plain = run(block)
    mixes.clear()
    for ours, expected in zip(run(lambda *maps: checkpoint(block, *maps, use_reentrant=reentrant)), plain, strict=True):
        assert torch.equal(ours, expected)
    assert len(mixes) == 2
    assert torch.equal(*mixes)


@pytest.mark.parametrize('modes', [('shake', 'shake', True), ('shake', 'even', True), ('even', 'shake', False)])
@pytest.mark.parametrize('backend', ['eager', 'aot_eager'])
def test_compiled_equals_eager(modes, backend):
    torch._dynamo.reset()
    mix = ShakeMix(*modes)
    compiled = torch.compile(mix, fullgraph=True, backend=backend)
    for ours, expected in zip(run(compiled), run(mix), strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which('g++') is None, reason='inductor needs a C++ compiler')
def test_inductor_equals_eager_with_eagers_random_numbers_and_has_the_same_statistics_with_its_own():
    from torch._inductor import config

    torch._dynamo.reset()
    mix = ShakeMix()
    with config.patch(fallback_random=True):
        for ours, expected in zip(run(torch.compile(mix, fullgraph=True)), run(mix), strict=True):
            torch.testing.assert_close(ours, expected)
    torch._dynamo.reset()
    alpha, beta = coefficients(torch.compile(mix, fullgraph=True), IMAGES)
    for values in (alpha, beta):
        assert abs(values.mean() - 1 / 2) < 4 * (1 / 12 / IMAGES) ** 0.5
        assert abs(values.var() - 1 / 12) < 4 * (1 / 180 / IMAGES) ** 0.5
    assert abs(np.corrcoef(alpha, beta)[0, 1]) < 4 / IMAGES**0.5


def test_autocast_mixes_in_half_precision_with_the_coefficients_of_full_precision():
    first, second = torch.nn.Conv2d(3, 4, 1, bias=False), torch.nn.Conv2d(3, 4, 1, bias=False)
    mix = ShakeMix()
    x = torch.randn(8, 3, 4, 4)
    outputs, gradients = [], []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            outputs.append(mix(first(x), second(x)))
        gradients.append(torch.autograd.grad(outputs[-1].float().square().sum(), first.weight)[0])
    assert outputs[1].dtype == torch.bfloat16
    assert (outputs[1].float() - outputs[0]).norm() < 0.01 * outputs[0].norm()
    assert (gradients[1] - gradients[0]).norm() < 0.02 * gradients[0].norm()


def test_processes_with_one_seed_draw_different_coefficients(monkeypatch):
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    monkeypatch.setattr(torch.distributed, 'get_world_size', lambda: 3)
    draws = []
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, 'get_rank', lambda rank=rank: rank)
        torch.manual_seed(0)
        draws += coefficients(ShakeMix(), IMAGES // 4)
    assert abs(np.corrcoef(draws) - np.eye(6)).max() < 4.5 / (IMAGES // 4) ** 0.5


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(forward_shake='keep'), "forward_shake='keep' is not one of 'shake', 'even'"),
        (dict(backward_shake=True), "backward_shake=True is not one of 'shake', 'even', 'keep'"),
        (dict(per_image='image'), "per_image='image' is not one of True, False"),
    ],
)
def test_wrong_arguments_say_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        ShakeMix(**options)
