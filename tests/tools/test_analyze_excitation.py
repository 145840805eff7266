"""From a checkpoint to figures, as typed: a classifier, CIFAR's whole batches and a detector."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from senet_mm.analysis.excitation.statistics import Excitation
from tests.analysis.recorded import record
from tests.tools.options import classifier, detector

CONFIG = 'configs/demo/se_resnet50_demo.py'
FILES = {f'{stem}{suffix}' for stem in ('classes', 'within', 'depth') for suffix in ('.png', '.svg', '.csv')}
DEPTH_18 = [f'SE_{stage}_{number}' for stage in (2, 3, 4, 5) for number in (1, 2)]


@pytest.fixture(name='model', scope='module')
def _model(demo):
    """The demo's SE-ResNet-18, not trained, but with gates that vary, and finding each class about as often."""
    from mmengine.config import Config
    from mmengine.registry import MODELS, DefaultScope

    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({'model.backbone.depth': 18, 'model.head.in_channels': 512})
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    model.init_weights()
    for name, parameter in model.named_parameters():
        if name.endswith('bn2.weight'):
            torch.nn.init.ones_(parameter)
        elif name.endswith('se.fc2.weight'):
            torch.nn.init.normal_(parameter)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # its statistics are those of the images
    files = sorted((demo / 'imagenet' / 'val').iterdir())
    pictures = [np.asarray(Image.open(file).convert('RGB').resize((48, 48))) for file in files]
    images = (torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) - 118) / 58
    with torch.no_grad():
        model.train()(images)
        model.head.fc.bias -= model.eval()(images).mean(0)
    return model


@pytest.fixture(name='checkpoint', scope='module')
def _checkpoint(model, tmp_path_factory):
    path = tmp_path_factory.mktemp('checkpoint') / 'epoch_1.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


def options(demo, work_dir):
    """Those of `tools/test.py`, without its work dir."""
    return classifier(demo, work_dir)[2:]


def accuracy(run_tool, checkpoint, demo, work_dir):
    """What `tools/test.py` measures."""
    tested = run_tool('tools/test.py', CONFIG, checkpoint, '--work-dir', work_dir, *options(demo, work_dir))
    assert tested.returncode == 0, tested.stderr[-3000:]
    return json.loads((work_dir / 'metrics.json').read_text())['metrics']['accuracy/top1']


def table(text):
    """The lines of the printed table, by block; whatever the toolboxes say comes before it."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith('block '))
    return {line.split()[0]: line.split() for line in lines[start + 2 :] if line.startswith('SE_')}


def rows(path):
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_classifier_is_recorded_tested_and_drawn(run_tool, demo, checkpoint, tmp_path):
    out = tmp_path / 'out'
    found = run_tool(
        'tools/analyze_excitation.py', CONFIG, checkpoint, '--out', out, '--ablate', *options(demo, tmp_path)
    )
    assert found.returncode == 0, found.stderr[-3000:]
    assert {path.name for path in out.iterdir()} == FILES | {'excitation.npz', 'ablation.csv'}
    excitation = Excitation.load(out / 'excitation.npz')
    assert list(excitation.blocks) == DEPTH_18
    assert excitation.classes == tuple('0123456789')
    assert excitation.source['images'] == 20
    assert all(block.count.tolist() == [2] * 10 for block in excitation.blocks.values())
    assert {row['title'] for row in rows(out / 'classes.csv')} == {*(f'class {n}' for n in range(4)), 'all classes'}
    assert {row['title'] for row in rows(out / 'within.csv')} == {'class 0', 'class 1'}
    assert excitation.ablation['whole'] == pytest.approx(accuracy(run_tool, checkpoint, demo, tmp_path / 'whole'))
    assert list(excitation.ablation['blocks']) == DEPTH_18
    removed = rows(out / 'ablation.csv')
    costs = {row['removed']: float(row['points_lost']) for row in removed}
    assert list(costs)[8:] == ['all SE blocks', 'closed channels']
    assert set(list(costs)[:8]) == set(DEPTH_18)
    assert list(costs.values())[:8] == sorted(list(costs.values())[:8], reverse=True)
    printed = table(found.stdout)
    assert list(printed) == DEPTH_18
    assert {name: float(cells[-2]) for name, cells in printed.items()} == pytest.approx(
        {name: costs[name] for name in DEPTH_18}, abs=0.005
    )
    assert found.stdout.endswith(f'{out / "excitation.npz"}\n')
    section = Path('docs/excitation.md').read_text().split('## What is written')[1].split('## ')[0]
    assert all(f'`{path.stem}.' in section for path in out.iterdir())

    content = torch.load(checkpoint, weights_only=True)
    content['state_dict']['backbone.layer2.0.se.fc2.weight'].zero_()
    content['state_dict']['backbone.layer2.0.se.fc2.bias'].fill_(50)  # whose sigmoid is 1
    torch.save(content, tmp_path / 'open.pth')
    opened = accuracy(run_tool, tmp_path / 'open.pth', demo, tmp_path / 'open')
    assert excitation.ablation['blocks']['SE_3_1'] == pytest.approx(opened)
    assert excitation.ablation['whole'] != pytest.approx(opened)


def test_what_was_recorded_is_drawn_again(run_tool, demo, tmp_path):
    """Other classes, one block; the costs that were measured come along."""
    ablation = dict(metric='top-1 accuracy', whole=90.0, blocks=dict(first_se=80.0, second_se=85.5), none=10.0)
    replace(record(demo), ablation=ablation).save(tmp_path / 'excitation.npz')
    found = run_tool(
        'tools/analyze_excitation.py', tmp_path / 'excitation.npz', '--classes', '7', '9', '--blocks', 'second_se',
        '--width', 'single', '--out', tmp_path / 'out',
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-3000:]
    assert {path.name for path in (tmp_path / 'out').iterdir()} == FILES | {'ablation.csv'}
    assert {(row['block'], row['title']) for row in rows(tmp_path / 'out' / 'classes.csv')} == {
        ('second_se', name) for name in ('class 7', 'class 9', 'all classes')
    }
    assert [(row['removed'], float(row['points_lost'])) for row in rows(tmp_path / 'out' / 'ablation.csv')] == [
        ('first_se', 10),
        ('second_se', 4.5),
        ('all SE blocks', 80),
    ]


@pytest.mark.slow
def test_two_processes_find_what_one_does(run_tool, demo, checkpoint, tmp_path):
    """19 images: the processes' shares differ, and mmengine's evaluator gets one twice, which it drops."""
    arguments = [
        'tools/analyze_excitation.py', CONFIG, checkpoint, '--ablate', *options(demo, tmp_path),
        'val_dataloader.dataset.indices=19',
    ]  # fmt: skip
    one = run_tool(*arguments, '--out', tmp_path / 'one')
    assert one.returncode == 0, one.stderr[-3000:]
    launcher = ['-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29528']
    environment = dict(os.environ, CUDA_VISIBLE_DEVICES='')
    two = run_tool(*launcher, *arguments, '--out', tmp_path / 'two', '--launcher', 'pytorch', env=environment)
    assert two.returncode == 0, two.stderr[-3000:]
    expected, found = (Excitation.load(tmp_path / name / 'excitation.npz') for name in ('one', 'two'))
    assert found.ablation['metric'] == expected.ablation['metric']
    assert found.ablation['blocks'] == pytest.approx(expected.ablation['blocks'])
    for what in ('whole', 'none'):
        assert found.ablation[what] == pytest.approx(expected.ablation[what])
    assert len(set(expected.ablation['blocks'].values())) > 2
    for name, block in expected.blocks.items():
        np.testing.assert_array_equal(found.blocks[name].count, block.count)
        np.testing.assert_allclose(found.blocks[name].mean, block.mean, atol=1e-5)  # the network is in float32
    tables = [table(run.stdout) for run in (one, two)]
    assert tables[0] == tables[1]
    assert [line.split()[0] for line in two.stdout.splitlines()].count('block') == 1  # one process tells


@pytest.mark.slow
def test_whole_batches_have_classes_too(run_tool, demo, tmp_path):
    config = 'configs/demo/se_resnet20_demo.py'
    places = [f'{split}_dataloader.dataset.data_root={demo}/cifar10' for split in ('train', 'val', 'test')]
    more = ['train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1']
    train = run_tool('tools/train.py', config, '--work-dir', tmp_path, '--no-validate', '--cfg-options', *places, *more)
    assert train.returncode == 0, train.stderr[-3000:]
    out = tmp_path / 'out'
    found = run_tool(
        'tools/analyze_excitation.py', config, tmp_path / 'epoch_1.pth', '--out', out, '--cfg-options', *places
    )
    assert found.returncode == 0, found.stderr[-3000:]
    excitation = Excitation.load(out / 'excitation.npz')
    assert list(excitation.blocks) == [f'SE_{stage}_{number}' for stage in (2, 3, 4) for number in (1, 2, 3)]
    assert excitation.blocks['SE_2_1'].count.sum() == 20


@pytest.mark.slow
def test_a_network_with_inserted_blocks(run_tool, demo, tmp_path):
    from mmengine.config import Config
    from mmengine.registry import MODELS, DefaultScope

    config = 'configs/se_regnetx_400mf_imagenet.py'
    cfg = Config.fromfile(config)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'epoch_1.pth')
    out = tmp_path / 'out'
    settings = [f'val_dataloader.dataset.data_root={demo}/imagenet', 'val_dataloader.num_workers=0']
    found = run_tool(
        'tools/analyze_excitation.py', config, tmp_path / 'epoch_1.pth', '--out', out, '--cfg-options', *settings
    )
    assert found.returncode == 0, found.stderr[-3000:]
    excitation = Excitation.load(out / 'excitation.npz')
    places = [f'layer{stage}.{unit}' for stage, units in enumerate((1, 2, 7, 12), start=1) for unit in range(units)]
    assert list(excitation.blocks) == [f'backbone.{place}.bn3.se' for place in places]
    assert all(block.count.sum() == 20 for block in excitation.blocks.values())
    assert {path.name for path in out.iterdir()} == FILES | {'excitation.npz'}


@pytest.mark.slow
def test_a_detectors_images_are_one_class(run_tool, demo, tmp_path):
    config = 'configs/demo/faster_rcnn_se_r50_demo.py'
    train = run_tool('tools/train.py', config, '--no-validate', *detector(demo, tmp_path))
    assert train.returncode == 0, train.stderr[-3000:]
    out = tmp_path / 'out'
    arguments = ['tools/analyze_excitation.py', config, tmp_path / 'iter_2.pth', '--out', out]
    settings = detector(demo, tmp_path, 'model.backbone.se.stages=[5]')[2:]
    few = 'val_dataloader.dataset.indices=3'
    whole = run_tool(*arguments, '--ablate', *detector(demo, tmp_path, few)[2:])
    assert whole.returncode == 0, whole.stderr[-3000:]
    excitation = Excitation.load(out / 'excitation.npz')
    assert (list(excitation.blocks), excitation.classes) == (DEPTH_18, ('all images',))
    assert all(block.count.tolist() == [3] for block in excitation.blocks.values())
    assert {path.name for path in out.iterdir()} == FILES | {'excitation.npz', 'ablation.csv'}
    assert (excitation.ablation['metric'], list(excitation.ablation['blocks'])) == ('AP', DEPTH_18)
    refused = run_tool(*arguments, '--classes', 'zero', *detector(demo, tmp_path)[2:])
    assert refused.returncode == 1
    assert 'have no class each' in refused.stderr
    other = run_tool(*arguments, *settings)
    assert other.returncode == 1
    assert 'does not fit the model of this config' in other.stderr


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([CONFIG], 'the checkpoint is missing: tools/analyze_excitation.py CONFIG CHECKPOINT'),
        ([CONFIG, 'nothing.pth', '--cfg-options', 'val_dataloader.dataset.data_root=nowhere'], 'nowhere'),
        (['nothing.npz'], 'there is no file nothing.npz'),
        (
            ['nothing.npz', '--ablate'],
            'nothing.npz was recorded before, and is drawn only: leave out --ablate, or give',
        ),
        (
            ['nothing.npz', 'a.pth', '--split', 'val', '--bins', '20', '--launcher', 'none', '--data-root', 'x'],
            'leave out --split, --bins, --launcher, CHECKPOINT, --data-root, or give the config',
        ),
        (
            ['nothing.npz', '--one-class', '--trust-checkpoint', '--cfg-options', 'a=1'],
            'leave out --one-class, --cfg-options, --trust-checkpoint, or give the config',
        ),
        (['epoch_1.pth', CONFIG], 'there is no config file epoch_1.pth'),
        (['README.md', CONFIG], 'README.md is no config, which ends in .py'),
    ],
)
def test_mistakes_end_in_one_message(run_tool, arguments, message):
    result = run_tool('tools/analyze_excitation.py', *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize('bins', ['1', '9', '1001', 'x', '-20'])
def test_bins_too_wide_for_what_is_near_are_refused(run_tool, bins):
    result = run_tool('tools/analyze_excitation.py', CONFIG, 'nothing.pth', f'--bins={bins}')
    assert result.returncode == 2
    assert f"argument --bins: '{bins}' is not 10 … 1000: gates within one bin of 1 count as near 1" in result.stderr


def test_an_unknown_class_is_said_with_its_option_before_anything_runs(run_tool, demo, checkpoint, tmp_path):
    out = tmp_path / 'out'
    found = run_tool(
        'tools/analyze_excitation.py', CONFIG, checkpoint, '--out', out, '--classes', '3', '--within', 'foo',
        '--bins', '10', *options(demo, tmp_path),
    )  # fmt: skip
    assert found.returncode == 1
    assert "--within: no image is of class 'foo'; nearest: " in found.stderr
    assert not out.exists()
