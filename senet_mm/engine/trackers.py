"""Where a run's curves go besides its work dir: TensorBoard, Weights & Biases, MLflow, by mmengine's own backends.

Imports nothing heavy. All of them come on top of mmengine's LocalVisBackend, whose scalars.json the leaderboard reads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from senet_mm.data.errors import DataError

if TYPE_CHECKING:
    from mmengine.config import Config

RUNS = Path('work_dirs')
PROJECT = 'senet_mm'
LOCAL = 'LocalVisBackend'
TRACKERS = {'tensorboard': 'TensorboardVisBackend', 'wandb': 'WandbVisBackend', 'mlflow': 'MLflowVisBackend'}


def add_trackers(cfg: Config, names: Sequence[str]) -> None:
    """Have a run log to trackers, too; settings of a backend that the config has already stay as they are.

    TensorBoard's files are in the run's own folder. Weights & Biases takes WANDB_PROJECT, WANDB_MODE and the like from
    the environment, MLflow MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME; without it, MLflow's runs are in
    work_dirs/mlflow.db.

    Args:
        cfg: Of the run, with its work_dir; its visualizer is changed.
        names: Of TRACKERS.

    Raises:
        DataError: A name is unknown or its package is not installed.
    """
    if not names:
        return
    visualizer = dict(cfg.get('visualizer') or dict(type='Visualizer'))
    backends = list(visualizer.get('vis_backends') or [dict(type=LOCAL)])
    for name in dict.fromkeys(names):
        if name not in TRACKERS:
            raise DataError(f'there is no tracker {name!r}; choose from {", ".join(TRACKERS)}')
        if find_spec(name) is None:
            raise DataError(f"--log {name} needs the package {name}: pip install 'senet_mm[{name}]'")
        if not any(TRACKERS[name] in str(backend['type']) for backend in backends):
            backends.append(_backend(name, _run_name(Path(cfg.work_dir))))
    cfg.visualizer = visualizer | dict(vis_backends=backends)


def _backend(name: str, run: str) -> dict[str, Any]:
    backend: dict[str, Any] = dict(type=TRACKERS[name])
    if name == 'wandb':
        project = os.environ.get('WANDB_PROJECT', PROJECT)
        backend['init_kwargs'] = dict(project=project, name=run, allow_val_change=True)
    if name == 'mlflow':
        backend |= dict(exp_name=os.environ.get('MLFLOW_EXPERIMENT_NAME', PROJECT), run_name=run)
        if uri := os.environ.get('MLFLOW_TRACKING_URI'):
            backend['tracking_uri'] = uri
        else:  # mmengine's default, a folder of files in each run, is one that MLflow 3 refuses
            home = RUNS.resolve()
            home.mkdir(exist_ok=True)
            backend |= dict(tracking_uri=f'sqlite:///{home}/mlflow.db', artifact_location=f'{home}/mlflow')
    return backend


def _run_name(work_dir: Path) -> str:
    """The folder in work_dirs/, e.g. se_resnet50_imagenet/seed_0; its name where it is elsewhere."""
    folder, home = work_dir.resolve(), RUNS.resolve()
    return folder.relative_to(home).as_posix() if home in folder.parents else folder.name
