"""From the command line's arguments to a Runner's config."""

import json
import os
from argparse import Namespace
from contextlib import nullcontext

import pytest
import torch
from mmengine.config import Config

from senet_mm.data.errors import DataError
from senet_mm.engine import run


def arguments(**changes):
    defaults = dict(
        config='configs/demo/resnet50_demo.py',
        cfg_options=None,
        work_dir=None,
        amp=False,
        trust_checkpoint=False,
        no_pin_memory=False,
        launcher='none',
        no_validate=False,
        no_persistent_workers=False,
        auto_scale_lr=False,
        accumulate=False,
        log=[],
        resume=None,
        checkpoint='none.pth',
        out=None,
        out_item='pred',
        show=False,
        show_dir=None,
        wait_time=2,
        interval=1,
        tta=False,
        crops=None,
    )
    return Namespace(**{**defaults, **changes})


@pytest.fixture
def seen(monkeypatch):
    """The config that Runner was given, by train or test."""
    configs = []

    class FakeRunner:
        model = torch.nn.Linear(2, 3)

        def __init__(self, cfg):
            configs.append(cfg)
            self.cfg = cfg

        @classmethod
        def from_cfg(cls, cfg):
            return cls(cfg)

        def register_hook(self, hook, priority):
            assert priority == 'VERY_HIGH'  # before EMAHook swaps the weights
            self.cfg.fit = (hook.source, hook.purpose)

        def train(self):
            pass

        def test(self):
            return {'accuracy/top1': 12.5}

    monkeypatch.setattr(run, 'Runner', FakeRunner)
    monkeypatch.setattr(run, 'recording', lambda runner, args: nullcontext())
    monkeypatch.setattr(run, 'describe_test', lambda *_: None)
    monkeypatch.setattr(run, 'require_data', lambda cfg, splits: None)
    return configs


def test_work_dir_is_named_after_the_config(seen):
    run.train(arguments())
    assert seen[0].work_dir == 'work_dirs/resnet50_demo'
    run.train(arguments(work_dir='elsewhere'))
    assert seen[1].work_dir == 'elsewhere'


def test_one_option_moves_all_the_data_and_cfg_options_have_the_last_word():
    options = {'val_dataloader.dataset.data_root': 'elsewhere'}
    cfg = run.load_config(arguments(data_root='data/x.lmdb', cfg_options=options))
    roots = [cfg[f'{split}_dataloader'].dataset.data_root for split in ('train', 'val', 'test')]
    assert roots == ['data/x.lmdb', 'elsewhere', 'data/x.lmdb']


def test_options_of_training(seen, tmp_path):
    run.train(arguments(no_validate=True, auto_scale_lr=True, resume='auto', no_persistent_workers=True))
    cfg = seen[0]
    assert cfg.val_cfg is None
    assert cfg.val_dataloader is None
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=1024)
    assert cfg.resume is True
    assert cfg.load_from is None
    assert cfg.train_dataloader.persistent_workers is False
    checkpoint = tmp_path / 'some.pth'
    with pytest.raises(DataError, match='there is no checkpoint'):
        run.train(arguments(resume=str(checkpoint)))
    checkpoint.write_bytes(b'some')
    run.train(arguments(resume=str(checkpoint)))
    assert seen[1].load_from == str(checkpoint)
    assert seen[1].fit == (str(checkpoint), 'resume')
    run.train(arguments(cfg_options=dict(load_from=str(checkpoint))))
    assert seen[2].fit == (str(checkpoint), 'fine-tune')


def test_missing_backbone_weights_are_named(seen, tmp_path):
    weights = tmp_path / 'epoch_5.pth'
    options = {'model.backbone.init_cfg.checkpoint': str(weights)}
    config = 'configs/demo/faster_rcnn_r50_demo.py'
    with pytest.raises(DataError, match=f'The backbone starts from {weights}, which is not there'):
        run.train(arguments(config=config, cfg_options=options))
    weights.touch()
    run.train(arguments(config=config, cfg_options=options))
    run.train(arguments(config='configs/faster_rcnn_r50_2x_coco.py'))  # a URL
    assert len(seen) == 2


def test_no_workers_means_no_persistent_ones(seen):
    run.train(arguments(cfg_options={'train_dataloader.num_workers': 0}))
    assert seen[0].train_dataloader.persistent_workers is False
    assert seen[0].val_dataloader.persistent_workers is True


@pytest.mark.skipif(torch.cuda.is_available(), reason='says what happens without a GPU')
def test_amp_needs_a_gpu(seen):
    with pytest.raises(DataError, match='--amp needs a GPU'):
        run.train(arguments(amp=True))
    assert not seen


def test_auto_scale_lr_needs_a_base_batch_size(seen, monkeypatch):
    load = run.load_config
    monkeypatch.setattr(run, 'load_config', lambda args: Config({**load(args).to_dict(), 'auto_scale_lr': {}}))
    with pytest.raises(DataError, match=r'--auto-scale-lr: .* does not say'):
        run.train(arguments(auto_scale_lr=True))


def test_metrics_go_to_the_work_dir(seen, tmp_path):
    checkpoint = tmp_path / 'epoch_1.pth'
    checkpoint.write_bytes(b'some')
    out = tmp_path / 'out.json'
    run.test(arguments(checkpoint=str(checkpoint), work_dir=str(tmp_path), out=str(out), out_item='metrics'))
    record = json.loads((tmp_path / 'metrics.json').read_text())
    assert record['metrics'] == {'accuracy/top1': 12.5} == json.loads(out.read_text())
    assert record['parameters'] == 9
    assert record['checkpoint'] == str(checkpoint)
    assert seen[0].load_from == str(checkpoint)
    assert seen[0].fit == (str(checkpoint), 'test')


def test_write_json_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'new' / 'file.json'
    run.write_json(path, {'a': 1.5})
    with pytest.raises(TypeError):
        run.write_json(path, {'a': object})
    assert json.loads(path.read_text()) == {'a': 1.5}
    assert os.listdir(path.parent) == ['file.json']
