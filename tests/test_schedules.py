"""Schedules that depend on what mmengine does: the plateau of Table 3's recipe, run with a network of one number."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner

CONFIGS = Path(__file__).parents[1] / 'configs'


class OneNumber(BaseModel):
    def __init__(self):
        super().__init__()
        self.number = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mode='tensor'):
        return dict(loss=(self.number**2).sum()) if mode == 'loss' else [inputs]


class Accuracy(BaseMetric):
    """Improves for `improving` validations and then stays."""

    default_prefix = 'accuracy'

    def __init__(self, improving):
        super().__init__()
        self.improving, self.validations = improving, 0

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        self.validations += 1
        return dict(top1=50.0 + min(self.validations, self.improving))


@pytest.mark.parametrize('improving', [1, 5])
def test_learning_rate_falls_where_validation_stops_improving(improving, tmp_path):
    cfg = Config.fromfile(CONFIGS / 'se_mobilenet_v1_imagenet.py')
    scheduler = cfg.param_scheduler
    epochs = 4 * (scheduler.patience + 1) + improving + 3
    loader = dict(dataset=torch.zeros(1, 1), sampler=dict(type='DefaultSampler', shuffle=False), batch_size=1)
    runner = Runner(
        model=OneNumber(),
        work_dir=str(tmp_path),
        train_dataloader=loader,
        val_dataloader=loader,
        train_cfg=dict(cfg.train_cfg, max_epochs=epochs),
        val_cfg=dict(),
        val_evaluator=[Accuracy(improving)],
        optim_wrapper=cfg.optim_wrapper,
        param_scheduler=scheduler,
        default_hooks=dict(checkpoint=None, logger=None),
        log_level='ERROR',
        experiment_name=f'plateau_{improving}',
    )
    rates = []
    step = runner.model.train_step

    def record(data, optim_wrapper):
        rates.append(optim_wrapper.param_groups[0]['lr'])
        return step(data, optim_wrapper)

    runner.model.train_step = record
    runner.train()
    hold = scheduler.patience + 1
    expected = [0.1] * (improving + hold) + [0.01] * hold + [1e-3] * hold + [1e-4] * (hold + 3)
    assert rates == pytest.approx(expected)


def test_recipe_of_table_3():
    for name in ('mobilenet_v1', 'se_mobilenet_v1', 'shufflenet_v1', 'se_shufflenet_v1'):
        cfg = Config.fromfile(CONFIGS / f'{name}_imagenet.py')
        assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 256
        assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=4e-5)
        assert cfg.train_cfg.max_epochs == 400
        assert cfg.train_dataloader.dataset.pipeline[1].crop_ratio_range == (0.25, 1.0)
        assert cfg.val_dataloader.dataset.pipeline[1].scale == 256


def test_inception_resnet_sees_299():
    cfg = Config.fromfile(CONFIGS / 'se_inception_resnet_v2_imagenet.py')
    assert cfg.train_dataloader.dataset.pipeline[1].scale == 299
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert (loader.dataset.pipeline[1].scale, loader.dataset.pipeline[2].crop_size) == (352, 299)
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 1024
