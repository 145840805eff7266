"""The parts of the training protocols as options of one run of the demo's classifier."""

import pytest

from senet_mm.engine.checkpoint import load_checkpoint
from tests.tools.options import classifier

pytestmark = pytest.mark.slow
CONFIG = 'configs/demo/se_resnet50_demo.py'


def test_balanced_batches_accumulated_averaged_and_frozen(run_tool, demo, tmp_path):
    """15 images an iteration, 30 an update."""
    options = (
        'train_cfg.max_epochs=2',
        'train_dataloader.batch_sampler.type=senet_mm.ClassBalancedBatchSampler',
        'auto_scale_lr.base_batch_size=30',
        'default_hooks.ema.type=EMAHook',
        'default_hooks.ema.momentum=0.1',
        'default_hooks.freeze.type=senet_mm.FreezeNormHook',
        'default_hooks.freeze.last_epochs=1',
        'param_scheduler.total_steps=2',
    )
    result = run_tool('tools/train.py', CONFIG, '--accumulate', *classifier(demo, tmp_path, *options))
    assert result.returncode == 0, result.stderr[-3000:]
    first, second = (load_checkpoint(tmp_path / f'epoch_{epoch}.pth') for epoch in (1, 2))
    running = 'backbone.bn1.running_mean'
    assert first['state_dict'][running].abs().max() > 0
    assert (first['state_dict'][running] == second['state_dict'][running]).all()
    assert first['optimizer']['state'][0]['step'] == 1
    assert second['optimizer']['state'][0]['step'] == 2, 'one update an epoch'
    assert 'ema_state_dict' in second
    tested = run_tool('tools/test.py', CONFIG, tmp_path / 'epoch_2.pth', *classifier(demo, tmp_path))
    assert tested.returncode == 0, tested.stderr[-3000:]


def test_a_batch_that_cannot_be_reached_is_one_message(run_tool, demo, tmp_path):
    result = run_tool('tools/train.py', CONFIG, '--accumulate', *classifier(demo, tmp_path))
    assert result.returncode == 1
    assert 'the recipe’s batch of 1024 is no multiple of 15 images an iteration (1 × 15)' in result.stderr
    assert 'try --cfg-options train_dataloader.batch_size=8' in result.stderr


def test_the_released_augmentation_and_the_plateau(run_tool, demo, tmp_path):
    """The config's own pipeline and schedule on the demo's pictures; patience 0, so that the loss decides at once."""
    options = (
        'train_cfg.max_epochs=3',
        'model.head.num_classes=10',
        'model.head.topk=[1]',
        'data_preprocessor.num_classes=10',
        'val_evaluator.0.topk=[1]',
        'param_scheduler.patience=0',
        'train_dataloader.dataset.metainfo.classes=[a,b,c,d,e,f,g,h,i,j]',
    )
    config = 'configs/se_resnet50_augmented_imagenet.py'
    result = run_tool('tools/train.py', config, *classifier(demo, tmp_path, *options))
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'loss/cross_entropy' in result.stdout + result.stderr
