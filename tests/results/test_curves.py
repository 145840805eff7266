"""Curves from made-up logs: what mmengine writes, what a resumed or killed run leaves, and how much of it is kept."""

import json

import numpy as np
import pytest

from senet_mm.results.curves import POINTS, SAMPLED, read_curves


def write(path, *lines):
    path.write_text(''.join(line if isinstance(line, str) else json.dumps(line) + '\n' for line in lines))
    return path


def trained(step, loss, epoch=None, **more):
    return dict(loss=loss, iter=step, step=step, **({} if epoch is None else dict(epoch=epoch))) | more


def test_epochs_and_errors(tmp_path):
    log = write(
        tmp_path / 'scalars.json',
        trained(50, 2.0, 1),
        trained(100, 1.5, 1),
        {'accuracy/top1': 60.0, 'accuracy/top5': 90.0, 'loss/cross_entropy': 1.25, 'data_time': 0.1, 'step': 1},
        trained(150, 1.0, 2, **{'accuracy_top-1': 75.0}),
        trained(200, 0.5, 2),
        {'accuracy/top1': 70.0, 'step': 2},
    )
    curves = read_curves([log])
    assert curves.unit == 'epoch'
    assert curves.series == {
        ('loss', 'training'): ([0.5, 1, 1.5, 2], [2, 1.5, 1, 0.5]),
        ('top1_err', 'validation'): ([1, 2], [40, 30]),
        ('top5_err', 'validation'): ([1], [10]),
        ('loss', 'validation'): ([1], [1.25]),
        ('top1_err', 'training'): ([1.5], [25]),
    }


@pytest.mark.parametrize('step', [1, 20], ids=['counts epochs', 'counts iterations'])
def test_iterations_and_ap(tmp_path, step):
    log = write(tmp_path / 'log', trained(10, 2.0), trained(20, 1.0), {'coco/bbox_mAP': 0.345, 'step': step})
    curves = read_curves([log])
    assert curves.unit == 'iteration'
    assert curves.series == {('loss', 'training'): ([10, 20], [2, 1]), ('ap', 'validation'): ([20], [34.5])}


def test_a_resumed_run_replaces_what_it_did_again(tmp_path):
    first = write(
        tmp_path / 'a', trained(10, 3.0), trained(20, 2.0), {'coco/bbox_mAP': 0.1, 'step': 20}, trained(30, 1.0)
    )
    second = write(tmp_path / 'b', trained(30, 0.9), trained(40, 0.8))
    curves = read_curves([first, second])
    assert curves.series['loss', 'training'] == ([10, 20, 30, 40], [3, 2, 0.9, 0.8])
    assert curves.series['ap', 'validation'] == ([20], [10])


def test_a_resumed_run_of_epochs_keeps_the_validations_before_it(tmp_path):
    first = write(
        tmp_path / 'a',
        *(
            line
            for epoch in (1, 2, 3)
            for line in (trained(epoch * 5, 4.0 - epoch, epoch), {'accuracy/top1': 10.0 * epoch, 'step': epoch})
        ),
    )
    second = write(tmp_path / 'b', trained(15, 0.5, 3), {'accuracy/top1': 35.0, 'step': 3})
    curves = read_curves([first, second])
    assert curves.series['loss', 'training'] == ([1, 2, 3], [3, 2, 0.5])
    assert curves.series['top1_err', 'validation'] == ([1, 2, 3], [90, 80, 65])


def test_what_is_no_number_is_passed_over(tmp_path):
    log = write(
        tmp_path / 'log',
        trained(1, 1.0),
        trained(2, float('nan')),
        {'coco/bbox_mAP': None, 'step': 2},
        'not JSON\n',
        '[1, 2]\n',
        '[' * 100_000 + '\n',
        f'{{"loss": {10**400}, "iter": 2, "step": 2}}\n',
        trained(2, float('inf'), epoch='2'),
        '{"loss": 0.5, "iter": 3, "st',
    )
    assert read_curves([log, tmp_path / 'missing']).series == {('loss', 'training'): ([1], [1])}


def test_no_curves(tmp_path):
    assert read_curves([]) is None
    assert read_curves([write(tmp_path / 'log', {'lr': 0.1, 'step': 1})]) is None


def test_long_curves_are_thinned(tmp_path):
    losses = np.linspace(5, 1, SAMPLED)
    lines = [trained(step, loss) for step, loss in enumerate(losses, 1)]
    lines += [{'coco/bbox_mAP': step / 1000, 'step': step} for step in range(1001, 1251)]
    series = read_curves([write(tmp_path / 'log', *lines)]).series
    xs, ys = series['loss', 'training']
    groups = losses.reshape(POINTS, 2)
    np.testing.assert_allclose(ys, groups.mean(1), rtol=1e-3)
    assert len(xs) == POINTS
    xs, ys = series['ap', 'validation']
    assert len(xs) <= POINTS
    assert (xs[-1], ys[-1]) == (1250, 125)


def test_of_a_very_long_log_all_validations_are_read(tmp_path):
    lines = [trained(step, 1.0) for step in range(1, 5 * SAMPLED)]
    lines[::SAMPLED] = [{'coco/bbox_mAP': 0.5, 'step': step} for step in range(1, 5 * SAMPLED, SAMPLED)]
    series = read_curves([write(tmp_path / 'log', *lines)]).series
    assert len(series['ap', 'validation'][0]) == 5
    assert set(series['loss', 'training'][1]) == {1}
