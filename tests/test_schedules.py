"""The recipes' numbers, as the configs have them. What a schedule does when it runs: tests/engine/."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from tests.schedule import Schedule

CONFIGS = Path(__file__).parents[1] / 'configs'
SGD = dict(type='SGD', momentum=0.9, weight_decay=1e-4)
TABLE_2 = ('resnet50', 'resnet101', 'resnet152', 'resnext50_32x4d', 'resnext101_32x4d')
TABLE_2 += ('vgg16', 'bn_inception', 'inception_resnet_v2')
STEPS = dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)


@pytest.mark.parametrize('name', [f'{se}{name}_imagenet' for name in TABLE_2 for se in ('', 'se_')])
def test_recipe_of_table_2(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 1024
    assert cfg.optim_wrapper == dict(type='OptimWrapper', optimizer=dict(SGD, lr=0.6))
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler) == (100, STEPS)


@pytest.mark.parametrize(('name', 'first'), [('se_resnet152_places365', 0.6), ('senet154_imagenet', 1.0)])
def test_the_learning_rate_falls_to_a_tenth_every_30_epochs(name, first, tmp_path):
    rates = list(Schedule(Config.fromfile(CONFIGS / f'{name}.py'), 3, tmp_path).rates(100))
    for epoch, found in enumerate(rates):
        assert found == pytest.approx([first / 10 ** (epoch // 30)] * 3)


def test_recipe_of_the_released_networks():
    """Their "more epochs" are the plateau’s here; what is done to images: tests/data/test_pixel_jitter.py."""
    for name in ('resnet50', 'se_resnet50'):
        cfg = Config.fromfile(CONFIGS / f'{name}_augmented_imagenet.py')
        assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 256
        assert cfg.optim_wrapper.optimizer == dict(SGD, lr=0.1)
        assert (cfg.param_scheduler.type, cfg.param_scheduler.steps) == ('senet_mm.PlateauLR', 3)
        assert cfg.train_dataloader.batch_sampler == dict(type='senet_mm.ClassBalancedBatchSampler')


def test_recipe_of_table_3():
    for name in ('mobilenet_v1', 'se_mobilenet_v1', 'shufflenet_v1', 'se_shufflenet_v1'):
        cfg = Config.fromfile(CONFIGS / f'{name}_imagenet.py')
        assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 256
        assert cfg.optim_wrapper.optimizer == dict(SGD, lr=0.1, weight_decay=4e-5)
        assert cfg.train_cfg.max_epochs == 400
        schedule = cfg.param_scheduler
        assert (schedule.type, schedule.monitor, schedule.factor) == ('senet_mm.PlateauLR', 'loss/cross_entropy', 0.1)
        assert cfg.train_dataloader.dataset.pipeline[1].crop_ratio_range == (0.25, 1.0)
        assert cfg.val_dataloader.dataset.pipeline[1].scale == 256


@pytest.mark.parametrize(
    ('schedule', 'epochs', 'expected'),
    [
        ('imagenet_plateau', 400, dict(type='senet_mm.PlateauLR', monitor='loss/cross_entropy', rule='less', steps=3)),
        ('imagenet_270e', 270, dict(type='MultiStepLR', by_epoch=True, milestones=[125, 200, 250], gamma=0.1)),
    ],
)
def test_schedules_of_the_ablations(schedule, epochs, expected, tmp_path):
    """As a config of the ablations puts them together."""
    bases = ('models/resnet50_classifier', 'datasets/imagenet_224', f'schedules/{schedule}', 'classification_runtime')
    config = tmp_path / 'ablation.py'
    config.write_text(
        f'_base_ = {[str(CONFIGS / "_base_" / f"{base}.py") for base in bases]}\n'
        'train_dataloader = dict(batch_size=32)\n'
        "model = dict(head=dict(loss=dict(_delete_=True, type='LabelSmoothLoss', label_smooth_val=0.1)))\n"
    )
    cfg = Config.fromfile(config)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.optim_wrapper.optimizer == dict(SGD, lr=0.1)
    assert dict(cfg.param_scheduler) | expected == cfg.param_scheduler
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 256
    assert cfg.val_evaluator[1] == dict(type='senet_mm.ValidationLoss')


@pytest.mark.parametrize(('se', 'errors'), [('', '23.21 / 6.53'), ('se_', '22.20 / 6.00')])
def test_the_fixed_steps_of_the_ablations_have_the_papers_errors(se, errors, tmp_path):
    path = CONFIGS / 'ablation' / f'{se}resnet50_ablation_270e_imagenet.py'
    assert f'top-1 / top-5 error {errors} %' in path.read_text()
    for epoch, found in enumerate(Schedule(Config.fromfile(path), 2, tmp_path).rates(270), 1):
        assert found == pytest.approx([0.1 * 0.1 ** sum(epoch > step for step in (125, 200, 250))] * 2)


def test_inception_resnet_sees_299():
    cfg = Config.fromfile(CONFIGS / 'se_inception_resnet_v2_imagenet.py')
    assert cfg.train_dataloader.dataset.pipeline[1].scale == 299
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert (loader.dataset.pipeline[1].scale, loader.dataset.pipeline[2].crop_size) == (352, 299)
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 1024


@pytest.mark.parametrize(('name', 'crop', 'edge'), [('senet154', 224, 256), ('senet154_320', 320, 352)])
def test_recipe_of_senet154(name, crop, edge):
    from mmpretrain.registry import MODELS

    cfg = Config.fromfile(CONFIGS / f'{name}_imagenet.py')
    assert cfg.train_dataloader.batch_size * 64 == cfg.auto_scale_lr.base_batch_size == 2048
    assert cfg.optim_wrapper.optimizer == dict(SGD, lr=1.0)
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler.milestones) == (100, [30, 60, 90])
    assert cfg.train_dataloader.dataset.pipeline[1].scale == crop
    test = cfg.test_dataloader.dataset.pipeline
    assert (test[1].scale, test[2].crop_size) == (edge, crop)
    assert cfg.model.neck[1] == dict(type='senet_mm.FeatureDropout', p=0.2)
    assert cfg.custom_hooks == [dict(type='senet_mm.FreezeNormHook', last_epochs=5)]
    # The share 0.1 of a label is spread over all classes, its own included.
    loss = MODELS.build(dict(cfg.model.head.loss, _scope_='mmpretrain'))
    torch.manual_seed(0)
    scores, labels = torch.randn(4, 1000), torch.tensor([0, 7, 7, 999])
    expected = torch.nn.functional.cross_entropy(scores, labels, label_smoothing=0.1)
    torch.testing.assert_close(loss(scores, labels), expected)


def test_no_config_averages_weights():
    """EMA is a choice of the user; the paper's networks are trained without."""
    for path in CONFIGS.rglob('*.py'):
        assert 'EMA' not in path.read_text(), path
