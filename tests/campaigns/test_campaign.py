"""Campaigns: nothing lost and nothing repeated, whatever is killed, and however many run at once."""

import os
import shutil
import signal
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path

import pytest

from senet_mm.campaigns import campaign
from senet_mm.campaigns.launchers import Local
from senet_mm.campaigns.locks import Lock
from senet_mm.campaigns.plan import make_plan
from senet_mm.data.errors import DataError
from senet_mm.engine import surroundings
from senet_mm.results.board import collect
from tests.campaigns.place import ROOT, Place, campaign_of, start_campaign
from tests.results.made_runs import make_run

PLAIN, SE = 'resnet152_places365', 'se_resnet152_places365'  # Table 6
ONLY = 'senet154_320_imagenet'  # Table 9
EPOCHS = ['epoch 1', 'epoch 2', 'epoch 3']


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield Place(tmp_path)
    (tmp_path / 'go').touch()  # lets end what a failed test leaves behind


@pytest.fixture
def impatient(monkeypatch):
    """A campaign that waits for ever fails."""
    deadline, sleep = time.monotonic() + 60, time.sleep

    def nap(seconds):
        assert time.monotonic() < deadline
        sleep(min(seconds, 0.05))

    monkeypatch.setattr(time, 'sleep', nap)


def begun_on(processes, stem):
    """The start of a run on so many GPUs, cut off."""
    hardware = dict(gpus=[], cpu='', processes=processes)
    stopped = dict(metrics={}, status='interrupted', checkpoints=[], logged=False)
    return make_run(Path('work_dirs', stem, 'seed_0'), stem, 0, hardware=hardware, **stopped)


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def check_complete(place, *stems, seeds=(0,)):
    """Every epoch was trained once, every run tested once, and all of them count."""
    runs = [f'{stem}.{seed}' for stem in stems for seed in seeds]
    assert Counter(place.calls(*EPOCHS)) == Counter({(run, epoch): 1 for run in runs for epoch in EPOCHS})
    assert Counter(place.calls('end', verb='test')) == Counter({(run, 'end'): 1 for run in runs})
    board = collect([place.work_dirs])
    assert {stem: set(found) for stem, found in board.comparable.items()} == {stem: set(seeds) for stem in stems}
    assert not board.apart
    assert not board.broken


def test_a_table_from_nothing_then_nothing_to_do(place):
    first = campaign_of('6')
    first.run()
    assert {(task.stem, outcome.end) for task, outcome in first.outcomes.items()} == {(PLAIN, 'done'), (SE, 'done')}
    check_complete(place, PLAIN, SE)
    whole = [(note['task'], note['what']) for note in place.notes() if note['what'] in ('start', 'end')]
    assert whole == [(f'{stem}.0', what) for stem in (PLAIN, SE) for what in ('start', 'end', 'start', 'end')]
    assert not campaign_of('6').tasks


def test_a_killed_run_goes_on_from_its_checkpoint(place):
    place.plot(ONLY, 0, 'train 2 kill', 'train 3 nccl', 'test 1 kill')
    mine = campaign_of('9', retries=1)  # between two checkpoints
    mine.run()
    check_complete(place, ONLY)
    assert f'{ONLY}, seed 0: it was ended by SIGKILL; it will go on (try 1 of 1)' in mine.voice.events
    assert f'{ONLY}, seed 0: training, from where it stopped' in mine.voice.events


def test_a_run_that_always_fails_is_given_up(place):
    place.plot(ONLY, 0, *['train 2 kill'] * 9)
    mine = campaign_of('9', retries=2)
    mine.run()
    (outcome,) = mine.outcomes.values()
    assert (outcome.end, outcome.reason) == ('failed', 'it was ended by SIGKILL, 3 times')
    assert place.calls('start', verb='train') == [(f'{ONLY}.0', 'start')] * 3


def test_a_mistake_is_not_repeated_and_the_others_go_on(place):
    place.plot(PLAIN, 0, 'train 1 mistake')
    mine = campaign_of('6')
    mine.run()
    outcomes = {task.stem: (outcome.end, outcome.reason) for task, outcome in mine.outcomes.items()}
    assert outcomes == {PLAIN: ('failed', 'The data of this config is missing: /data/places365'), SE: ('done', '')}
    assert place.calls('start', verb='train').count((f'{PLAIN}.0', 'start')) == 1


@pytest.mark.parametrize('moment', ['train 2 wait', pytest.param('test 1 wait', marks=pytest.mark.slow)])
@pytest.mark.parametrize('whole', [False, True], ids=['campaign', 'everything'])
def test_killed_and_started_again(place, moment, whole):
    """kill -9 of the campaign alone, whose run goes on by itself, or of all its processes."""
    verb = moment.split()[0]
    place.plot(ONLY, 0, moment)
    first = start_campaign('9')
    wait_for(lambda: place.calls('start', verb=verb) and not (place.folder / 'plots' / f'{ONLY}.0').read_text())
    first.kill()
    first.wait()
    if whole:
        lock = Lock(place.work_dirs / '.locks' / f'{ONLY}.seed_0.lock')
        os.killpg(lock.read()['pid'], signal.SIGKILL)
        wait_for(lock.acquire)  # the last of them is dead
        lock.let_go()
    second = campaign_of('9')
    second.step()
    assert whole or not second.running  # a run that goes on has its lock, and that of the machine, too
    (place.folder / 'go').touch()
    second.run()
    check_complete(place, ONLY)


@pytest.mark.slow
def test_a_stopped_campaign_stops_its_runs(place):
    place.plot(ONLY, 0, 'train 2 wait')
    first = start_campaign('9')
    wait_for(lambda: place.calls('epoch 1'))
    first.terminate()
    assert first.wait(60) != 0
    (place.folder / 'go').touch()
    time.sleep(0.2)
    assert place.calls('epoch 2') == []
    campaign_of('9').run()
    check_complete(place, ONLY)


@pytest.mark.slow
def test_two_campaigns_share_the_gpus_and_the_runs(place, monkeypatch):
    monkeypatch.setenv('EPOCH_SECONDS', '0.05')
    both = [start_campaign('9', '012', 'ab') for _ in range(2)]
    assert [campaign.wait(60) for campaign in both] == [0, 0]
    check_complete(place, ONLY, seeds=(0, 1, 2))
    busy = {}
    for line in place.notes():
        if line['what'] == 'start':
            assert line['gpus'] not in busy, 'two runs on one GPU'
            busy[line['gpus']] = line['task']
        elif line['what'] == 'end':
            assert busy.pop(line['gpus']) == line['task']
    assert {line['gpus'] for line in place.notes()} == {'a', 'b'}


def test_runs_get_as_many_gpus_as_they_want(place):
    local = Local(Path('work_dirs'), 'abc')
    args = Namespace(tables=['6'], seeds=[0], work_dirs=place.work_dirs, log=[])
    two, other = make_plan(args, 2).tasks
    assert two.processes == 2
    room = local.reserve(two)
    assert len(room) == 2
    assert local.reserve(other) is None
    for lock in room:
        lock.let_go()
    assert len(local.reserve(other)) == 2


def test_what_cannot_count_is_not_touched(place):
    folder = make_run(Path('work_dirs', ONLY, 'seed_0'), ONLY, 0, dirty=['tools/train.py'])
    before = (folder / 'run.json').read_bytes()
    mine = campaign_of('9')
    mine.run()
    (outcome,) = mine.outcomes.values()
    assert outcome.end == 'blocked'
    assert 'the code had changes that were not committed' in outcome.reason
    assert (folder / 'run.json').read_bytes() == before


def test_a_run_begun_on_more_gpus_is_not_waited_for(place, countable, impatient, monkeypatch, capsys):
    begun_on(8, PLAIN)
    monkeypatch.setattr(campaign, 'gpus_here', lambda: ['a'])
    assert not campaign.run(options())
    assert capsys.readouterr().out.endswith(
        f'1 of 2 runs did not come to their end:\n  {PLAIN}, seed 0: '
        'it was begun on 8 GPUs, and a run may have 1 here\n'
    )
    assert {task for task, _ in place.calls()} == {f'{SE}.0'}


def test_a_run_that_was_begun_on_other_gpus_meanwhile_goes_on_with_as_many(place, impatient):
    mine = campaign_of('9', gpus='ab')
    assert [task.processes for task in mine.tasks] == [1]
    begun_on(2, ONLY)
    mine.run()
    assert [(task.processes, outcome.end) for task, outcome in mine.outcomes.items()] == [(2, 'done')]
    start = place.notes()[0]
    assert start['gpus'] == 'a,b'
    assert start['argv'][1] == '2'
    assert '--resume' in start['argv']


def test_a_run_that_was_begun_on_too_many_gpus_meanwhile_is_not_waited_for(place, impatient):
    mine = campaign_of('6', gpus='a')
    begun_on(2, PLAIN)
    mine.run()
    ends = {task.stem: (outcome.end, outcome.reason) for task, outcome in mine.outcomes.items()}
    assert ends == {PLAIN: ('blocked', 'it was begun on 2 GPUs, and a run may have 1 here'), SE: ('done', '')}


def options(**changes):
    return Namespace(**dict(
        tables=['6'], seeds=[0], work_dirs=Path('work_dirs'), log=[], launcher='local', gpus_per_run=None,
        retries=1, dry_run=False, partition=None, hours=1, slurm=[],
    ) | changes)  # fmt: skip


@pytest.fixture
def countable(monkeypatch):
    """Whatever the state of the checkout is."""
    monkeypatch.setattr(campaign, 'require_countable', lambda stems: None)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(campaign, 'gpus_here', list)


def test_the_command_ends_in_the_table(place, countable, no_gpu, capsys):
    assert campaign.run(options())
    text = capsys.readouterr().out
    assert '0 of 2 runs are there.' in text
    assert 'Table 6' in text
    assert text.index(f'{SE}, seed 0: done') < text.index('Table 6')
    check_complete(place, PLAIN, SE)


def test_the_command_says_what_is_still_lacking(place, countable, no_gpu, capsys):
    place.plot(SE, 0, 'train 1 mistake')
    assert not campaign.run(options())
    assert capsys.readouterr().out.endswith(
        f'1 of 2 runs did not come to their end:\n  {SE}, seed 0: The data of this config is missing: /data/places365\n'
    )


def test_a_dry_run_prints_commands_and_does_nothing(place, no_gpu, capsys):
    make_run(Path('work_dirs', PLAIN, 'seed_0'), PLAIN, 0, metrics={})
    assert campaign.run(options(dry_run=True))
    assert capsys.readouterr().out.splitlines() == [
        '0 of 2 runs are there.',
        f'# {PLAIN}, seed 0, on 1 GPU',
        f'tools/test.py configs/{PLAIN}.py "$(cat work_dirs/{PLAIN}/seed_0/last_checkpoint)" '
        f'--work-dir work_dirs/{PLAIN}/seed_0',
        f'# {SE}, seed 0, on 1 GPU',
        f'tools/train.py configs/{SE}.py --work-dir work_dirs/{SE}/seed_0 --accumulate --cfg-options randomness.seed=0',
        f'tools/test.py configs/{SE}.py "$(cat work_dirs/{SE}/seed_0/last_checkpoint)" '
        f'--work-dir work_dirs/{SE}/seed_0',
    ]
    assert not (place.work_dirs / '.locks').exists()
    assert place.calls() == []


def test_code_that_is_not_committed_is_not_run(place, no_gpu, monkeypatch):
    changed = dict(commit='0', dirty=['senet_mm/layers/se.py', 'tools/train.py'])
    monkeypatch.setattr(surroundings, 'commit', lambda: changed)
    with pytest.raises(DataError, match=r'not committed: senet_mm/layers/se\.py and 1 more; no table'):
        campaign.run(options())
    assert place.calls() == []


def test_a_config_that_was_changed_is_not_run(place, no_gpu, monkeypatch):
    monkeypatch.setattr(surroundings, 'commit', lambda: dict(commit='0', dirty=[]))
    (place.folder / 'configs').unlink()
    shutil.copytree(ROOT / 'configs', place.folder / 'configs', ignore=shutil.ignore_patterns('__pycache__', 'zoo'))
    campaign.require_countable({PLAIN, SE})
    with (place.folder / 'configs' / f'{SE}.py').open('a') as file:
        file.write('optim_wrapper = dict(optimizer=dict(lr=0.1))\n')
    with pytest.raises(DataError, match=f'configs/{SE}.py is not as published'):
        campaign.run(options())
    assert place.calls() == []


def test_a_place_that_cannot_be_written_to_is_named(place, countable, no_gpu):
    Path('taken').touch()
    with pytest.raises(DataError, match='--work-dirs taken/here: Not a directory; name a folder'):
        campaign.run(options(work_dirs=Path('taken/here')))


def test_no_gpus_for_a_run_is_a_mistake(place, no_gpu):
    with pytest.raises(DataError, match='--gpus-per-run 0: give 1 or more'):
        campaign.run(options(gpus_per_run=0))
