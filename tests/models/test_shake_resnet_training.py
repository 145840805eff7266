"""Training of Shake-Shake networks: their coefficients, compiled, with frozen stages, in two processes."""

import shutil

import pytest
import torch

from senet_mm.layers import ShakeMix
from senet_mm.models import SEShakeResNet, ShakeResNet
from tests.models.ddp_shake import loss, network


def test_training_mixes_with_the_coefficients_it_draws():
    torch.manual_seed(0)
    unit = ShakeResNet(8, 16, norm_eval=True).train().layer2[0]
    x = torch.randn(4, 16, 8, 8)
    first, second = unit.branch1(x.relu()), unit.branch2(x.relu())
    torch.manual_seed(1)
    alpha, _ = ShakeMix().draw(first)
    torch.manual_seed(1)
    torch.testing.assert_close(unit(x), unit.downsample(x) + alpha * first + (1 - alpha) * second)


def test_frozen_and_evaluated_units_draw_nothing():
    backbone = ShakeResNet(8, 4, frozen_stages=2).train()
    assert [backbone.get_submodule(f'layer{k}.0.mix').training for k in (1, 2, 3)] == [False, False, True]
    x = torch.randn(2, 3, 8, 8)
    state = torch.get_rng_state()
    backbone.eval()(x)
    assert torch.equal(torch.get_rng_state(), state)


def gradients(run, backbone, images):
    torch.manual_seed(1)
    for parameter in backbone.parameters():
        parameter.grad = None
    run(images)[-1].square().mean().backward()
    return {name: parameter.grad.clone() for name, parameter in backbone.named_parameters()}


def assert_equal_gradients(ours, theirs):
    for name, gradient in theirs.items():
        difference = (ours[name] - gradient).norm() / gradient.norm().clamp_min(1e-12)
        assert difference < 1e-3, (name, difference)


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['aot_eager', 'inductor'])
def test_compiled_training_has_the_gradients_of_eager(backend):
    if backend == 'inductor' and shutil.which('g++') is None:
        pytest.skip('inductor needs a C++ compiler')
    from torch._inductor import config

    torch._dynamo.reset()
    torch.manual_seed(0)
    backbone = SEShakeResNet(8, 8, norm_eval=True).train()
    images = torch.randn(4, 3, 16, 16)
    expected = gradients(backbone, backbone, images)
    with config.patch(fallback_random=True):  # eager's random numbers
        compiled = torch.compile(backbone, fullgraph=True, backend=backend)
        assert_equal_gradients(gradients(compiled, backbone, images), expected)


def test_branches_that_agree_have_the_gradients_of_one_network_without_noise():
    """Shaking with β alone: the sum of both branches' gradients is that of a single branch."""
    torch.manual_seed(0)
    backbone = ShakeResNet(8, 8, norm_eval=True).train()
    for layer in (backbone.layer1, backbone.layer2, backbone.layer3):
        layer[0].branch2.load_state_dict(layer[0].branch1.state_dict())
    images = torch.randn(4, 3, 16, 16)
    shaken = gradients(backbone, backbone, images)
    still = gradients(backbone, backbone.eval(), images)
    for name, gradient in still.items():
        if '.branch1.' in name:
            other = name.replace('branch1', 'branch2')
            torch.testing.assert_close(shaken[name] + shaken[other], gradient + still[other], rtol=1e-3, atol=1e-6)
            assert not torch.allclose(shaken[name], gradient, rtol=1e-3)


@pytest.mark.slow
def test_two_processes_draw_for_themselves_and_average_their_gradients(run_tool, tmp_path, monkeypatch):
    launcher = ('-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2')
    result = run_tool(*launcher, '-m', 'tests.models.ddp_shake', tmp_path / 'gradients.pth')
    assert result.returncode == 0, result.stderr[-3000:]
    theirs = torch.load(tmp_path / 'gradients.pth')
    backbone, images = network()
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    monkeypatch.setattr(torch.distributed, 'get_world_size', lambda: 2)
    for rank in (0, 1):
        monkeypatch.setattr(torch.distributed, 'get_rank', lambda rank=rank: rank)
        (loss(backbone, images[2 * rank : 2 * rank + 2]) / 2).backward()
    assert_equal_gradients(theirs, {name: parameter.grad for name, parameter in backbone.named_parameters()})
