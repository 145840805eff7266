"""What the tables lack, given what is in work_dirs/."""

from argparse import Namespace
from pathlib import Path

import pytest

from senet_mm.campaigns.plan import make_plan, processes_of, slots_of
from senet_mm.data.errors import DataError
from senet_mm.engine.record import read_record
from senet_mm.results.layouts import LAYOUTS, stems_of
from senet_mm.results.paper import published
from tests.campaigns.place import Place
from tests.results.made_runs import digest, make_run, make_runs

PLAIN, SE = 'resnet152_places365', 'se_resnet152_places365'
SENET = 'senet154_imagenet'
DETECTOR = 'faster_rcnn_se_r50_2x_coco'


def plan(*tables, seeds=None, most=None):
    """(stem, seed) → action, and how many runs are there."""
    found = make_plan(Namespace(tables=tables, seeds=seeds, work_dirs=Path('work_dirs'), log=[]), most)
    return {(task.stem, task.seed): state.action for task, state in found.tasks.items()}, found.have


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


@pytest.fixture
def work_dirs(place):
    return Path('work_dirs')


def test_all_is_lacking_at_first(work_dirs):
    assert plan('6') == ({(PLAIN, 0): 'train', (SE, 0): 'train'}, 0)
    assert list(plan('places365', seeds=[2, 1])[0]) == [(PLAIN, 2), (PLAIN, 1), (SE, 2), (SE, 1)]


def test_every_table_has_tasks_for_its_configs(work_dirs):
    for number in LAYOUTS:
        tasks, _ = plan(str(number))
        assert {stem for stem, _ in tasks} == set(stems_of(number)) != set()
    assert len(plan('all')[0]) == len({stem for number in LAYOUTS for stem in stems_of(number)})


def test_ablations_are_run_with_their_baseline_and_the_shared_network_once(work_dirs):
    stems = [stem for stem, _ in plan('11', '12')[0]]
    assert stems == [f'{stem}_imagenet' for stem in (
        'resnet50_ablation', 'se_resnet50_ablation_max', 'se_resnet50_ablation_r16',
        'se_resnet50_ablation_relu', 'se_resnet50_ablation_tanh',
    )]  # fmt: skip


def test_senet154_is_tested_with_both_crops(work_dirs):
    assert slots_of(8) == [(SENET, None), (SENET, 'center-320')]
    make_run(work_dirs / SENET, SENET, 0)
    found = make_plan(Namespace(tables=['8'], seeds=None, work_dirs=work_dirs, log=[]), None)
    ((task, state),) = found.tasks.items()
    assert (task.folder, task.seed, state.action, state.crops) == (work_dirs / SENET, 0, 'test', ('center-320',))


def test_what_is_there_is_not_repeated(work_dirs):
    make_run(work_dirs / PLAIN, PLAIN, 1)
    make_run(work_dirs / 'another' / 'place', SE, 0)
    assert plan('6', seeds=[0, 1]) == ({(PLAIN, 0): 'train', (SE, 1): 'train'}, 2)


def test_a_run_of_any_seed_will_do_where_none_is_asked_for(work_dirs):
    make_run(work_dirs / PLAIN, PLAIN, 5)
    assert plan('6') == ({(SE, 0): 'train'}, 1)


def test_what_is_furthest_goes_on_where_no_seed_is_asked_for(work_dirs):
    stopped = dict(metrics={}, status='interrupted', checkpoints=[])
    make_run(work_dirs / PLAIN / 'seed_1', PLAIN, 1, **stopped)
    make_run(work_dirs / 'mine', PLAIN, 2, metrics={})
    make_run(work_dirs / SE / 'seed_4', SE, 4, **stopped, hardware=dict(gpus=[], cpu='', processes=1))
    found = make_plan(Namespace(tables=['6'], seeds=None, work_dirs=work_dirs, log=[]), 8)
    (plain, test), (se, resume) = found.tasks.items()
    assert (plain.folder, test.action) == (work_dirs / 'mine', 'test')
    assert (se.seed, se.processes, resume.action) == (4, 1, 'resume')


def test_a_run_does_not_go_on_with_fewer_processes_than_it_was_begun_with(work_dirs):
    eight = dict(gpus=[], cpu='', processes=8)
    make_run(work_dirs / SE / 'seed_0', SE, 0, metrics={}, status='failed', checkpoints=[], hardware=eight)
    found = make_plan(Namespace(tables=['6'], seeds=[0], work_dirs=work_dirs, log=[]), 4)
    state = {task.stem: state for task, state in found.tasks.items()}[SE]
    assert state.action == 'blocked'
    assert state.reasons == ('it was begun on 8 GPUs, and a run may have 4 here',)


def test_a_run_that_cannot_count_is_named_and_stays(work_dirs):
    make_run(work_dirs / SE / 'seed_0', SE, 0, metrics={}, dirty=['tools/train.py'])
    assert plan('6', seeds=[0])[0][SE, 0] == 'blocked'
    assert plan('6', seeds=[1])[0][SE, 1] == 'train'


def test_a_detector_from_a_backbone_trained_here_is_finished(work_dirs):
    backbone = make_run(work_dirs / 'backbone', 'se_resnet50_imagenet', 0)
    sha256 = read_record(backbone / 'run.json')['checkpoints'][0]['sha256']
    keys = ('model.backbone.init_cfg.checkpoint', 'model.backbone.style')
    own = [dict(key=key, value='ours', published='theirs') for key in keys]
    stopped = dict(status='interrupted', checkpoints=[])
    begun = dict(metrics={}, deviations=own, hardware=dict(gpus=[], cpu='', processes=8))
    for seed, changes in enumerate([dict(weights=dict(sha256=sha256)), dict(weights=dict(sha256=digest('unknown')))]):
        make_run(work_dirs / f'resumed {seed}', DETECTOR, seed, **changes, **begun, **stopped)
        make_run(work_dirs / f'tested {seed}', DETECTOR, seed + 2, **changes, **begun)
    lacking, _ = plan('7', seeds=[0, 1, 2, 3])
    actions = [lacking[DETECTOR, seed] for seed in range(4)]
    assert actions == ['resume', 'train', 'test', 'train']  # without its backbone a run cannot count: another is wanted
    assert plan('7')[0][DETECTOR, 2] == 'test'


def test_an_edited_run_elsewhere_does_not_count(work_dirs):
    path = make_run(work_dirs / 'mine', SE, 0) / 'run.json'
    path.write_text(path.read_text().replace('epoch_100', 'epoch_999'))
    assert plan('6', seeds=[0])[0][SE, 0] == 'train'


def test_five_hundred_runs(work_dirs):
    make_runs(work_dirs)
    lacking, have = plan('all', seeds=[0])
    assert not lacking
    assert have == len({stem for number in LAYOUTS for stem in stems_of(number)})


@pytest.mark.parametrize(
    ('recipe', 'most', 'processes'),
    [(8, None, 8), (8, 8, 8), (8, 16, 8), (8, 7, 4), (8, 3, 2), (8, 1, 1), (1, 8, 1), (64, 8, 8), (64, 12, 8)],
)
def test_runs_share_the_batch_evenly(recipe, most, processes):
    stem = next(stem for stem, entry in published().items() if entry['gpus'] == recipe)
    assert processes_of(stem, most) == processes


def test_the_batch_is_always_the_recipes():
    for stem in {stem for number in LAYOUTS for stem in stems_of(number)}:
        entry = published()[stem]
        assert entry['batch'] % entry['gpus'] == 0
        assert all(entry['gpus'] % processes_of(stem, most) == 0 for most in range(1, 20))


def test_outside_of_the_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r'no configs/resnet152_places365\.py here; start in the root of'):
        plan('6')
