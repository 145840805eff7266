"""tools/test_ensemble.py as typed: from networks, from files, to a submission."""

import json

import numpy as np
import pytest

from senet_mm.engine.predictions import Predictions
from tests.tools.options import classifier

CONFIG = 'configs/demo/resnet50_demo.py'


def save(path, seed):
    scores = np.random.default_rng(seed).dirichlet(np.ones(6), 3).astype(np.float32)
    Predictions(scores, np.array([0, 1, 2]), np.array(['a.png', 'b.png', 'c.png'])).save(path)
    return path


def test_files_become_a_table_and_a_submission(run_tool, tmp_path):
    files = [save(tmp_path / f'{seed}.npz', seed) for seed in (0, 1)]
    kit = tmp_path / 'map_clsloc.txt'
    kit.write_text(''.join(f'n0000000{number} {number} class\n' for number in range(1, 7)))
    submission = tmp_path / 'submission.txt'
    options = ('--mean', 'geometric', '--weights', '2', '1', '--submission', submission, '--ids', kit)
    result = run_tool('tools/test_ensemble.py', *files, *options)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith('3 images')
    assert [line.split()[0] for line in lines[2:]] == [*map(str, files), 'ensemble']
    first, second = (np.log(Predictions.load(path).scores.astype(float)) for path in files)
    best = np.argsort(-(2 * first + second), axis=1)[:, :5] + 1
    assert submission.read_text() == ''.join(f'{" ".join(map(str, row))}\n' for row in best)


def test_a_mistake_ends_in_one_message(run_tool, tmp_path):
    pickled = tmp_path / 'a.pkl'
    pickled.touch()
    result = run_tool('tools/test_ensemble.py', pickled)
    assert result.returncode == 1
    assert 'a pickle may execute anything' in result.stderr
    assert 'Traceback' not in result.stderr


@pytest.mark.slow
def test_from_checkpoints_to_an_ensemble(run_tool, demo, tmp_path):
    """Crops, saved predictions, a network run first, and images without labels, on the demo's pictures."""
    options = classifier(demo, tmp_path, 'train_cfg.max_epochs=2')
    train = run_tool('tools/train.py', CONFIG, *options)
    assert train.returncode == 0, train.stderr[-3000:]
    metrics, files = [], []
    for epoch, protocol in [(1, []), (2, ['--crops', 'ten-224']), (2, ['--crops', 'places365', '--tta'])]:
        files.append(tmp_path / f'{len(files)}.npz')
        checkpoint = tmp_path / f'epoch_{epoch}.pth'
        result = run_tool(
            'tools/test.py', CONFIG, checkpoint, '--out', files[-1], *protocol, *classifier(demo, tmp_path)
        )
        assert result.returncode == 0, result.stderr[-3000:]
        metrics.append(json.loads((tmp_path / 'metrics.json').read_text())['metrics']['accuracy/top1'])
    found = [Predictions.load(path) for path in files]
    assert [one.source['crops'] for one in found] == [None, 'ten-224', 'places365']
    for one, accuracy in zip(found, metrics, strict=True):
        assert one.scores.shape == (20, 10)
        assert 100 * (one.scores.argmax(1) == one.labels).mean() == pytest.approx(accuracy)
    assert np.abs(found[1].scores - found[2].scores).max() > 1e-4

    given = ' '.join(map(str, classifier(demo, tmp_path)))
    model = (
        '--model',
        CONFIG,
        tmp_path / 'epoch_2.pth',
        f'--test-options=--crops ten-224 {given}',
        '--save-dir',
        tmp_path,
    )
    result = run_tool('tools/test_ensemble.py', *files[:2], *model, '--metrics', tmp_path / 'ensemble.json')
    assert result.returncode == 0, result.stderr[-3000:]
    assert (tmp_path / 'resnet50_demo' / 'epoch_2.npz').is_file()
    records = json.loads((tmp_path / 'ensemble.json').read_text())
    assert [record['top1_err'] for record in records[:3]] == pytest.approx(
        [100 - accuracy for accuracy in (metrics[0], metrics[1], metrics[1])]
    )
    fused = (found[0].scores + 2 * found[1].scores).argmax(1)
    assert records[3]['top1_err'] == pytest.approx(100 * (fused != found[0].labels).mean())

    (demo / 'imagenet' / 'test').symlink_to(demo / 'imagenet' / 'val')
    unlabelled = (*classifier(demo, tmp_path), 'test_dataloader.dataset.split=test')
    result = run_tool('tools/test.py', CONFIG, tmp_path / 'epoch_1.pth', *unlabelled)
    assert result.returncode == 1
    assert 'The test set has no labels: give --out scores.npz' in result.stderr
    path = tmp_path / 'test.npz'
    result = run_tool('tools/test.py', CONFIG, tmp_path / 'epoch_1.pth', '--out', path, *unlabelled)
    assert result.returncode == 0, result.stderr[-3000:]
    unknown = Predictions.load(path)
    assert not unknown.labelled
    order = [unknown.images.tolist().index(image) for image in found[0].images]
    np.testing.assert_allclose(unknown.scores[order], found[0].scores, atol=1e-6)
