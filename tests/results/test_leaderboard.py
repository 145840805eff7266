"""tools/leaderboard.py: the demo's pair as ever, 500 runs at once, what it writes and what it refuses."""

import functools
import json
from argparse import Namespace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from senet_mm.data.errors import DataError
from senet_mm.results.board import collect
from senet_mm.results.leaderboard import show
from senet_mm.results.render import STYLES
from senet_mm.results.table import pair_up, verdict
from tests.results.made_runs import make_run, make_runs


def options(*folders, **changes):
    defaults = dict(folders=list(folders), table=None, format='text', out=None, page=None)
    return Namespace(**{**defaults, **changes})


def write(folder, name, parameters, **metrics):
    (folder / name).mkdir(parents=True)
    record = dict(parameters=parameters, metrics={key.replace('__', '/'): value for key, value in metrics.items()})
    (folder / name / 'metrics.json').write_text(json.dumps(record))


@pytest.fixture
def pair(tmp_path):
    write(tmp_path, 'faster_rcnn_r50_demo', 41_000_000, coco__bbox_mAP=0.4, coco__bbox_mAP_50=0.7)
    write(tmp_path, 'faster_rcnn_se_r50_demo', 43_530_000, coco__bbox_mAP=0.425, coco__bbox_mAP_50=0.69)
    return tmp_path


def test_the_demos_pair_comes_first(pair):
    assert show(options(pair)).split('\n\nNot in')[0] == (
        'faster_rcnn_r50_demo / faster_rcnn_se_r50_demo    plain    SE     difference\n'
        '------------------------------------------------  -------  -----  ------------\n'
        'AP (%)                                            40.0     42.5   +2.5\n'
        'AP@0.5 (%)                                        70.0     69.0   -1.0\n'
        'parameters (M)                                    41.00    43.53  +2.53\n'
        '\n'
        'SE is better here: AP (%) +2.5 (one run each).'
    )


def test_a_loss_is_said(tmp_path):
    write(tmp_path, 'resnet50_demo', 1, accuracy__top1=66.0)
    write(tmp_path, 'se_resnet50_demo', 1, accuracy__top1=64.0)
    text = show(options(tmp_path, format='md'))
    assert 'SE is not better here: top-1 accuracy (%) -2.0 (one run each).' in text
    assert '| top-1 accuracy (%)' in text


def test_what_was_not_run_is_a_dash(tmp_path):
    write(tmp_path, 'se_resnet50_demo', 1_500_000, accuracy__top1=64.0)
    text = show(options(tmp_path))
    assert [line.split() for line in text.splitlines()[2:4]] == [
        ['top-1', 'accuracy', '(%)', '—', '64.0', '—'],
        ['parameters', '(M)', '—', '1.50', '—'],
    ]
    assert 'There is no plain run to compare with.' in text


def pairs_of(folder):
    return collect([folder]).pairs


def test_seeds_are_averaged_and_tested(tmp_path):
    for seed, (plain, se) in enumerate([(60.0, 62.0), (61.0, 64.0), (62.0, 63.0)]):
        make_run(tmp_path / f'a{seed}', 'resnet50_demo', seed, {'accuracy/top1': plain})
        make_run(tmp_path / f'b{seed}', 'se_resnet50_demo', seed, {'accuracy/top1': se})
    (found,) = pairs_of(tmp_path)
    plain, se, gain = found.values('accuracy/top1')
    assert (plain.mean, se.mean, gain.values) == (61.0, 63.0, (2.0, 3.0, 1.0))
    # two degrees of freedom: t = 2 / (1 / √3), p = 1 − t / √(t² + 2)
    assert verdict(found) == 'SE is better here: top-1 accuracy (%) +2.0 ± 1.0 (3 seeds, p = 0.074).'


def test_what_was_set_otherwise_is_another_pair(tmp_path):
    ratio = [dict(key='model.backbone.se.ratio', value=8, published=16)]
    rate = [dict(key='optim_wrapper.optimizer.lr', value=0.1, published=0.6)]
    for name, stem, seed, deviations in (
        ('a', 'resnet50_demo', 0, []),
        ('b', 'se_resnet50_demo', 0, ratio),  # a variant of SE is still compared with the plain network
        ('c', 'resnet50_demo', 1, rate),
        ('d', 'se_resnet50_demo', 1, rate),
        ('again', 'resnet50_demo', 0, []),
    ):
        make_run(tmp_path / name, stem, seed, {'accuracy/top1': 60.0}, day=name == 'again', deviations=deviations)
    board = collect([tmp_path])
    folders = [[run.folder.name for run in (*pair.plain, *pair.se)] for pair in board.pairs]
    assert sorted(folders) == [['a', 'b'], ['c', 'd']]
    (reasons,) = [reasons for run, reasons in board.apart if run.folder.name == 'again']
    assert reasons[-1] == f'seed 0 counts once, and {tmp_path / "a"} was first'


def test_an_ablation_is_beside_its_own_baseline(tmp_path):
    board = collect([tmp_path])
    assert board.pairs == ()
    for name, stem in (('a', 'resnet50_ablation_imagenet'), ('b', 'se_resnet50_ablation_pre_imagenet')):
        make_run(tmp_path / name, stem, metrics={'accuracy/top1': 70.0}, dirty=['senet_mm/x.py'])
    runs = collect([tmp_path]).runs
    ((found,), repeated) = pair_up(runs)
    assert (found.names, repeated) == (('resnet50_ablation_imagenet', 'se_resnet50_ablation_pre_imagenet'), [])


def test_five_hundred_runs_without_anything_heavy(tmp_path, run_tool):
    """The whole command, as typed, on whatever configs there are."""
    places = make_runs(tmp_path / 'work_dirs')
    assert len({path.parent for name in ('run', 'metrics') for path in tmp_path.rglob(f'{name}.json')}) == 500
    code = (
        'import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")\n'
        'assert not {"torch", "mmengine", "mmcv", "cv2"} & set(sys.modules)'
    )
    result = run_tool('-c', code, 'tools/leaderboard.py', tmp_path / 'work_dirs')
    assert result.returncode == 0, result.stderr
    assert all(str(place) in result.stdout for place in places.values())
    assert result.stdout.count('\nTable ') + result.stdout.startswith('Table ') == 15


def places_in(value, place=()):
    """Where anything is in nested lists and dicts, but for the free-form settings."""
    yield from [place] if place else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        if key not in ('settings', 'seal'):
            yield from places_in(inner, (*place, key))


ANYTHING = [None, True, -1, 2.5, float('nan'), 10**400, '', '\ud800', [], [None], {}, {'a': None}]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_a_record_holds_it_hides_no_other_run(tmp_path, data):
    make_run(tmp_path / 'plain', 'resnet50_demo', 0, {'accuracy/top1': 60.0}, logged=False)
    found = dict(throughput=dict(images_per_s=9.0), weights=dict(sha256='0'), logged=False)
    path = make_run(tmp_path / 'se', 'se_resnet50_demo', 0, {'accuracy/top1': 62.0}, **found) / 'run.json'
    record = json.loads(path.read_text())
    *above, last = data.draw(st.sampled_from(list(places_in(record))))
    functools.reduce(lambda value, key: value[key], above, record)[last] = data.draw(st.sampled_from(ANYTHING))
    path.write_text(json.dumps(record))
    text = show(options(tmp_path, page=tmp_path / 'page.html'))
    assert '60.0' in text
    assert str(path.parent) in text
    assert text.encode()


def test_it_writes_a_file_and_a_page(pair, monkeypatch):
    out, page = pair / 'new' / 'board.md', pair / 'new' / 'board.html'
    text = show(options(pair, format='md', out=out, page=page))
    assert text == f'{out} is written.\n\nThe page with curves and details: {page.resolve()}'
    assert '| AP (%)' in out.read_text()
    assert page.read_text().lstrip().lower().startswith('<!doctype html>')


def test_csv_leaves_the_rest_to_the_other_stream(pair, capsys):
    text = show(options(pair, format='csv', table=['7']))
    assert text.splitlines()[0].startswith('table,row,column')
    assert len({line.count(',') >= 13 for line in text.splitlines()}) == 1
    show(options(pair, format='csv'))
    assert 'Not in the paper’s tables' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(folders=[Path('nothing')]), 'there is no folder nothing; runs are in work_dirs/'),
        (dict(table=['17']), 'there is no table 17; there are 2, 3, .*, 16, imagenet, .*, coco, ablation, all$'),
        (dict(table=['7', '.']), r'there is no table \.; .*; name folders before --table$'),
        ({}, r'no run in .* yet: tools/train\.py CONFIG and tools/test\.py CONFIG CHECKPOINT make one'),
    ],
)
def test_mistakes_are_named(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        show(options(tmp_path, **changes))


def test_a_table_that_is_asked_for_is_shown_empty(tmp_path):
    assert show(options(tmp_path, table=['coco'])).startswith('Table 7. COCO minival: Faster R-CNN\n')


def test_the_command_knows_all_formats(run_tool):
    result = run_tool('tools/leaderboard.py', '--help')
    assert '{' + ','.join(STYLES) + '}' in result.stdout


def test_a_reader_that_stops_early_is_no_error(tmp_path, run_tool):
    code = (
        'import subprocess, sys\n'
        'command = [sys.executable, "tools/leaderboard.py", sys.argv[1], "--table", "all"]\n'
        'with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:\n'
        '    run.stdout.close(); error = run.stderr.read(); print(run.wait(), error.decode())'
    )
    assert run_tool('-c', code, tmp_path).stdout.strip() == '0'
