"""Figure 4 as typed: of hand-written logs, and of pairs of real runs against their logs read line by line."""

import csv
import json

import pytest

from tests.analysis.logs import training, validation, write
from tests.tools.options import classifier, detector


def points(path):
    """(run, quantity, phase) → [(x, value), …] of a table that the tool wrote."""
    found = {}
    with path.open(newline='') as file:
        for row in csv.DictReader(file):
            x = row['epoch'] if 'epoch' in row else row['iteration']
            place = found.setdefault((row['run'], row['quantity'], row['phase']), [])
            place.append((float(x), float(row['value'])))
    return found


def lines_of(run):
    (log,) = run.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_runs_are_named_by_their_folders_or_as_asked(run_tool, tmp_path):
    for name in ('plain', 'se'):
        write(tmp_path / name, 'a', [training(10, 2.0, 1), validation(1, accuracy__top1=60.0)])
    out = [tmp_path / name for name in ('curves.png', 'curves.svg', 'curves.pdf', 'curves.csv')]
    found = run_tool('tools/plot_curves.py', f'{tmp_path}/plain/', f'SE={tmp_path}/se', '--out', *out)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == list(map(str, out))
    assert [path.read_bytes()[:4] for path in out] == [b'\x89PNG', b'<?xm', b'%PDF', b'run,']
    assert {run for run, _, _ in points(out[-1])} == {'plain', 'SE'}
    assert points(out[-1])['SE', 'top-1 error (%)', 'validation'] == [(1, 40)]


@pytest.mark.parametrize(
    ('runs', 'message'),
    [
        (['nothing'], 'there is no run nothing; tools/train.py makes'),
        (['a=x', 'a=y'], 'several runs are called a: name them, TITLE=RUN'),
    ],
)
def test_mistakes_end_in_one_message(run_tool, runs, message, tmp_path):
    found = run_tool('tools/plot_curves.py', *runs, '--out', tmp_path / 'curves.png')
    assert found.returncode == 1
    assert message in found.stderr
    assert 'Traceback' not in found.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_pair_of_classifiers(run_tool, demo, tmp_path):
    """Two epochs of two iterations each, every one logged."""
    for name in ('resnet50', 'se_resnet50'):
        options = classifier(
            demo, tmp_path / name, 'train_cfg.max_epochs=2', 'train_cfg.val_interval=1',
            'default_hooks.logger.interval=1',
        )  # fmt: skip
        run = run_tool('tools/train.py', f'configs/demo/{name}_demo.py', *options)
        assert run.returncode == 0, run.stderr[-3000:]
    out = [tmp_path / 'curves.png', tmp_path / 'curves.csv']
    found = run_tool('tools/plot_curves.py', tmp_path / 'resnet50', tmp_path / 'se_resnet50', '--out', *out)
    assert found.returncode == 0, found.stderr
    curves = points(out[1])
    assert len(curves) == 6
    for name in ('resnet50', 'se_resnet50'):
        lines = lines_of(tmp_path / name)
        trained = [line for line in lines if 'iter' in line]
        assert [line['iter'] for line in trained] == [1, 2, 3, 4]
        halves = [(1, trained[:2]), (2, trained[2:])]
        errors = [(epoch, 100 - sum(line['accuracy_top-1'] for line in half) / 2) for epoch, half in halves]
        losses = [(epoch, sum(line['loss'] for line in half) / 2) for epoch, half in halves]
        tested = [(line['step'], 100 - line['accuracy/top1']) for line in lines if 'accuracy/top1' in line]
        assert [step for step, _ in tested] == [1, 2]
        for quantity, phase, expected in (
            ('top-1 error (%)', 'training', errors),
            ('top-1 error (%)', 'validation', tested),
            ('loss', 'training', losses),
        ):
            assert [list(point) for point in curves[name, quantity, phase]] == [
                pytest.approx(list(point)) for point in expected
            ]


@pytest.mark.slow
def test_a_pair_of_detectors(run_tool, demo, tmp_path):
    for name in ('faster_rcnn_r50', 'faster_rcnn_se_r50'):
        options = detector(demo, tmp_path / name, 'train_cfg.val_interval=2', 'val_dataloader.dataset.indices=2')
        run = run_tool('tools/train.py', f'configs/demo/{name}_demo.py', *options)
        assert run.returncode == 0, run.stderr[-3000:]
    out = [tmp_path / 'curves.svg', tmp_path / 'curves.csv']
    runs = [f'plain={tmp_path}/faster_rcnn_r50', f'SE={tmp_path}/faster_rcnn_se_r50']
    found = run_tool('tools/plot_curves.py', *runs, '--out', *out)
    assert found.returncode == 0, found.stderr
    curves = points(out[1])
    assert len(curves) == 4
    for title, name in (('plain', 'faster_rcnn_r50'), ('SE', 'faster_rcnn_se_r50')):
        lines = lines_of(tmp_path / name)
        assert curves[title, 'loss', 'training'] == [(line['iter'], line['loss']) for line in lines if 'iter' in line]
        (ap,) = [line['coco/bbox_mAP'] for line in lines if 'coco/bbox_mAP' in line]
        assert curves[title, 'AP (%)', 'validation'] == [(2, pytest.approx(100 * ap))]
