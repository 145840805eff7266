"""How far a run is, by its record, and the commands that end it."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from senet_mm.campaigns.work import Outcome, State, Task, as_json, execute, look
from senet_mm.engine.record import now, read_record
from tests.campaigns.place import ROOT, Place
from tests.results.made_runs import data_of, digest, make_run

STEM = 'se_resnet152_places365'
DETECTOR = 'faster_rcnn_se_r50_2x_coco'


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


@pytest.fixture
def task(place):
    return Task(STEM, 3, Path('work_dirs', STEM, 'seed_3'))


def made(task, **changes):
    return make_run(task.folder, task.stem, task.seed, **changes)


def alive(**changes):
    """A session of a process that lives: this one."""
    return dict(started=now(), last=now(), wall_time_s=1.0, host=platform.node(), pid=os.getpid(), log='1/x') | changes


def test_nothing_is_there(task):
    assert look(task).action == 'train'


def test_an_empty_folder_is_nothing(task):
    task.folder.mkdir(parents=True)
    (task.folder / 'campaign.log').touch()
    assert look(task).action == 'train'


def test_a_tested_run_is_done(task):
    made(task)
    assert look(task).action == 'done'


def test_an_untested_run_is_to_be_tested(task):
    made(task, metrics={})
    state = look(task)
    assert (state.action, state.crops) == ('test', (None,))


def test_only_the_missing_test_is_to_be_done(place):
    task = Task('senet154_imagenet', 0, Path('work_dirs/senet154'), (None, 'center-320'))
    made(task)
    state = look(task)
    assert (state.action, state.crops) == ('test', ('center-320',))


def test_a_test_of_another_checkpoint_does_not_count(task):
    made(task, tests=[dict(checkpoint='best.pth', checkpoint_sha256=digest('best'))])
    assert look(task).action == 'test'


@pytest.mark.parametrize('status', ['failed', 'interrupted', 'running'])
def test_what_was_cut_off_goes_on_as_it_was_begun(task, status):
    made(task, metrics={}, status=status, checkpoints=[], hardware=dict(gpus=[], cpu='', processes=4))
    state = look(task)
    assert (state.action, state.processes) == ('resume', 4)


def test_what_runs_is_left_alone(task):
    made(task, metrics={}, status='running', checkpoints=[], sessions=[alive()])
    assert look(task).action == 'running'


def test_a_requeued_slurm_job_does_not_take_itself_for_another(task, monkeypatch):
    monkeypatch.setenv('SLURM_RESTART_COUNT', '1')  # of a whole allocation: it says nothing of this run
    made(task, metrics={}, status='running', checkpoints=[], sessions=[alive()])
    assert look(task).action == 'running'
    assert look(task, again=True).action == 'resume'


@pytest.fixture
def detector(place):
    """A detector that started from a backbone trained here, in caffe's style, and was cut off."""
    place.work_dirs.mkdir()
    backbone = make_run(place.work_dirs / 'backbone', 'se_resnet50_imagenet', 0)
    sha256 = read_record(backbone / 'run.json')['checkpoints'][0]['sha256']
    task = Task(DETECTOR, 0, place.work_dirs / 'mine', processes=4, work_dirs=place.work_dirs)
    values = {'model.backbone.init_cfg.checkpoint': 'b/epoch_100.pth', 'model.backbone.style': 'caffe'}
    own = [dict(key=key, value=value, published='') for key, value in values.items()]
    weights = dict(file='b/epoch_100.pth', sha256=sha256)
    stopped = dict(metrics={}, status='interrupted', checkpoints=[], logged=False)
    made(task, deviations=own, weights=weights, hardware=dict(gpus=[], cpu='', processes=4), **stopped)
    return task


def test_a_detector_from_a_backbone_trained_here_goes_on_as_it_was_begun(detector):
    state = look(detector)
    assert (state.action, state.processes) == ('resume', 4)
    where = f'--work-dir {detector.folder}'
    assert detector.commands(state) == [
        f'tools/dist_train.sh configs/{DETECTOR}.py 4 {where} --resume --accumulate --cfg-options '
        'model.backbone.init_cfg.checkpoint=b/epoch_100.pth model.backbone.style=caffe randomness.seed=0',
        f'tools/dist_test.sh configs/{DETECTOR}.py "$(cat {detector.folder}/last_checkpoint)" 4 {where} '
        '--cfg-options model.backbone.style=caffe',
    ]


def test_execute_a_detector_from_a_backbone_trained_here(detector, place):
    assert execute(detector) == Outcome('done')
    assert look(detector).action == 'done'
    assert place.calls('end') == [(f'{DETECTOR}.0', 'end')] * 2
    assert execute(detector) == Outcome('done')
    assert len(place.calls('end')) == 2


def test_the_process_of_a_task_knows_the_backbones_trained_here(detector, place):
    lock = detector.lock(place.work_dirs)
    assert lock.acquire()
    command = [sys.executable, '-m', 'senet_mm.campaigns.work', as_json(detector, lock=lock.path, descriptors=[])]
    subprocess.run(command, check=True, env=os.environ | dict(PYTHONPATH=str(ROOT)))
    assert lock.read() == dict(end='done', reason='')


def test_a_detector_from_a_backbone_that_cannot_count_is_blocked(detector, place):
    make_run(place.work_dirs / 'backbone', 'se_resnet50_imagenet', 0, dirty=['tools/train.py'], logged=False)
    state = look(detector)
    assert state.action == 'blocked'
    assert 'trained with model.backbone.init_cfg.checkpoint b/epoch_100.pth' in state.reasons[1]


def test_fewer_images_of_a_gpu_stay_fewer(task):
    stopped = dict(metrics={}, status='interrupted', checkpoints=[], hardware=dict(gpus=[], cpu='', processes=8))
    made(task, settings={'train_dataloader.batch_size': 16}, **stopped)
    train, _ = Task(STEM, 3, task.folder, processes=8).commands(look(task))
    assert train == (
        f'tools/dist_train.sh configs/{STEM}.py 8 --work-dir {task.folder} --resume --accumulate --cfg-options '
        'train_dataloader.batch_size=16 randomness.seed=3'
    )


def test_execute_leaves_a_run_that_was_begun_on_other_gpus(task, place):
    stopped = dict(metrics={}, status='interrupted', checkpoints=[], hardware=dict(gpus=[], cpu='', processes=4))
    made(task, **stopped)
    assert execute(task) == Outcome('running')
    assert place.calls() == []


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        (dict(data=dict(train=data_of('', 'train', official=False))), 'trained on 150 images of CocoMinival'),
        (dict(deviations=[dict(key='lr', value=1, published=2)]), 'trained with lr'),
        (dict(dirty=['senet_mm/layers/se.py']), 'the code had changes that were not committed'),
        (dict(published_hash='0'), 'was not as published when it was used for the training'),
    ],
)
@pytest.mark.parametrize('unfinished', [{}, dict(status='interrupted', checkpoints=[])])
def test_a_run_that_cannot_count_is_neither_tested_nor_resumed(task, changes, reason, unfinished):
    made(task, metrics={}, **changes, **unfinished)
    state = look(task)
    assert state.action == 'blocked'
    assert reason in '; '.join(state.reasons)


@pytest.mark.parametrize(
    ('other', 'reason'),
    [(dict(stem='resnet50_imagenet'), 'holds a run of resnet50_imagenet'), (dict(seed=4), 'holds a run of seed 4')],
)
def test_another_run_is_not_written_over(task, other, reason):
    make_run(task.folder, **(dict(stem=task.stem, seed=task.seed) | other))
    state = look(task)
    assert state.action == 'blocked'
    assert reason in state.reasons[0]


def test_a_damaged_record_is_not_written_over(task):
    path = made(task) / 'run.json'
    path.write_text(path.read_text()[:100])
    state = look(task)
    assert state.action == 'blocked'
    assert 'run.json cannot be read' in state.reasons[0]


def test_commands_on_the_recipes_gpus(task):
    eight = Task(STEM, 3, task.folder, processes=8)
    assert eight.commands(look(eight)) == [
        f'tools/dist_train.sh configs/{STEM}.py 8 --work-dir work_dirs/{STEM}/seed_3 --cfg-options randomness.seed=3',
        f'tools/dist_test.sh configs/{STEM}.py "$(cat work_dirs/{STEM}/seed_3/last_checkpoint)" 8 '
        f'--work-dir work_dirs/{STEM}/seed_3',
    ]


def test_commands_on_fewer_gpus_keep_the_batch(task):
    one = Task('senet154_imagenet', 0, Path('my runs/x'), (None, 'center-320'), log=('tensorboard',))
    assert one.commands(look(one)) == [
        "tools/train.py configs/senet154_imagenet.py --work-dir 'my runs/x' --accumulate --log tensorboard "
        '--cfg-options randomness.seed=0',
        "tools/test.py configs/senet154_imagenet.py \"$(cat 'my runs/x/last_checkpoint')\" --work-dir 'my runs/x'",
        "tools/test.py configs/senet154_imagenet.py \"$(cat 'my runs/x/last_checkpoint')\" --work-dir 'my runs/x' "
        '--crops center-320',
    ]


def test_the_commands_are_those_of_the_tools(task, run_tool):
    """Every option is one that tools/train.py and tools/test.py take."""
    full = Task('senet154_imagenet', 0, Path('x'), log=('tensorboard',))
    state = State('resume', settings={'model.backbone.style': 'caffe'})
    for verb, command in (('train', full.train_command(state)), ('test', full.test_command(state, 'center-320', 'y'))):
        text = run_tool(f'tools/{verb}.py', '--help').stdout
        options = [part for part in command if part.startswith('--')]
        assert len(options) > 1
        assert not [option for option in options if f'{option} ' not in text]


def test_execute_trains_and_tests(task, place):
    assert execute(task) == Outcome('done')
    assert look(task).action == 'done'
    assert place.calls('start', 'end') == [(f'{STEM}.3', what) for what in ('start', 'end', 'start', 'end')]
    log = (task.folder / 'campaign.log').read_text().splitlines()
    assert log[0].startswith(f'$ tools/train.py configs/{STEM}.py')
    assert log[1].startswith(f'$ tools/test.py configs/{STEM}.py work_dirs/{STEM}/seed_3/epoch_3.pth')


def test_execute_goes_on_after_a_kill(task, place):
    place.plot(STEM, 3, 'train 2 kill')
    assert execute(task) == Outcome('fault', 'it was ended by SIGKILL')
    assert execute(task) == Outcome('done')
    epochs = [what for _, what in place.calls(verb='train') if what.startswith('epoch')]
    assert epochs == ['epoch 1', 'epoch 2', 'epoch 3']


def test_execute_says_what_the_command_said(task, place):
    place.plot(STEM, 3, 'test 1 mistake')
    assert execute(task) == Outcome('failed', 'The data of this config is missing: /data/places365')
    assert look(task).action == 'test'


def test_execute_without_a_checkpoint(task):
    made(task, metrics={})
    assert execute(task) == Outcome(
        'failed', f'{task.folder}/last_checkpoint is missing: it names the checkpoint to test'
    )


def test_execute_without_the_tools(task, place):
    (place.folder / 'tools' / 'train.py').unlink()
    outcome = execute(task)
    assert outcome.end == 'failed'
    assert outcome.reason.startswith('tools/train.py cannot be started')
