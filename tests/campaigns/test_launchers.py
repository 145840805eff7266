"""SLURM jobs through submitit, on a cluster of scripts: sbatch runs the job here, sacct says how it is."""

import os
import stat
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest

from senet_mm.campaigns import launchers
from senet_mm.campaigns.campaign import Campaign
from senet_mm.campaigns.launchers import Local, Slurm, gpus_here, parameters
from senet_mm.campaigns.plan import make_plan
from senet_mm.campaigns.work import Outcome, look
from senet_mm.data.errors import DataError
from senet_mm.engine.record import now
from senet_mm.results.board import collect
from tests.campaigns.place import ROOT, Log, Place
from tests.results.made_runs import make_run

submitit = pytest.importorskip('submitit')

ONLY = 'senet154_320_imagenet'  # Table 9
# The state of job n is in cluster/n; a file 'hold' keeps jobs pending, 'fail' has the next one end with its content.
SBATCH = """\
cd "$(dirname "$0")/.."; n=$(( $(ls cluster | grep -c '^[0-9]*$') + 1 ))
cp "$1" "cluster/$n.sh"; echo PENDING > cluster/$n; echo "Submitted batch job $n"
(
    while [ -e cluster/hold ]; do sleep 0.05; done
    if [ -e cluster/fail ]; then mv cluster/fail cluster/$n; exit; fi
    echo RUNNING > cluster/$n
    export SLURM_JOB_ID=$n SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0
    if bash cluster/$n.sh; then echo COMPLETED > cluster/$n; else echo FAILED > cluster/$n; fi
) > cluster/log 2>&1 < /dev/null &
"""
SRUN = 'while case "$1" in --output|--error) shift;; -*) ;; *) break;; esac; do shift; done; exec "$@"'
SACCT = """\
cd "$(dirname "$0")/../cluster"; echo 'JobID|State|NodeList'
for n in $(ls | grep '^[0-9]*$'); do echo "$n|$(cat $n)|node"; done
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(ROOT))  # for jobs
    return Place(tmp_path)


@pytest.fixture
def cluster(place, monkeypatch):
    (place.folder / 'bin').mkdir()
    (place.folder / 'cluster').mkdir()
    for name, script in dict(sbatch=SBATCH, srun=SRUN, sacct=SACCT).items():
        path = place.folder / 'bin' / name
        path.write_text(f'#!/bin/bash\n{script}')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv('PATH', f'{place.folder}/bin:{os.environ["PATH"]}')
    submitit.SlurmJob.watcher.clear()
    monkeypatch.setattr(submitit.SlurmJob.watcher, '_delay_s', 0.1)
    monkeypatch.setattr(submitit.SlurmJob.watcher, '_registered', set())
    monkeypatch.setattr(submitit.SlurmJob, '_results_timeout_s', 0)
    return place.folder / 'cluster'


def options(**changes):
    return Namespace(**dict(partition='gpu', hours=72, slurm=[]) | changes)


def campaign_of(seeds=(0,)):
    work_dirs = Path('work_dirs')
    tasks = make_plan(Namespace(tables=['9'], seeds=seeds, work_dirs=work_dirs, log=[]), 8).tasks
    return Campaign(tasks, Slurm(parameters(options()), work_dirs, poll=0.05), work_dirs, 2, Log(), wait=0.0)


def ends(campaign):
    return {task.seed: outcome for task, outcome in campaign.outcomes.items()}


def test_a_table_from_nothing(cluster, place):
    mine = campaign_of(seeds=[0, 1])
    mine.run()
    assert ends(mine) == {0: Outcome('done'), 1: Outcome('done')}
    assert set(collect([place.work_dirs]).comparable[ONLY]) == {0, 1}
    script = (cluster / '1.sh').read_text()
    for flag in ('partition=gpu', 'time=4320', 'gpus-per-node=8', 'cpus-per-task=40', f'job-name={ONLY}.seed_0'):
        assert f'#SBATCH --{flag}\n' in script


def test_a_new_campaign_waits_for_the_jobs_of_a_killed_one(cluster, place):
    (cluster / 'hold').touch()
    first = campaign_of()
    first.step()
    assert len(first.running) == 1
    second = campaign_of()
    second.step()
    assert [job.job_id for job in second.running.values()] == ['1']
    assert second.voice.events == [f'{ONLY}, seed 0: was submitted before']
    (cluster / 'hold').unlink()
    second.run()
    assert ends(second) == {0: Outcome('done')}
    assert place.calls('end') == [(f'{ONLY}.0', 'end')] * 2  # one training, one test
    assert not (cluster / '2').exists()


def test_a_node_that_fails_costs_one_more_job(cluster):
    (cluster / 'fail').write_text('NODE_FAIL')
    mine = campaign_of()
    mine.run()
    assert ends(mine) == {0: Outcome('done')}
    assert f'{ONLY}, seed 0: SLURM job 1: NODE_FAIL; it will go on (try 1 of 2)' in mine.voice.events
    assert (cluster / '2').exists()


def test_a_cancelled_job_is_not_submitted_again(cluster):
    (cluster / 'fail').write_text('CANCELLED by 1000')
    mine = campaign_of()
    mine.run()
    assert ends(mine) == {0: Outcome('failed', 'SLURM job 1: CANCELLED')}
    assert not (cluster / '2').exists()


def until(campaign, condition):
    """Go on with a campaign, but not for ever."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        campaign.step()
        time.sleep(0.02)


def state_of(campaign):
    """What its launcher has last seen of its one job."""
    return [job.state for job in campaign.running.values()]


def test_a_preempted_job_that_does_not_come_back_costs_one_more(cluster, monkeypatch):
    monkeypatch.setattr(launchers, 'PREEMPTED', 0.0)
    (cluster / 'fail').write_text('PREEMPTED')
    mine = campaign_of()
    until(mine, lambda: mine.outcomes)
    assert ends(mine) == {0: Outcome('done')}
    assert f'{ONLY}, seed 0: SLURM job 1: PREEMPTED; it will go on (try 1 of 2)' in mine.voice.events
    assert (cluster / '2').exists()


def test_a_preempted_job_is_not_adopted_for_ever(cluster, monkeypatch):
    (cluster / 'fail').write_text('PREEMPTED')
    first, second = campaign_of(), campaign_of()
    until(first, lambda: state_of(first) == ['PREEMPTED'])
    second.step()
    assert [job.job_id for job in second.running.values()] == ['1']
    monkeypatch.setattr(launchers, 'PREEMPTED', 0.0)
    until(second, lambda: second.outcomes)
    assert ends(second) == {0: Outcome('done')}
    assert (cluster / '2').exists()


def test_a_preempted_job_that_comes_back_is_waited_for(cluster, monkeypatch):
    (cluster / 'hold').touch()
    mine = campaign_of()
    until(mine, lambda: mine.running)
    (cluster / '1').write_text('PREEMPTED')
    until(mine, lambda: state_of(mine) == ['PREEMPTED'])
    mine.step()
    assert mine.launcher.preempted.keys() == {'1'}
    (cluster / 'hold').unlink()
    until(mine, lambda: mine.outcomes)
    assert ends(mine) == {0: Outcome('done')}
    assert not (cluster / '2').exists()


def test_a_mistake_comes_back_from_the_job(cluster, place):
    place.plot(ONLY, 0, 'train 1 mistake')
    mine = campaign_of()
    mine.run()
    assert ends(mine) == {0: Outcome('failed', 'The data of this config is missing: /data/places365')}


def test_an_interrupted_campaign_leaves_its_jobs_alone(cluster):
    (cluster / 'hold').touch()
    mine = campaign_of()
    mine.step()
    assert mine.launcher.stop(list(mine.running.values())).startswith('The SLURM jobs go on (1);')
    (cluster / 'hold').unlink()
    deadline = time.monotonic() + 60
    while (cluster / '1').read_text() != 'COMPLETED\n':
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not make_plan(Namespace(tables=['9'], seeds=[0], work_dirs=Path('work_dirs'), log=[]), 8).tasks


def test_a_job_leaves_the_run_to_another_that_has_it(place):
    (task,) = make_plan(Namespace(tables=['9'], seeds=[0], work_dirs=place.work_dirs, log=[]), 1).tasks
    lock = task.lock(place.work_dirs)
    assert lock.acquire()
    assert launchers.Job()(task, place.work_dirs, patience=0) == Outcome('running')
    assert place.calls() == []


def in_flight(place, monkeypatch, **note):
    """A task whose run calls itself running, in the allocation of SLURM job 7, and with a note in its lock."""
    monkeypatch.setenv('SLURM_JOB_ID', '7')
    monkeypatch.setenv('SLURM_RESTART_COUNT', '1')
    (task,) = make_plan(Namespace(tables=['9'], seeds=[0], work_dirs=Path('work_dirs'), log=[]), 1).tasks
    session = dict(started=now(), last=now(), wall_time_s=1.0, host='node', pid=1, log='1/x')
    hardware = dict(gpus=[], cpu='', processes=1)
    make_run(task.folder, ONLY, 0, {}, status='running', checkpoints=[], sessions=[session], hardware=hardware)
    lock = task.lock(place.work_dirs)
    assert lock.acquire()
    lock.write(note)
    lock.let_go()
    return task


def test_a_requeued_job_goes_on_with_what_it_was_doing_itself(place, monkeypatch):
    task = in_flight(place, monkeypatch, job='7', submitted=0.0, began=1.0)
    assert launchers.Job()(task, place.work_dirs) == Outcome('done')
    assert '--resume' in place.notes()[0]['argv']


@pytest.mark.parametrize('note', [dict(job='7', submitted=0.0), dict(job='8', submitted=0.0, began=1.0), {}])
def test_a_job_in_a_requeued_allocation_leaves_the_runs_of_others_alone(place, monkeypatch, note):
    task = in_flight(place, monkeypatch, **note)
    assert launchers.Job()(task, place.work_dirs) == Outcome('running')
    assert look(task).action == 'running'  # for the local launcher, too
    assert place.calls() == []


def test_a_job_notes_that_it_has_begun(cluster, place):
    mine = campaign_of()
    mine.run()
    note = next(iter(mine.tasks)).lock(place.work_dirs).read()
    assert note['job'] == '1'
    assert note['submitted'] <= note['began']


@pytest.mark.parametrize(
    ('script', 'outcome'),
    [
        ('kill -9 $$', Outcome('fault', 'its process returned -9')),
        ('echo \'{"end": "done", "reason": ""}\' > "$LOCK"; exit 3', Outcome('failed', 'its process returned 3')),
        ('echo \'{"end": "done", "reason": ""}\' > "$LOCK"', Outcome('done')),
    ],
)
def test_only_a_process_that_ended_well_has_done_its_task(place, monkeypatch, script, outcome):
    (task,) = make_plan(Namespace(tables=['9'], seeds=[0], work_dirs=place.work_dirs, log=[]), 1).tasks
    lock, local = task.lock(place.work_dirs), Local(place.work_dirs, [])
    assert lock.acquire()
    lock.write(dict(end='done', reason=''))  # the last attempt's
    python = place.folder / 'python'
    python.write_text(f'#!/bin/sh\n{script}\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(python))
    monkeypatch.setenv('LOCK', str(lock.path))
    handle = local.start(task, lock, local.reserve(task))
    handle.process.wait(60)
    assert local.finish(handle) == outcome


def test_a_requeued_job_does_the_same_again(place):
    (task,) = make_plan(Namespace(tables=['9'], seeds=[0], work_dirs=place.work_dirs, log=[]), 1).tasks
    job = launchers.Job()
    again = job.checkpoint(task, place.work_dirs)
    assert again.function is job
    assert again.args == (task, place.work_dirs, 60.0)


def test_options_of_sbatch():
    wanted = options(slurm=['account=vision', 'mail-type=END'], hours=2)
    assert parameters(wanted) == dict(
        time=120, partition='gpu', additional_parameters=dict(account='vision', mail_type='END')
    )
    with pytest.raises(DataError, match='--slurm account: give KEY=VALUE'):
        parameters(options(slurm=['account']))


def test_a_refused_job_ends_the_campaign_with_what_sbatch_said(cluster, place):
    (place.folder / 'bin' / 'sbatch').write_text('#!/bin/bash\necho "invalid partition specified: gpu" >&2; exit 1')
    with pytest.raises(DataError, match=f'sbatch refuses {ONLY}, seed 0(.|\n)*invalid partition'):
        campaign_of().run()


def test_without_slurm(place, monkeypatch):
    monkeypatch.setenv('PATH', str(place.folder))
    with pytest.raises(DataError, match=r'--launcher slurm: .*srun.*; start where sbatch and srun are'):
        Slurm(parameters(options()), Path('work_dirs'))


def test_without_submitit(place, monkeypatch):
    monkeypatch.setitem(sys.modules, 'submitit', None)
    with pytest.raises(DataError, match=r"pip install 'senet_mm\[slurm\]'"):
        Slurm(parameters(options()), Path('work_dirs'))


@pytest.mark.parametrize(
    ('visible', 'count', 'names'), [(None, 2, ['0', '1']), ('2,3', 2, ['2', '3']), ('', 0, []), ('MIG-a', 1, ['MIG-a'])]
)
def test_gpus_are_those_that_cuda_shows(monkeypatch, visible, count, names):
    import torch

    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)
    assert gpus_here() == names
    assert len(Local(Path('work_dirs'), names).devices) == max(1, count)
