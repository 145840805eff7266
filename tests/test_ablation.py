"""The ablations: each differs from the shared SE network in one option, and counts what the paper prints."""

import csv
import json
import math
from itertools import product
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from senet_mm.registry import MODELS
from tests.models import contract

ROOT = Path(__file__).parents[1]
ABLATION = ROOT / 'configs' / 'ablation'
OPTIONS = {  # stem → what is not as in r16; the row of the paper
    'r2': (dict(ratio=2), (10, 'ratio=2')),
    'r4': (dict(ratio=4), (10, 'ratio=4')),
    'r8': (dict(ratio=8), (10, 'ratio=8')),
    'r16': (dict(), (10, 'ratio=16')),
    'r32': (dict(ratio=32), (10, 'ratio=32')),
    'max': (dict(squeeze='max'), (11, 'squeeze=max')),
    'relu': (dict(gate='relu'), (12, 'gate=relu')),
    'tanh': (dict(gate='tanh'), (12, 'gate=tanh')),
    'stage2': (dict(stages=[2]), (13, 'stages=2')),
    'stage3': (dict(stages=[3]), (13, 'stages=3')),
    'stage4': (dict(stages=[4]), (13, 'stages=4')),
    'pre': (dict(position='pre'), (14, 'position=pre')),
    'post': (dict(position='post'), (14, 'position=post')),
    'identity': (dict(position='identity'), (14, 'position=identity')),
    '3x3': (dict(position='3x3'), (15, 'position=3x3')),
    'nosqueeze': (dict(squeeze='none'), (16, 'squeeze=none')),
    'stages234': (dict(stages=[2, 3, 4]), None),
    'ratios': (dict(ratio=[4, 8, 16, 32]), None),
}
with (ROOT / 'senet_mm' / 'results' / 'paper.csv').open() as file:
    PAPER = {(int(r['table']), r['variant'], r['metric']): float(r['value']) for r in csv.DictReader(file)}
SAME_AS_R16 = {'squeeze=avg', 'gate=sigmoid', 'stages=all', 'position=standard'}
STEMS = {(table, variant): 'se_resnet50_ablation_r16' for table, variant, _ in PAPER if variant in SAME_AS_R16}
STEMS |= {(table, variant): 'resnet50_ablation' for table, variant, _ in PAPER if table >= 10 and variant == 'baseline'}
STEMS |= {row: f'se_resnet50_ablation_{name}' for name, (_, row) in OPTIONS.items() if row}
COUNTED = sorted(row for row in PAPER if row[0] >= 10 and row[2] in ('params_m', 'gflops'))


def load(name):
    return Config.fromfile(ABLATION / f'{name}_imagenet.py')


def build(cfg):
    with torch.device('meta'):
        return MODELS.build(dict(cfg.model.backbone, init_cfg=None))


def parameters(cfg):
    """Of the classifier: the fully-connected layer has 2048 × 1000 weights and 1000 biases."""
    return sum(p.numel() for p in build(cfg).parameters()) + 2_049_000


def test_every_ablation_of_the_paper_is_there():
    stems = {path.stem for path in ABLATION.glob('*.py')}
    assert stems == {f'se_resnet50_ablation_{name}_imagenet' for name in OPTIONS} | {
        f'{se}resnet50_ablation{epochs}_imagenet' for se in ('', 'se_') for epochs in ('', '_270e')
    } - {'se_resnet50_ablation_imagenet'}
    assert {(table, variant) for table, variant, _ in PAPER if table >= 10} == set(STEMS)


@pytest.mark.parametrize('name', OPTIONS)
def test_one_thing_differs(name):
    shared, cfg = load('se_resnet50_ablation_r16').to_dict(), load(f'se_resnet50_ablation_{name}').to_dict()
    options = cfg['model']['backbone'].pop('se')
    assert shared['model']['backbone'].pop('se') == dict(ratio=16, bias=False)
    assert options == dict(ratio=16, bias=False) | OPTIONS[name][0]
    assert cfg == shared


@pytest.mark.parametrize('name', [name for name, (_, row) in OPTIONS.items() if row])
def test_header_has_the_papers_numbers(name):
    table, variant = OPTIONS[name][1]
    top1, top5 = (PAPER[table, variant, metric] for metric in ('top1_err', 'top5_err'))
    assert f'{top1:.2f} / {top5:.2f} %' in (ABLATION / f'se_resnet50_ablation_{name}_imagenet.py').read_text()


def test_tables_10_13_15_and_16_have_their_counts():
    printed = {(table, metric) for table, _, metric in COUNTED}
    assert printed == {(10, 'params_m'), *product((13, 15, 16), ('params_m', 'gflops'))}
    assert len(COUNTED) == 6 + 2 * (5 + 2 + 3)


@pytest.mark.parametrize('row', COUNTED, ids=lambda row: f'{row[0]}-{row[1]}-{row[2]}')
def test_counts_are_the_papers(row):
    table, variant, metric = row
    cfg = load(STEMS[table, variant])
    if metric == 'params_m':
        found = parameters(cfg) / 1e6
    else:
        with torch.device('meta'):
            backbone = build(cfg)
        found = (contract.macs(backbone.to_empty(device='cpu'))[0] + 2_048_000) / 1e9
    assert found == pytest.approx(PAPER[row], rel=0.005)


def test_recipe_of_the_ablations():
    for name in ('resnet50_ablation', 'se_resnet50_ablation_3x3'):
        cfg = load(name)
        assert cfg.model.head.loss == dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original', loss_weight=1.0
        )
        assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 256
        assert cfg.optim_wrapper.optimizer.lr == 0.1
        assert (cfg.param_scheduler.type, cfg.param_scheduler.steps) == ('senet_mm.PlateauLR', 3)
    fixed = load('se_resnet50_ablation_270e')
    assert (fixed.train_cfg.max_epochs, fixed.param_scheduler.milestones) == (270, [125, 200, 250])
    assert load('resnet50_ablation').model == load('resnet50_ablation_270e').model


def test_a_ratio_for_each_stage():
    """C of the four stages is 256, 512, 1024, 2048: with 4, 8, 16, 32 every block has 64 hidden channels."""
    backbone = build(load('se_resnet50_ablation_ratios'))
    hidden = {module.fc1.out_channels for module in backbone.modules() if hasattr(module, 'fc1')}
    assert hidden == {64}
    extra = sum(2 * 64 * channels * count for channels, count in ((256, 3), (512, 4), (1024, 6), (2048, 3)))
    assert parameters(load('se_resnet50_ablation_ratios')) == 25_557_032 + extra


@pytest.mark.slow
@pytest.mark.parametrize('path', sorted(ABLATION.glob('*.py')), ids=lambda path: path.stem)
def test_trains(path, demo, run_tool, tmp_path):
    """Four steps on real images, and two validations, on which the plateau schedule waits."""
    loaders = ('train_dataloader', 'val_dataloader')
    run = run_tool(
        'tools/train.py',
        path,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        *[f'{loader}.dataset.data_root={demo}/imagenet' for loader in loaders],
        *[f'{loader}.num_workers=0' for loader in loaders],
        *[f'{loader}.batch_size=5' for loader in loaders],
        *[f'{loader}.dataset.indices=10' for loader in loaders],
        'train_cfg.max_epochs=2',
        'train_dataloader.dataset.pipeline.1.scale=64',
        'val_dataloader.dataset.pipeline.1.scale=72',
        'val_dataloader.dataset.pipeline.2.crop_size=64',
        'default_hooks.checkpoint.interval=2',
        'default_hooks.logger.interval=1',
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / 'epoch_2.pth').is_file()
    (log,) = tmp_path.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [line['loss'] for line in lines if 'iter' in line]
    assert len(losses) == 4
    assert all(math.isfinite(loss) for loss in losses)
    assert len(set(losses)) == 4
    assert [line['step'] for line in lines if 'loss/cross_entropy' in line] == [1, 2]
