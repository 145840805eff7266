"""The plateau schedule run by mmengine, with a network of one number and a loss that falls as long as it is told to."""

from contextlib import nullcontext

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner

from senet_mm.data.errors import DataError
from senet_mm.registry import PARAM_SCHEDULERS

SCHEDULES = {
    'ablation': 'configs/_base_/schedules/imagenet_plateau.py',
    'mobile': 'configs/_base_/schedules/imagenet_mobile.py',
}


class OneNumber(BaseModel):
    def __init__(self):
        super().__init__()
        self.number = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mode='tensor'):
        return dict(loss=(self.number**2).sum()) if mode == 'loss' else [inputs]


class Loss(BaseMetric):
    """Falls until the epoch `falling` and then stays."""

    default_prefix = 'loss'

    def __init__(self, falling):
        super().__init__()
        self.falling, self.epoch = falling, 0

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(cross_entropy=9.0 - min(self.epoch, self.falling))


def run(schedule, work_dir, falling=1, interrupt=None, **changes):
    """Train, up to the epoch `interrupt` where one is given; returns the learning rate of each epoch."""
    cfg = Config.fromfile(SCHEDULES[schedule])
    loader = dict(dataset=torch.zeros(1, 1), sampler=dict(type='DefaultSampler', shuffle=False), batch_size=1)
    metric = Loss(falling)
    options = dict(
        train_dataloader=loader,
        val_dataloader=loader,
        train_cfg=cfg.train_cfg,
        val_cfg=dict(),
        val_evaluator=[metric],
        optim_wrapper=cfg.optim_wrapper,
        param_scheduler=cfg.param_scheduler,
        custom_hooks=cfg.custom_hooks,
        default_hooks=dict(logger=None),
        log_level='ERROR',
        experiment_name=f'{work_dir.name}_{len(list(work_dir.glob("*")))}',
    )
    runner = Runner(model=OneNumber(), work_dir=str(work_dir), **{**options, **changes})
    rates = []
    step = runner.model.train_step

    def record(data, optim_wrapper):
        if runner.epoch == interrupt:
            raise KeyboardInterrupt
        rates.append(optim_wrapper.param_groups[0]['lr'])
        metric.epoch = runner.epoch + 1
        return step(data, optim_wrapper)

    runner.model.train_step = record
    with nullcontext() if interrupt is None else pytest.raises(KeyboardInterrupt):
        runner.train()
    return rates


@pytest.mark.parametrize(('schedule', 'patience'), [('ablation', 15), ('mobile', 20)])
@pytest.mark.parametrize('falling', [1, 5])
def test_three_times_a_tenth_then_the_end(schedule, patience, falling, tmp_path):
    rates = run(schedule, tmp_path, falling, default_hooks=dict(checkpoint=None, logger=None))
    hold = patience + 1
    expected = [0.1] * (falling + hold) + [0.01] * hold + [1e-3] * hold + [1e-4] * hold
    assert rates == pytest.approx(expected)


def test_scaled_rates_fall_as_often(tmp_path):
    scale = dict(enable=True, base_batch_size=256)
    rates = run('ablation', tmp_path, auto_scale_lr=scale, default_hooks=dict(checkpoint=None, logger=None))
    assert sorted(set(rates), reverse=True) == pytest.approx([rate / 256 for rate in (0.1, 0.01, 1e-3, 1e-4)])
    assert len(rates) == 1 + 4 * 16


def test_the_limit_of_epochs_holds(tmp_path):
    train_cfg = dict(by_epoch=True, max_epochs=5)
    assert run('mobile', tmp_path, 9, train_cfg=train_cfg, default_hooks=dict(checkpoint=None)) == [0.1] * 5


@pytest.mark.parametrize('epoch', [3, 4, 5])
def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(epoch, tmp_path):
    """With a patience of 2 the rate falls after epochs 4, 7 and 10, and training ends after 13."""
    quick = Config.fromfile(SCHEDULES['ablation']).param_scheduler.to_dict() | dict(patience=2)
    first = run('ablation', tmp_path, interrupt=epoch, param_scheduler=dict(quick))
    options = dict(param_scheduler=dict(quick), resume=True, val_evaluator=[Loss(0)])
    resumed = run('ablation', tmp_path, load_from=str(tmp_path / f'epoch_{epoch}.pth'), **options)
    assert len(first) == epoch
    assert first + resumed == pytest.approx([0.1] * 4 + [0.01] * 3 + [1e-3] * 3 + [1e-4] * 3)
    assert run('ablation', tmp_path, load_from=str(tmp_path / 'epoch_13.pth'), **options) == []


def test_it_does_not_run_without_validation(tmp_path):
    with pytest.raises(DataError, match='cannot do without validation'):
        run('ablation', tmp_path, val_dataloader=None, val_cfg=None, val_evaluator=None)


def test_the_number_of_steps_is_checked():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with pytest.raises(ValueError, match='steps=0'):
        PARAM_SCHEDULERS.build(dict(type='senet_mm.PlateauLR', optimizer=optimizer, steps=0))
