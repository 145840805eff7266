"""A run's log as one sequence of entries, however often the run was killed and resumed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError

SCALARS = 'vis_data/scalars.json'  # below a folder that mmengine names after the time of a start
LISTED = 8


@dataclass(frozen=True)
class Entry:
    """One line of a log.

    Attributes:
        training: Whether it is of training; of validation otherwise.
        iteration: Of training; for a validation, the last one that was logged before it.
        values: What was logged; 'step' of a validation counts epochs or iterations.
    """

    training: bool
    iteration: int
    values: Mapping[str, Any]


def find_logs(run: Path) -> list[Path]:
    """The logs of a run, oldest first.

    Args:
        run: A work dir, the time-stamped folder of one start in it, or a scalars.json.

    Raises:
        DataError: It is not there or holds no log.
    """
    if run.is_file():
        return [run]
    if not run.is_dir():
        raise DataError(f'there is no run {run}; tools/train.py makes work_dirs/<config stem>')
    logs = [run / SCALARS] if (run / SCALARS).is_file() else sorted(run.glob(f'*/{SCALARS}'))
    if not logs:
        raise DataError(f'{run} has no log: neither {SCALARS} nor <time stamp>/{SCALARS}, which tools/train.py writes')
    return logs


def read_log(run: Path) -> list[Entry]:
    """The entries of a run's logs; where it was resumed, what was done again replaces what had been done.

    Damaged lines are left out and named on stderr, but for the last of a log: a killed run leaves half a line.

    Raises:
        DataError: There is no log, or nothing was logged.
    """
    entries: list[Entry] = []
    for log in find_logs(run):
        reached = entries[-1].iteration if entries else 0
        start = list(_parse(log, reached))
        again = next((entry.iteration for entry in start if entry.training), None)
        if again is not None:
            entries = [entry for entry in entries if entry.iteration < again]
        entries += start
    if not entries:
        raise DataError(f'{run}: its log is empty; the run ended before it had logged anything')
    return entries


def _parse(log: Path, iteration: int) -> Iterator[Entry]:
    """The entries of one log, which begins after `iteration`."""
    try:
        lines = log.read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError as error:
        raise DataError(f'{log} cannot be read: {error.strerror}') from error
    damaged = []
    for number, line in enumerate(lines, start=1):
        values = _read(line)
        if values is None:
            damaged.append(number)
            continue
        training = 'iter' in values
        iteration = values['iter'] if training else iteration
        yield Entry(training, iteration, values)
    if damaged and damaged != [len(lines)]:
        shown = ', '.join(map(str, damaged[:LISTED])) + (', …' if len(damaged) > LISTED else '')
        print(f'{log}: these lines are damaged and left out: {shown}', file=sys.stderr)


def _read(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(values, dict) and all(isinstance(values.get(name, 0), int) for name in ('iter', 'step', 'epoch'))
    return values if whole and 'step' in values else None
