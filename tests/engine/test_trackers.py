"""What --log adds to a run's visualizer, and that TensorBoard, W&B and MLflow get the numbers that the work dir has."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.runner import Runner

from senet_mm.data.errors import DataError
from senet_mm.engine import trackers
from senet_mm.engine.trackers import TRACKERS, add_trackers
from tests.engine.small import Data, Small


@pytest.fixture
def cfg():
    backends = [dict(type='LocalVisBackend')]
    visualizer = dict(type='DetLocalVisualizer', vis_backends=backends, name='visualizer')
    return Config(dict(work_dir='work_dirs/x/seed_0', visualizer=visualizer))


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ('WANDB_PROJECT', 'MLFLOW_TRACKING_URI', 'MLFLOW_EXPERIMENT_NAME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('WANDB_MODE', 'offline')


@pytest.fixture
def all_installed(monkeypatch):
    monkeypatch.setattr(trackers, 'find_spec', lambda name: name)


@pytest.fixture
def losses(tmp_path, monkeypatch):
    """Train for two epochs with a tracker; returns the losses that the work dir's scalars.json has."""
    monkeypatch.chdir(tmp_path)

    def train(name):
        folder = tmp_path / 'work_dirs' / 'small' / 'seed_0'
        cfg = Config(dict(work_dir=str(folder)))
        add_trackers(cfg, [name])
        loader = dict(batch_size=8, num_workers=0, dataset=Data(), sampler=dict(type='DefaultSampler'))
        runner = Runner(
            model=Small(),
            work_dir=cfg.work_dir,
            train_dataloader=dict(loader, collate_fn=dict(type='default_collate')),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.5)),
            default_hooks=dict(logger=dict(type='LoggerHook', interval=1), checkpoint=None),
            visualizer=cfg.visualizer,
            experiment_name=f'{name}_{tmp_path.name}',
            log_level='ERROR',
            cfg=cfg,
        )
        runner.train()
        (scalars,) = folder.rglob('scalars.json')
        return [json.loads(line)['loss'] for line in scalars.read_text().splitlines()]

    return train


def test_nothing_else_changes(cfg, all_installed):
    add_trackers(cfg, ['tensorboard'])
    assert cfg.visualizer == dict(
        type='DetLocalVisualizer',
        vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
        name='visualizer',
    )


def test_a_config_without_a_visualizer_keeps_its_own_numbers_too(all_installed):
    cfg = Config(dict(work_dir='work_dirs/x'))
    add_trackers(cfg, ['tensorboard'])
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    assert cfg.visualizer == dict(type='Visualizer', vis_backends=backends)


def test_what_a_config_says_of_a_backend_stays(cfg, all_installed):
    own = dict(type='WandbVisBackend', init_kwargs=dict(project='mine'))
    cfg.visualizer.vis_backends = [own]
    add_trackers(cfg, ['wandb', 'tensorboard', 'tensorboard'])
    assert cfg.visualizer.vis_backends == [own, dict(type='TensorboardVisBackend')]


def test_runs_are_named_by_their_folder_in_work_dirs(cfg, all_installed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add_trackers(cfg, ['wandb', 'mlflow'])
    _, wandb, mlflow = cfg.visualizer.vis_backends
    assert wandb.init_kwargs == dict(project='senet_mm', name='x/seed_0', allow_val_change=True)
    assert (mlflow.exp_name, mlflow.run_name) == ('senet_mm', 'x/seed_0')
    assert mlflow.tracking_uri == f'sqlite:///{tmp_path}/work_dirs/mlflow.db'


def test_the_environment_names_project_and_server(cfg, all_installed, monkeypatch):
    monkeypatch.setenv('WANDB_PROJECT', 'p')
    monkeypatch.setenv('MLFLOW_TRACKING_URI', 'http://server:5000')
    monkeypatch.setenv('MLFLOW_EXPERIMENT_NAME', 'e')
    add_trackers(cfg, ['wandb', 'mlflow'])
    _, wandb, mlflow = cfg.visualizer.vis_backends
    assert wandb.init_kwargs.project == 'p'
    assert mlflow == dict(type='MLflowVisBackend', exp_name='e', run_name='x/seed_0', tracking_uri='http://server:5000')


def test_mmengine_builds_every_backend(cfg, all_installed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add_trackers(cfg, list(TRACKERS))
    for backend in cfg.visualizer.vis_backends:  # their packages are imported at first use only
        assert type(VISBACKENDS.build(dict(backend, save_dir=str(tmp_path)))).__name__ == backend.type


def test_a_missing_package_is_named_with_its_extra(cfg, monkeypatch):
    monkeypatch.setattr(trackers, 'find_spec', lambda name: None)
    with pytest.raises(DataError, match=r"--log wandb needs the package wandb: pip install 'senet_mm\[wandb\]'"):
        add_trackers(cfg, ['wandb'])
    assert cfg.visualizer.vis_backends == [dict(type='LocalVisBackend')]


def test_an_unknown_tracker_is_refused(cfg):
    with pytest.raises(DataError, match="no tracker 'neptune'; choose from tensorboard, wandb, mlflow"):
        add_trackers(cfg, ['neptune'])


def test_tensorboard_has_the_losses(losses, tmp_path):
    events = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    expected = losses('tensorboard')
    (file,) = tmp_path.rglob('events.out.tfevents.*')
    reader = events.EventAccumulator(str(file))
    reader.Reload()
    scalars = reader.Scalars('loss')
    assert [scalar.step for scalar in scalars] == list(range(1, 9))
    torch.testing.assert_close([scalar.value for scalar in scalars], expected, rtol=1e-6, atol=0)


def test_wandb_has_the_losses(losses, monkeypatch):
    wandb = pytest.importorskip('wandb')
    runs, finish = [], wandb.finish

    def join():  # what mmengine ends with; a finished run shows no summary
        runs.append((wandb.run.name, wandb.run.summary['loss']))
        finish()

    monkeypatch.setattr(wandb, 'join', join)
    expected = losses('wandb')
    assert runs == [('small/seed_0', expected[-1])]


def test_mlflow_has_the_losses(losses, tmp_path):
    mlflow = pytest.importorskip('mlflow')
    expected = losses('mlflow')
    mlflow.end_run()
    client = mlflow.MlflowClient(f'sqlite:///{tmp_path}/work_dirs/mlflow.db')
    experiment = client.get_experiment_by_name('senet_mm').experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.run_name == 'small/seed_0'
    assert [metric.value for metric in client.get_metric_history(run.info.run_id, 'loss')] == expected
    assert not Path('mlruns').exists()
