"""Gradient accumulation: as many images an update on fewer GPUs, with the same result."""

import pytest
import torch
from mmengine.config import Config

from senet_mm.data.errors import DataError
from senet_mm.engine.accumulate import accumulate, count_processes
from tests.engine.small import Data, Small, settings, train


def distance(first, second):
    """The largest difference of two networks' parameters."""
    return max((a - b).abs().max().item() for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize('batch_size', [2, 4, 8])
def test_it_trains_as_the_whole_batch_does(batch_size, tmp_path):
    whole = train(Small(), settings(tmp_path / 'whole', 16)).model
    cfg = settings(tmp_path / 'parts', batch_size)
    assert accumulate(cfg, 1) == 16 // batch_size
    parts = train(Small(), cfg).model
    assert distance(whole, Small()) > 0.1
    assert distance(whole, parts) < 1e-12


def test_with_batchnorm_it_trains_as_several_gpus_do(tmp_path):
    """Four images a GPU on four GPUs, written out: the mean of their gradients, each with statistics of its own."""
    cfg = settings(tmp_path / 'parts', 4)
    accumulate(cfg, 1)
    parts = train(Small('BN'), cfg).model
    written, data = Small('BN'), Data()
    momenta = [torch.zeros_like(parameter) for parameter in written.parameters()]
    for epoch in range(3):
        rate = 0.5 if epoch < 1 else 0.05
        for update in range(2):
            gradients = []
            for gpu in range(4):
                images = slice(16 * update + 4 * gpu, 16 * update + 4 * gpu + 4)
                loss = written(data.inputs[images], data.labels[images], mode='loss')['loss']
                gradients.append(torch.autograd.grad(loss, list(written.parameters())))
            for parameter, momentum, *of_gpus in zip(written.parameters(), momenta, *gradients, strict=True):
                momentum.mul_(0.9).add_(sum(of_gpus) / 4 + 0.01 * parameter.detach())
                parameter.data -= rate * momentum
    assert distance(parts, written) < 1e-12
    whole = train(Small('BN'), settings(tmp_path / 'whole', 16)).model
    assert distance(whole, parts) > 1e-3, 'one GPU with 16 images normalises over 16, not over 4'


def test_the_updates_left_over_at_the_end_are_made(tmp_path):
    """24 images in updates of 16: mmengine makes the last one from the 8 that are left."""
    cfg = settings(tmp_path / 'parts', 4, epochs=1)
    accumulate(cfg, 1)
    parts = train(Small(), cfg, Data(24)).model
    whole = train(Small(), settings(tmp_path / 'whole', 16, epochs=1), Data(24)).model
    assert distance(whole, parts) < 1e-12


def test_what_counts_iterations_is_multiplied():
    cfg = Config.fromfile('configs/faster_rcnn_se_r50_2x_coco.py')
    assert accumulate(cfg, 1) == 8
    assert cfg.optim_wrapper.accumulative_counts == 8
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (1_440_000, 160_000)
    warmup, steps = cfg.param_scheduler
    assert (warmup.begin, warmup.end) == (0, 8 * 501)
    assert steps.milestones == [960_000, 1_280_000]
    assert cfg.default_hooks.checkpoint.interval == 160_000


def test_what_counts_epochs_stays():
    cfg = Config.fromfile('configs/senet154_imagenet.py')
    schedule, training = cfg.param_scheduler.to_dict(), cfg.train_cfg.to_dict()
    assert accumulate(cfg, 8) == 2048 // (8 * 32)
    assert cfg.param_scheduler == schedule
    assert cfg.train_cfg == training
    assert cfg.default_hooks.checkpoint.interval == 1
    assert cfg.optim_wrapper.optimizer.lr == 1.0
    cfg = Config.fromfile('configs/senet154_imagenet.py')
    assert accumulate(cfg, 64) == 1


@pytest.mark.parametrize(
    ('processes', 'batch_size', 'message'),
    [
        (1, 100, r'1024 is no multiple of 100 images an iteration \(1 × 100\); try .*batch_size=64'),
        (3, 128, '1024 does not divide by 3: use another number of GPUs'),
        (8, 256, r'no multiple of 2048 images .*batch_size=128'),
    ],
)
def test_a_batch_that_does_not_divide_is_named_with_one_that_does(processes, batch_size, message):
    cfg = Config.fromfile('configs/resnet50_imagenet.py')
    cfg.train_dataloader.batch_size = batch_size
    with pytest.raises(DataError, match=message):
        accumulate(cfg, processes)


def test_it_needs_the_recipes_batch_and_is_not_for_scaled_rates():
    cfg = Config.fromfile('configs/resnet50_imagenet.py')
    cfg.auto_scale_lr.enable = True
    with pytest.raises(DataError, match='give one of the two'):
        accumulate(cfg, 1)
    with pytest.raises(DataError, match='does not say auto_scale_lr'):
        accumulate(Config(dict(train_dataloader=dict(batch_size=4))), 1)


@pytest.mark.parametrize(
    ('launcher', 'variable'), [('pytorch', 'WORLD_SIZE'), ('slurm', 'SLURM_NTASKS'), ('mpi', 'OMPI_COMM_WORLD_SIZE')]
)
def test_the_launcher_says_how_many_processes_there_are(launcher, variable, monkeypatch):
    assert count_processes('none') == 1
    monkeypatch.setenv(variable, '6')
    assert count_processes(launcher) == 6
    assert count_processes('none') == 1


@pytest.mark.slow
def test_two_processes_that_accumulate_train_as_one_does(run_tool, tmp_path):
    launcher = ('-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29519')
    result = run_tool(*launcher, '-m', 'tests.engine.small', tmp_path / 'two.pth', 'GN', 3)
    assert result.returncode == 0, result.stderr[-3000:]
    one = train(Small(), settings(tmp_path / 'one', 16)).model
    for name, value in torch.load(tmp_path / 'two.pth').items():
        assert (value - one.state_dict()[name]).abs().max() < 1e-12, name
