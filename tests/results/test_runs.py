"""Reading work dirs: what belongs to which run, and what is wrong with a folder."""

import json
import os
import platform
import shutil
from datetime import datetime, timezone

import pytest

from senet_mm.data.errors import DataError
from senet_mm.engine.record import read_record, write_record
from senet_mm.results.comparison import judge
from senet_mm.results.runs import find_runs, plain_name, read_folder
from tests.results.made_runs import digest, evaluation, make_run

STEM = 'resnet50_imagenet'
pytestmark = pytest.mark.usefixtures('made')


@pytest.mark.parametrize(
    ('se', 'plain'),
    [
        ('se_resnet50_imagenet', 'resnet50_imagenet'),
        ('faster_rcnn_se_r101_2x_coco', 'faster_rcnn_r101_2x_coco'),
        ('resnet50_imagenet', None),
        ('mouse_r50', None),
    ],
)
def test_names_pair_by_their_se(se, plain):
    assert plain_name(se) == plain


def read_one(folder):
    (run,), missing = read_folder(folder)
    return run, missing


def test_a_finished_run(made):
    folder = make_run(made / STEM / 'seed_3', STEM, 3, {'accuracy/top1': 75.5, 'nothing': None})
    run, missing = read_one(folder)
    assert (run.name, run.folder, run.status, run.seed) == (STEM, folder, 'finished', 3)
    assert run.metrics == {'accuracy/top1': 75.5}
    assert (run.parameters, run.problems, run.deviations, missing) == (25_000_000, (), (), [])
    assert run.newest.checkpoint_sha256 == run.last_checkpoint
    assert run.logs == (folder / '20260101_000000' / 'vis_data' / 'scalars.json',)
    assert run.settings == {'optim_wrapper.optimizer.lr': 0.6}


def test_a_running_run_is_cut_off_when_its_process_is_gone(made):
    folder = make_run(made / STEM, STEM, metrics={}, status='running')
    assert read_one(folder)[0].status == 'cut off'
    record = read_record(folder / 'run.json')
    last = datetime.now(timezone.utc).isoformat()
    record['sessions'][0] |= dict(last=last, host=platform.node(), pid=os.getpid())
    write_record(folder / 'run.json', record)
    assert read_one(folder)[0].status == 'running'


def test_numbers_changed_by_hand_are_noticed(made):
    record, metrics, both = (make_run(made / name, STEM) for name in ('record', 'metrics', 'both'))
    for path in (record / 'run.json', metrics / 'metrics.json', both / 'run.json', both / 'metrics.json'):
        path.write_text(path.read_text().replace('75.', '85.'))
    assert read_one(record)[0].problems == ('run.json was changed by hand: its seal does not fit',)
    assert read_one(metrics)[0].problems == ('metrics.json was changed after the test',)
    assert len(read_one(both)[0].problems) == 2
    marked = make_run(made / 'marked', STEM, edited=True)
    assert read_one(marked)[0].problems == ('run.json was changed by hand before the run went on',)


def test_what_is_missing_is_named_and_the_run_still_read(made):
    folder = make_run(made / STEM, STEM, logged=False)
    (folder / 'metrics.json').unlink()
    run, missing = read_one(folder)
    assert [broken.reason for broken in missing] == [
        'metrics.json is missing',
        'its log 20260101_000000/vis_data/scalars.json is missing: there are no curves',
    ]
    assert run.metrics['accuracy/top1'] == pytest.approx(75.1)


def test_a_test_before_records_were_kept(made):
    folder = made / 'se_resnet50_demo'
    folder.mkdir()
    content = dict(metrics={'accuracy/top1': 64.0}, parameters=1, test_time_augmentation=True)
    (folder / 'metrics.json').write_text(json.dumps(content))
    run, _ = read_one(folder)
    assert (run.name, run.metrics, run.record, run.seed) == ('se_resnet50_demo', {'accuracy/top1': 64.0}, None, None)
    assert run.newest.tta
    (folder / 'metrics.json').write_text(json.dumps(content | dict(config='configs/demo/resnet50_demo.py')))
    assert read_one(folder)[0].name == 'resnet50_demo'


@pytest.mark.parametrize('content', ['{', '[]', '{"metrics": {}}', '{"parameters": 1, "metrics": {"a": "b"}}'])
def test_broken_metrics_are_named(made, content):
    (made / 'run').mkdir()
    (made / 'run' / 'metrics.json').write_text(content)
    runs, (broken,) = find_runs([made])
    assert runs == []
    assert broken.path == made / 'run'
    assert broken.reason.startswith('metrics.json is not what tools/test.py writes')


@pytest.mark.parametrize('change', [dict(evaluations=[{}]), dict(sessions=[3]), dict(deviations=[{'key': 1}])])
def test_a_record_of_the_wrong_shape_is_named(made, change):
    folder = make_run(made / STEM, STEM)
    write_record(folder / 'run.json', read_record(folder / 'run.json') | change)
    with pytest.raises(DataError, match=r'run\.json is not what tools/train\.py and tools/test\.py write: [a-z]+\.0'):
        read_folder(folder)


def test_one_bad_folder_hides_no_other(made):
    make_run(made / 'good', STEM)
    (make_run(made / 'half', STEM) / 'run.json').write_text('{"schema": 1,')
    runs, (broken,) = find_runs([made])
    assert [run.folder.name for run in runs] == ['good']
    assert (broken.path.name, broken.reason[:24]) == ('half', 'run.json cannot be read:')


def test_a_test_belongs_to_the_run_that_it_tested(made):
    """`tools/test.py CONFIG work_dirs/CONFIG/seed_1/epoch_100.pth` writes to work_dirs/CONFIG."""
    ran = make_run(made / STEM / 'seed_1', STEM, 1, {})
    sha256 = read_record(ran / 'run.json')['checkpoints'][0]['sha256']
    make_run(
        made / STEM, STEM, metrics={'accuracy/top1': 70.0}, tests=[dict(sha256=sha256)], sessions=[], status='tested'
    )
    (run,), _ = find_runs([made])
    assert (run.folder, run.status, run.metrics) == (ran, 'finished', {'accuracy/top1': 70.0})


def test_but_not_if_it_was_edited(made):
    ran = make_run(made / STEM / 'seed_1', STEM, 1, {})
    sha256 = read_record(ran / 'run.json')['checkpoints'][0]['sha256']
    options = dict(tests=[dict(sha256=sha256)], sessions=[], status='tested')
    path = make_run(made / 'tests', STEM, metrics={'accuracy/top1': 70.0}, **options) / 'run.json'
    path.write_text(path.read_text().replace('70.0', '99.0'))
    untested, tests = find_runs([made])[0]
    assert untested.evaluations == ()
    assert tests.problems


def test_a_copy_takes_no_test_away(made):
    folder = make_run(made / STEM / 'seed_0', STEM)
    copy = made / STEM / 'backup'
    shutil.copytree(folder, copy)
    runs, _ = find_runs([made])
    assert [(run.folder, len(run.evaluations)) for run in runs] == [(copy, 1), (folder, 1)]
    (copy / 'run.json').write_text((copy / 'run.json').read_text().replace('75.1', '99.1'))
    runs, _ = find_runs([made])
    assert [(len(run.evaluations), bool(run.problems)) for run in runs] == [(1, True), (1, False)]
    assert list(judge(runs).counted[STEM, None]) == [0]


def test_a_test_goes_to_the_original_of_an_edited_copy(made):
    ran = make_run(made / STEM / 'seed_1', STEM, 1, {})
    sha256 = read_record(ran / 'run.json')['checkpoints'][0]['sha256']
    shutil.copytree(ran, made / STEM / 'backup')
    edited = made / STEM / 'backup' / 'run.json'
    edited.write_text(edited.read_text().replace('"seed": 1', '"seed": 2'))
    options = dict(tests=[dict(sha256=sha256)], sessions=[], status='tested')
    make_run(made / STEM, STEM, metrics={'accuracy/top1': 70.0}, **options)
    runs, _ = find_runs([made])
    assert [(run.folder.name, run.metrics) for run in runs] == [('backup', {}), ('seed_1', {'accuracy/top1': 70.0})]


def test_a_folder_by_two_paths_is_one(made):
    folder = make_run(made / 'work_dirs' / STEM, STEM)
    relative = folder.relative_to(made)
    (made / 'link').symlink_to(made / 'work_dirs')
    for paths in ((relative, folder), (folder, relative), (made / 'link' / STEM, made)):
        runs, broken = find_runs(paths)
        assert ([run.folder for run in runs], broken) == ([paths[0]], [])
        assert len(runs[0].evaluations) == 1


@pytest.mark.parametrize(
    ('started', 'seconds'),
    [
        ('1970-01-02T01:00:00+01:00', 86_400.0),
        ('1970-01-01T23:00:00-01:00', 86_400.0),
        (None, float('-inf')),
        ('2026-13-45', float('-inf')),
    ],
)
def test_when_a_run_began(made, started, seconds):
    assert read_one(make_run(made / STEM, STEM, started=started))[0].began == seconds


def test_tests_of_several_configs_in_one_folder_are_apart(made):
    folder = make_run(made / 'results', STEM, sessions=[], status='tested')
    record = read_record(folder / 'run.json')
    other = evaluation('vgg16_imagenet', {'accuracy/top1': 72.0}, digest('other'))
    other['file_sha256'] = record['evaluations'][0]['file_sha256']
    record['evaluations'].append(other)
    write_record(folder / 'run.json', record)
    runs, _ = find_runs([made])
    assert [(run.name, len(run.evaluations)) for run in runs] == [(STEM, 1), ('vgg16_imagenet', 1)]


def test_a_folder_that_cannot_be_entered_is_named(made, monkeypatch):
    make_run(made / 'good', STEM)
    (made / 'locked').mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith('locked'):
            raise PermissionError(13, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    (run,), (broken,) = find_runs([made])
    assert run.folder.name == 'good'
    assert (broken.path, broken.reason) == (made / 'locked', 'it cannot be read: Permission denied')


def test_links_are_followed_once_and_logs_are_not_entered(made):
    folder = make_run(made / 'scratch' / STEM, STEM)
    (made / 'work_dirs').mkdir()
    (made / 'work_dirs' / 'link').symlink_to(made / 'scratch')
    (made / 'scratch' / 'loop').symlink_to(made / 'scratch')
    stamp = folder / '20260101_000000'
    (stamp / 'metrics.json').write_text('{}')
    (folder / '.hidden').mkdir()
    (folder / '.hidden' / 'metrics.json').write_text('{}')
    runs, broken = find_runs([made / 'work_dirs'])
    assert ([run.folder for run in runs], broken) == ([made / 'work_dirs' / 'link' / STEM], [])
