"""From a checkpoint to figures, as typed: a classifier, CIFAR's whole batches and a detector."""

import csv
import json
import os

import numpy as np
import pytest
import torch

from senet_mm.analysis.excitation.statistics import Excitation
from tests.tools.options import classifier, detector

CONFIG = 'configs/demo/se_resnet50_demo.py'
FILES = {f'{stem}{suffix}' for stem in ('classes', 'within', 'depth') for suffix in ('.png', '.svg', '.csv')}
DEPTH_18 = [f'SE_{stage}_{number}' for stage in (2, 3, 4, 5) for number in (1, 2)]


@pytest.fixture(name='checkpoint', scope='module')
def _checkpoint(tmp_path_factory):
    """Of the demo's SE-ResNet-18, as initialised, but with branches that count and gates that vary."""
    from mmengine.config import Config
    from mmengine.registry import MODELS, DefaultScope

    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({'model.backbone.depth': 18, 'model.head.in_channels': 512})
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    model.init_weights()
    for name, parameter in model.named_parameters():
        if name.endswith(('bn2.weight', 'se.fc2.weight')):
            torch.nn.init.normal_(parameter, 1 if 'bn' in name else 0, 1)
    path = tmp_path_factory.mktemp('checkpoint') / 'epoch_1.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


def options(demo, work_dir):
    """Those of `tools/test.py`, without its work dir."""
    return classifier(demo, work_dir)[2:]


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
    assert [line.split()[0] for line in found.stdout.splitlines()[2:10]] == DEPTH_18

    tested = run_tool('tools/test.py', CONFIG, checkpoint, '--work-dir', tmp_path, *options(demo, tmp_path))
    assert tested.returncode == 0, tested.stderr[-3000:]
    accuracy = json.loads((tmp_path / 'metrics.json').read_text())['metrics']['accuracy/top1']
    assert excitation.ablation['whole'] == pytest.approx(accuracy)
    assert list(excitation.ablation['blocks']) == DEPTH_18
    removed = rows(out / 'ablation.csv')
    costs = [float(row['points_lost']) for row in removed[:8]]
    assert costs == sorted(costs, reverse=True)
    assert {row['removed'] for row in removed[:8]} == set(DEPTH_18)
    assert removed[8]['removed'] == 'all SE blocks'

    before = (out / 'classes.csv').read_bytes()
    again = run_tool(
        'tools/analyze_excitation.py', out / 'excitation.npz', '--classes', '7', '9', '--blocks', 'SE_3_1',
        '--width', 'single', '--out', tmp_path / 'again',
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-3000:]
    drawn = rows(tmp_path / 'again' / 'classes.csv')
    assert {(row['block'], row['title']) for row in drawn} == {
        ('SE_3_1', name) for name in ('class 7', 'class 9', 'all classes')
    }
    assert (tmp_path / 'again' / 'ablation.csv').read_bytes() == (out / 'ablation.csv').read_bytes()
    assert (out / 'classes.csv').read_bytes() == before


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
    assert found.ablation == pytest.approx(expected.ablation)
    for name, block in expected.blocks.items():
        np.testing.assert_array_equal(found.blocks[name].count, block.count)
        np.testing.assert_allclose(found.blocks[name].mean, block.mean, atol=1e-5)  # the network is in float32
    assert len(two.stdout.splitlines()) == len(one.stdout.splitlines())


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
def test_a_detectors_images_are_one_class(run_tool, demo, tmp_path):
    config = 'configs/demo/faster_rcnn_se_r50_demo.py'
    train = run_tool('tools/train.py', config, '--no-validate', *detector(demo, tmp_path))
    assert train.returncode == 0, train.stderr[-3000:]
    out = tmp_path / 'out'
    arguments = ['tools/analyze_excitation.py', config, tmp_path / 'iter_2.pth', '--out', out]
    settings = detector(demo, tmp_path, 'model.backbone.se.stages=[5]')[2:]
    whole = run_tool(*arguments, *detector(demo, tmp_path)[2:])
    assert whole.returncode == 0, whole.stderr[-3000:]
    excitation = Excitation.load(out / 'excitation.npz')
    assert (list(excitation.blocks), excitation.classes) == (DEPTH_18, ('all images',))
    assert all(block.count.tolist() == [8] for block in excitation.blocks.values())
    assert {path.name for path in out.iterdir()} == FILES | {'excitation.npz'}
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
        (['nothing.npz', '--ablate'], 'go with a config'),
    ],
)
def test_mistakes_end_in_one_message(run_tool, arguments, message):
    result = run_tool('tools/analyze_excitation.py', *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert 'Traceback' not in result.stderr
