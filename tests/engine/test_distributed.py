"""Two processes compute what one computes on the same global batch."""

import pytest
import torch

from tests.engine.ddp_gradients import classifier, loss


@pytest.mark.slow
def test_gradients_of_two_processes_are_those_of_one(run_tool, tmp_path):
    launcher = ('-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29518')
    result = run_tool(*launcher, 'tests/engine/ddp_gradients.py', tmp_path / 'gradients.pth')
    assert result.returncode == 0, result.stderr[-3000:]
    model, images, labels = classifier()
    loss(model, images, labels).backward()
    theirs = torch.load(tmp_path / 'gradients.pth')
    assert len(theirs) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        difference = (theirs[name] - parameter.grad).norm() / parameter.grad.norm().clamp_min(1e-12)
        assert difference < 1e-5, (name, difference)
