"""Runs in work_dirs/: what their records say, and what is wrong with them. One bad folder never hides the others."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError
from senet_mm.engine.record import FILE, Deviation, finite, hash_file, is_alive, is_sealed, read_record

METRICS_FILE = 'metrics.json'  # written by senet_mm.engine.run
TIME_STAMP = re.compile(r'\d{8}_\d{6}')  # a folder of logs


@dataclass(frozen=True)
class Evaluation:
    """One test.

    Attributes:
        config: Stem of the config it was tested with.
        metrics: As the toolbox names them, e.g. 'coco/bbox_mAP' (0–1) or 'accuracy/top1' (%).
        date: When.
        checkpoint: What was tested, as it was typed.
        checkpoint_sha256: Its hash; None if the test was not recorded.
        parameters: Number of parameters of the whole network.
        crops: The protocol of `--crops`; None for the config's own.
        tta: Whether the mirror image was averaged in.
        deviations: From the published test.
        data: The fingerprint of the test images.
        provenance: Of converted weights of somebody else's; empty for our own.
        record: The entry in run.json.
    """

    config: str
    metrics: dict[str, float]
    date: str = ''
    checkpoint: str = ''
    checkpoint_sha256: str | None = None
    parameters: int | None = None
    crops: str | None = None
    tta: bool = False
    deviations: tuple[Deviation, ...] = ()
    data: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Run:
    """One training run and its tests, or tests alone.

    Attributes:
        name: The config's stem.
        folder: The work dir.
        status: 'running', 'cut off' (no sign of life), 'finished', 'failed', 'interrupted'; 'tested': not trained here.
        seed: What the random numbers started from; None if the run was not recorded.
        evaluations: Oldest first.
        deviations: From the published training.
        problems: Why nothing here can be trusted.
        logs: The files of curves, oldest first; JSON lines.
        record: The whole of run.json; empty if there is none.
    """

    name: str
    folder: Path
    status: str = 'tested'
    seed: int | None = None
    evaluations: tuple[Evaluation, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    problems: tuple[str, ...] = ()
    logs: tuple[Path, ...] = ()
    record: Mapping[str, Any] | None = None

    @property
    def newest(self) -> Evaluation | None:
        """The last test."""
        return self.evaluations[-1] if self.evaluations else None

    @property
    def metrics(self) -> dict[str, float]:
        """Of the last test; empty if there was none."""
        return self.newest.metrics if self.newest else {}

    @property
    def parameters(self) -> int | None:
        """Of the whole network, as tested last."""
        return self.newest.parameters if self.newest else None

    @property
    def latency(self) -> float | None:
        """Milliseconds an image in the last test on the config's own crops, without a mirror image."""
        plain = [test.record or {} for test in self.evaluations if test.crops is None and not test.tta]
        return (plain[-1].get('latency') or {}).get('ms_per_image') if plain else None

    @property
    def began(self) -> float:
        """When, in seconds since 1970, wherever the clock stood; before all others if that is not recorded."""
        try:
            return datetime.fromisoformat(self.details.get('started') or '').timestamp()
        except (ValueError, OverflowError, OSError):
            return float('-inf')

    @property
    def details(self) -> Mapping[str, Any]:
        """The record, or an empty one."""
        return self.record or {}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The config as it ran: dotted key → value."""
        return self.details.get('settings') or {}

    @property
    def last_checkpoint(self) -> str | None:
        """SHA-256 of the checkpoint that a finished training ended with."""
        checkpoints = self.details.get('checkpoints') or [{}]
        return checkpoints[-1].get('sha256')


@dataclass(frozen=True)
class Broken:
    """A file or folder that something is wrong with."""

    path: Path
    reason: str


def plain_name(name: str) -> str | None:
    """The plain run's name of an SE run's, e.g. faster_rcnn_se_r50_demo → faster_rcnn_r50_demo; None if not SE."""
    plain, count = re.subn(r'(^|_)se_', r'\1', name, count=1)
    return plain if count else None


def find_runs(folders: Iterable[Path]) -> tuple[list[Run], list[Broken]]:
    """All runs at or below `folders` by name and folder, and what could not be read or is incomplete.

    A folder that several of `folders` lead to is read once, by the path of the first. A test belongs to the run whose
    last checkpoint it tested, whatever folder its metrics went to.
    """
    runs: list[Run] = []
    broken: list[Broken] = []
    found_at = [place for root in folders for place in sorted(_places(root, broken))]
    for folder in sorted({os.path.realpath(place): place for place in reversed(found_at)}.values()):
        try:
            found, incomplete = read_folder(folder)
        except DataError as error:
            broken.append(Broken(folder, str(error).replace(f'{folder}/', '')))
        else:
            runs += found
            broken += incomplete
    return sorted(_reunite(runs), key=lambda run: (run.name, str(run.folder))), broken


def _places(folder: Path, broken: list[Broken]) -> list[Path]:
    """Work dirs at or below a folder, links followed once; folders of logs and pictures are not entered."""

    def note(error: OSError) -> None:
        broken.append(Broken(Path(error.filename), f'it cannot be read: {error.strerror}'))

    places, seen = [], set()
    for place, below, files in os.walk(folder, onerror=note, followlinks=True):
        seen.add(os.path.realpath(place))
        if FILE in files or METRICS_FILE in files:
            places.append(Path(place))
        inside = [name for name in below if not TIME_STAMP.fullmatch(name) and not name.startswith('.')]
        below[:] = [name for name in inside if os.path.realpath(os.path.join(place, name)) not in seen]
    return places


def read_folder(folder: Path) -> tuple[list[Run], list[Broken]]:
    """The runs in one work dir, tests of other configs apart, and what they lack.

    Raises:
        DataError: Its run.json, or metrics.json where there is no other file, cannot be read.
    """
    if not (folder / FILE).is_file():
        return [_read_metrics(folder)], []
    return _interpret(folder, read_record(folder / FILE))


def _interpret(folder: Path, record: dict[str, Any]) -> tuple[list[Run], list[Broken]]:
    evaluations = [_evaluation(entry, record['config']) for entry in record['evaluations']]
    problems, missing = _check_files(folder, record)
    sessions = record['sessions']
    logs = tuple(path for session in sessions if (path := folder / session['log']).is_file())
    if sessions and not logs:
        missing.append(f'its log {sessions[-1]["log"]} is missing: there are no curves')
    status = record['status']
    run = Run(
        name=record['config'],
        folder=folder,
        status='cut off' if status == 'running' and not is_alive(record) else status,
        seed=record.get('seed'),
        evaluations=_of(evaluations, record['config']),
        deviations=_deviations(record.get('deviations')),
        problems=tuple(problems),
        logs=logs,
        record=record,
    )
    tests = [
        Run(name, folder, evaluations=_of(evaluations, name), problems=run.problems)
        for name in sorted({entry.config for entry in evaluations} - {run.name})
    ]
    return [run, *tests], [Broken(folder, reason) for reason in missing]


def _of(evaluations: Iterable[Evaluation], config: str) -> tuple[Evaluation, ...]:
    return tuple(evaluation for evaluation in evaluations if evaluation.config == config)


def _evaluation(entry: Mapping[str, Any], config: str) -> Evaluation:
    return Evaluation(
        config=entry.get('config') or config,
        metrics=finite(entry['metrics']),
        date=entry['date'],
        checkpoint=entry['checkpoint'],
        checkpoint_sha256=entry['checkpoint_sha256'],
        parameters=entry['parameters'],
        crops=entry.get('crops'),
        tta=entry['tta'],
        deviations=_deviations(entry['deviations']),
        data=entry.get('data'),
        provenance=entry['provenance'],
        record=entry,
    )


def _deviations(entries: Sequence[Mapping[str, Any]] | None) -> tuple[Deviation, ...]:
    return tuple(Deviation(entry['key'], entry['value'], entry['published']) for entry in entries or ())


def _check_files(folder: Path, record: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What was changed by hand, and what is missing."""
    problems, missing = [], []
    if not is_sealed(record):
        problems.append(f'{FILE} was changed by hand: its seal does not fit')
    if record.get('edited'):
        problems.append(f'{FILE} was changed by hand before the run went on')
    newest = {entry['file']: entry['file_sha256'] for entry in record['evaluations']}
    for name, digest in newest.items():
        try:
            if hash_file(folder / name) != digest:
                problems.append(f'{name} was changed after the test')
        except (OSError, ValueError) as error:
            gone = isinstance(error, FileNotFoundError)
            missing.append(f'{name} is missing' if gone else f'{name} cannot be read: {error}')
    return problems, missing


def _read_metrics(folder: Path) -> Run:
    """A test without a record, as earlier versions left it."""
    path = folder / METRICS_FILE
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        metrics = {str(name): float(value) for name, value in content['metrics'].items()}
        name = Path(content.get('config') or folder.name).stem
        evaluation = Evaluation(
            config=name,
            metrics=finite(metrics),
            date=str(content.get('date', '')),
            checkpoint=str(content.get('checkpoint', '')),
            parameters=int(content['parameters']),
            tta=bool(content.get('test_time_augmentation')),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(f'{path} is not what tools/test.py writes ({error}); test the checkpoint again') from error
    return Run(name, folder, evaluations=(evaluation,))


def _reunite(runs: Sequence[Run]) -> list[Run]:
    """Give each test to the run that it tested, if it is not there already; drop what is left without any content.

    Of a run and its copy each keeps its own tests. A run that was changed by hand gets none.
    """
    owners = {run.last_checkpoint: run for run in reversed(runs) if run.last_checkpoint and not run.problems}
    given: dict[Path, list[Evaluation]] = {}
    kept = []
    for run in runs:
        own = []
        for evaluation in run.evaluations:
            tested = evaluation.checkpoint_sha256 or ''
            owner = owners.get(tested) if tested != run.last_checkpoint and not run.problems else None
            if owner and owner.folder != run.folder and owner.name == run.name:
                given.setdefault(owner.folder, []).append(evaluation)
            else:
                own.append(evaluation)
        if own or run.problems or run.status != 'tested' or not run.evaluations:
            kept.append(replace(run, evaluations=tuple(own)))
    return [_with(run, given.get(run.folder, ())) for run in kept]


def _with(run: Run, evaluations: Iterable[Evaluation]) -> Run:
    more = _of(evaluations, run.name)
    return replace(run, evaluations=tuple(sorted([*run.evaluations, *more], key=lambda item: item.date)))
