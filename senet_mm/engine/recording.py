"""Keeping the record of a run while it trains, and adding tests to it. Only the main process writes."""

from __future__ import annotations

import logging
import os
import platform
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from senet_mm.data.errors import DataError
from senet_mm.data.fingerprint import fingerprint
from senet_mm.engine import protocol, surroundings
from senet_mm.engine.accumulate import counts_iterations
from senet_mm.engine.checkpoint import load_checkpoint
from senet_mm.engine.checkpoint_source import locate
from senet_mm.engine.plateau import PlateauLR
from senet_mm.engine.provenance import provenance, safetensors_meta
from senet_mm.engine.record import (
    FILE,
    Deviation,
    finite,
    hash_content,
    hash_file,
    is_sealed,
    locked,
    new_record,
    now,
    read_record,
    write_record,
)

BEAT = 60.0  # seconds between signs of life
SHOWN = 300  # characters of an error


@contextmanager
def recording(runner: Runner, args: Namespace) -> Iterator[None]:
    """Record the training inside: run.json when it starts, signs of life, and what came of it, sealed.

    A resumed run goes on in its record. A run that starts anew where another one was keeps that one's record beside its
    own, as run.<when it started>.json.

    Raises:
        DataError: A run is to go on with other iterations than its schedule has counted so far.
    """
    _require_same_iterations(runner)  # in all processes, or the others would wait for the main one
    if not is_main_process():
        yield
        return
    session = Session(runner, args)
    runner.register_hook(session, priority='VERY_LOW')
    try:
        yield
    except BaseException as error:
        session.end('failed' if isinstance(error, Exception) else 'interrupted', error)
        raise
    session.end('finished' if is_complete(runner) else 'interrupted')


def is_complete(runner: Runner) -> bool:
    """Whether a training went to its end: the last epoch or iteration, or the plateau that ends it."""
    loop, schedulers = runner.train_loop, runner.param_schedulers
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    done = loop.epoch >= loop.max_epochs if by_epoch else loop.iter >= loop.max_iters
    plateaus = [item for item in schedulers if isinstance(item, PlateauLR)] if isinstance(schedulers, list) else []
    return bool(done or any(plateau.finished for plateau in plateaus))


class Session(Hook):
    """One start of a training run, up to its end or to whatever ends it."""

    def __init__(self, runner: Runner, args: Namespace) -> None:
        self.path = Path(runner.work_dir, FILE)
        self.cfg, self.resumed = runner.cfg, _goes_on(runner)
        self.processes, self.begun, self.beaten = get_world_size(), time.monotonic(), time.monotonic()
        stem = Path(args.config).stem
        known = _open(self.path, stem)
        if known['sessions'] and (not self.resumed or known['config'] != stem):
            os.replace(self.path, self.path.with_name(f'run.{known["started"].replace(":", "")}.json'))
            known = new_record(stem)
        self.record = known | dict(config=stem)
        self.earlier = known.get('wall_time_s', 0.0)
        self._describe(runner, args)
        self._save()

    def _describe(self, runner: Runner, args: Namespace) -> None:
        settings = protocol.settings(self.cfg)
        start, log = now(), Path(runner.log_dir).relative_to(runner.work_dir) / 'vis_data' / 'scalars.json'
        code, machine = surroundings.commit(), surroundings.hardware(self.processes)
        self.record |= dict(
            config_path=str(args.config),
            settings=settings,
            settings_hash=hash_content(settings),
            overrides=protocol.flatten(args.cfg_options or {}),
            batch=protocol.update_of(self.cfg, self.processes),
            seed=self.record.get('seed', runner.seed),
            commit=code['commit'],
            dirty=sorted({*self.record.get('dirty', []), *code['dirty']}),
            versions=surroundings.versions(),
            hardware=machine,
            started=self.record.get('started', start),
            ended=None,
            status='running',
            error=None,
        )
        session = dict(started=start, last=start, wall_time_s=0.0, log=log.as_posix())
        session |= dict(host=platform.node(), pid=os.getpid(), commit=code['commit'], hardware=machine)
        self.record['sessions'].append(session)
        published = protocol.published_path(self.record['config'])
        shipped = Config.fromfile(published) if published else None
        self._settle('published_hash', None if shipped is None else protocol.hash_published(shipped))
        if shipped is not None:
            self._deviate(*protocol.training_deviations(self.cfg, shipped, self.processes))

    def _settle(self, name: str, value: Any) -> None:
        """Take down what must be the same in all sessions."""
        if self.record.get(name, value) != value:
            self._deviate(Deviation(f'{name} of an earlier session', self.record[name], value))
        self.record[name] = value

    def _deviate(self, *found: Deviation) -> None:
        """Add deviations to those of the sessions before: what was trained otherwise stays so."""
        known = self.record.setdefault('deviations', [])
        known += [asdict(deviation) for deviation in found if asdict(deviation) not in known]

    def _save(self) -> None:
        session = self.record['sessions'][-1]
        session['last'], session['wall_time_s'] = now(), round(time.monotonic() - self.begun, 1)
        self.record['wall_time_s'] = round(self.earlier + session['wall_time_s'], 1)
        with locked(self.path):
            with suppress(DataError):  # a test of an earlier checkpoint may have been added meanwhile
                known = read_record(self.path)
                self.record['evaluations'] = known['evaluations']
                if not is_sealed(known):
                    self.record['edited'] = True
            write_record(self.path, self.record)

    def before_train(self, runner: Runner) -> None:
        """Take down the seed, which a checkpoint brings back, the data, and weights from elsewhere."""
        self._settle('seed', runner.seed)
        self._settle('data', dict(train=_describe_data(runner.train_dataloader.dataset)))
        source = self.cfg.get('load_from')
        foreign = source and Path(source).resolve().parent != Path(runner.work_dir).resolve()
        if self.resumed and runner.iter and (foreign or len(self.record['sessions']) == 1):
            self._deviate(Deviation('resume', str(source or 'a run that was not recorded'), None))
        init_cfg = (self.cfg.model.get('backbone') or {}).get('init_cfg')
        weights = init_cfg.get('checkpoint') if isinstance(init_cfg, Mapping) else None
        if weights and Path(weights).is_file():
            self.record['weights'] = dict(file=weights, sha256=hash_file(Path(weights)))
        self._save()

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Give a sign of life, now and then."""
        if time.monotonic() - self.beaten > BEAT:
            self.beaten = time.monotonic()
            with suppress(DataError):  # a full disk is for the checkpoints to report
                self._save()

    after_val_iter = after_train_iter

    def after_train(self, runner: Runner) -> None:
        """Take down the speed."""
        times = runner.message_hub.log_scalars.get('train/time')
        if times is not None and self.record.get('batch'):
            each = self.record['batch'] / (self.cfg.optim_wrapper.get('accumulative_counts') or 1)
            self.record['throughput'] = dict(images_per_s=round(each / float(times.mean()), 2), of='training')

    def end(self, status: str, error: BaseException | None = None) -> None:
        """Seal the record."""
        self.record |= dict(status=status, ended=now(), error=None if error is None else _shown(error))
        if status == 'finished':
            self.record['checkpoints'] = _last_checkpoint(self.path.parent)
        self._save()


def describe_test(runner: Runner, args: Namespace, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """A test as its record has it, but for the file.

    Args:
        runner: That has tested.
        args: Of `tools/test.py`.
        metrics: What it measured.
    """
    stem, cfg = Path(args.config).stem, runner.cfg
    checkpoint = locate(args.checkpoint)
    evaluation = dict(
        config=stem,
        date=now(),
        checkpoint=str(args.checkpoint),
        checkpoint_sha256=hash_file(checkpoint),
        provenance=_origin(checkpoint),
        crops=cfg.get('crops'),
        tta=bool(args.tta),
        metrics=finite(metrics),
        parameters=sum(parameter.numel() for parameter in runner.model.parameters()),
        latency=_latency(runner),
        data=_describe_data(runner.test_dataloader.dataset),
        published_hash=None,
        deviations=[],
        overrides=protocol.flatten(args.cfg_options or {}),
        **surroundings.commit(),
        versions=surroundings.versions(),
        hardware=surroundings.hardware(get_world_size()),
    )
    if published := protocol.published_path(stem):
        shipped = Config.fromfile(published)
        found = protocol.test_deviations(cfg, shipped, cfg.get('crops'), bool(args.tta))
        evaluation |= dict(
            crops=protocol.crops_of(cfg, shipped),
            published_hash=protocol.hash_published(shipped),
            deviations=[asdict(deviation) for deviation in found],
        )
    return evaluation


def add_test(test: Mapping[str, Any], file: Path) -> None:
    """Add a test to the record of its work dir, and make one where there is none; the caller has locked it.

    Args:
        test: See `describe_test`.
        file: The metrics.json that was written.
    """
    path = file.with_name(FILE)
    record = _open(path, test['config'])
    record['evaluations'].append({**test, 'file': file.name, 'file_sha256': hash_file(file)})
    write_record(path, record)


def _goes_on(runner: Runner) -> bool:
    """Whether a run is resumed: that it is asked for is not enough, there has to be a checkpoint."""
    source = runner.cfg.get('load_from') or Path(runner.work_dir, 'last_checkpoint').is_file()
    return bool(runner.cfg.get('resume') and source)


def _require_same_iterations(runner: Runner) -> None:
    """Refuse to go on with other iterations than a run was begun with, if they are counted somewhere.

    Raises:
        DataError: They have another number of images.
    """
    path, cfg, processes = Path(runner.work_dir, FILE), runner.cfg, get_world_size()
    record: dict[str, Any] = {}
    if _goes_on(runner):
        with suppress(DataError):
            record = read_record(path)
    accumulated = (record.get('settings') or {}).get('optim_wrapper.accumulative_counts') or 1
    begun, each = (record.get('batch') or 0) / accumulated, cfg.train_dataloader.batch_size
    counted = counts_iterations(cfg) or max(accumulated, cfg.optim_wrapper.get('accumulative_counts', 1)) > 1
    if counted and begun and begun != each * processes:
        before = (record.get('hardware') or {}).get('processes')
        raise DataError(
            f'{path}: the run was begun with {begun:g} images an iteration and would go on with {each * processes} '
            f'({processes} × {each}), but its schedule, or --accumulate, counts iterations. Resume it with as many '
            f'processes as before{f" ({before})" if before else ""} and the same train_dataloader.batch_size, or begin '
            'anew in another --work-dir'
        )


def _open(path: Path, stem: str) -> dict[str, Any]:
    """The record in a file, a new one where there is none; what is damaged is put aside, what was edited is marked."""
    if not path.exists():
        return new_record(stem)
    try:
        record = read_record(path)
    except DataError as error:
        aside = path.with_name(f'{path.name}.damaged.{time.time_ns()}')
        os.replace(path, aside)
        print_log(f'{error}. It is now {aside}; a new one is begun.', logger='current', level=logging.WARNING)
        return new_record(stem)
    if not is_sealed(record):
        record['edited'] = True  # or the next seal would cover it up
    return record


def _last_checkpoint(work_dir: Path) -> list[dict[str, Any]]:
    pointer = work_dir / 'last_checkpoint'
    path = work_dir / Path(pointer.read_text(encoding='utf-8').strip()).name if pointer.is_file() else None
    return [dict(file=path.name, sha256=hash_file(path))] if path and path.is_file() else []


def _describe_data(dataset: Any) -> dict[str, Any]:
    try:
        return fingerprint(dataset)
    except Exception as error:  # of a data set of unknown making; the run is worth more than its description
        print_log(f'The data could not be described: {_shown(error)}', logger='current', level=logging.WARNING)
        return dict(name=type(dataset).__name__, official=False, error=_shown(error))


def _latency(runner: Runner) -> dict[str, Any] | None:
    """Milliseconds an image, from a batch that is loaded to what the metrics keep: the median over whole batches."""
    times, loading = (runner.message_hub.log_scalars.get(f'test/{name}') for name in ('time', 'data_time'))
    loader = runner.test_dataloader
    if times is None or loading is None or not loader.batch_size:
        return None
    batch = min(loader.batch_size, -(-len(loader.dataset) // get_world_size()))
    seconds = [float(all_of_it - waited) for all_of_it, waited in zip(times.data[0], loading.data[0], strict=True)]
    return dict(ms_per_image=round(1000 * median(seconds[:-1] or seconds) / batch, 3), batch=batch)


def _origin(checkpoint: Path) -> dict[str, Any]:
    """The provenance of converted weights; empty for a checkpoint of our own."""
    safe = checkpoint.suffix == '.safetensors'
    return provenance(dict(meta=safetensors_meta(checkpoint)) if safe else load_checkpoint(checkpoint))


def _shown(error: BaseException) -> str:
    return f'{type(error).__name__}: {error}'.splitlines()[0][:SHOWN]
