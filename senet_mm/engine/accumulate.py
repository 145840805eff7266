"""A recipe's batch on fewer GPUs: gradients of several iterations added up before each update."""

from __future__ import annotations

import os
from typing import Any

from mmengine.config import Config

from senet_mm.data.errors import DataError

# What the launchers tell their processes: how many they are.
PROCESSES = {'pytorch': 'WORLD_SIZE', 'slurm': 'SLURM_NTASKS', 'mpi': 'OMPI_COMM_WORLD_SIZE'}
# Settings of a scheduler that count iterations where by_epoch is false.
ITERATIONS = ('begin', 'end', 'T_max', 'total_steps', 'step_size')


def count_processes(launcher: str) -> int:
    """How many processes `launcher` has started, before torch.distributed knows; 1 without a launcher."""
    return int(os.environ.get(PROCESSES.get(launcher, ''), '1'))


def accumulate(cfg: Config, processes: int) -> int:
    """Have `processes` GPUs make updates with the batch that the recipe is meant for; returns iterations an update.

    The recipe's batch is `auto_scale_lr.base_batch_size`; an update takes base_batch_size / (processes × batch_size)
    iterations: 1024 images on one GPU with 128 take 8. The gradient is that of as many GPUs with one iteration each,
    BatchNorm included, which sees the images of one GPU at a time either way; without BatchNorm it is also that of one
    GPU with the whole batch. Two things differ. The running statistics take in every iteration, those of several GPUs
    only the first GPU's. And updates run through the end of an epoch: where its iterations are no multiple, some
    updates mix two epochs, a smaller last batch of an epoch weighs as much as a full one, and a resumed run loses the
    iterations after the last update.

    Learning rates that change by epochs stay. What a config counts in iterations (warm-up, milestones, the length of
    the training) is multiplied; a warm-up then rises within an update, too, and each update uses its last value.

    Raises:
        DataError: The recipe's batch is not known, or not a multiple of the images an iteration.
    """
    batch = cfg.get('auto_scale_lr', {}).get('base_batch_size')
    if batch is None:
        raise DataError(f'--accumulate: {cfg.filename} does not say auto_scale_lr=dict(base_batch_size=…)')
    if cfg.auto_scale_lr.get('enable'):
        raise DataError('--accumulate keeps the recipe’s batch and --auto-scale-lr changes it: give one of the two')
    each = cfg.train_dataloader.batch_size
    if batch % (processes * each):
        raise DataError(
            f'--accumulate: the recipe’s batch of {batch} is no multiple of {processes * each} images an iteration '
            f'({processes} × {each}); {_advice(batch, processes, each)}'
        )
    count = batch // (processes * each)
    cfg.optim_wrapper.accumulative_counts = count
    _stretch(cfg, count)
    return count


def counts_iterations(cfg: Config) -> bool:
    """Whether a schedule counts iterations somewhere, so that it depends on how many images one has."""
    schedulers = cfg.get('param_scheduler') or []
    each = [schedulers] if isinstance(schedulers, dict) else schedulers
    return 'max_iters' in (cfg.get('train_cfg') or {}) or any(
        not scheduler.get('by_epoch', True) or scheduler.get('convert_to_iter_based') for scheduler in each
    )


def _advice(batch: int, processes: int, each: int) -> str:
    if batch % processes:
        return f'{batch} does not divide by {processes}: use another number of GPUs'
    fitting = max(size for size in range(1, each + 1) if batch // processes % size == 0)
    return f'try --cfg-options train_dataloader.batch_size={fitting}'


def _stretch(cfg: Config, count: int) -> None:
    """Multiply what the config counts in iterations."""
    schedulers = cfg.get('param_scheduler') or []
    for scheduler in [schedulers] if isinstance(schedulers, dict) else schedulers:
        if not scheduler.get('by_epoch', True):
            _multiply(scheduler, ITERATIONS, count)
            if 'milestones' in scheduler:
                scheduler['milestones'] = [count * milestone for milestone in scheduler['milestones']]
    if 'max_iters' in cfg.train_cfg:
        _multiply(cfg.train_cfg, ('max_iters', 'val_interval', 'val_begin'), count)
        checkpoint = cfg.get('default_hooks', {}).get('checkpoint')
        if checkpoint and not checkpoint.get('by_epoch', True):
            _multiply(checkpoint, ('interval',), count)


def _multiply(settings: dict[str, Any], names: tuple[str, ...], count: int) -> None:
    for name in names:
        if name in settings:
            settings[name] *= count
