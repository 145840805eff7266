"""A run's log as one sequence of entries, however often the run was killed and resumed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError

TRAINING, VALIDATION = 'training', 'validation'
SCALARS = 'vis_data/scalars.json'  # below a folder that mmengine names after the time of a start
LISTED = 8
LARGEST = 1e100  # of a number that can be drawn


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

    def number(self, name: str) -> float | None:
        """What was logged as `name`, NaN if it cannot be drawn; None if that is nothing, or no number."""
        value = self.values.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        return value if abs(value) < LARGEST else math.nan


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
    entries = join_logs(find_logs(run), report=lambda message: print(message, file=sys.stderr))
    if not entries:
        raise DataError(f'{run}: its log is empty; the run ended before it had logged anything')
    return entries


def join_logs(
    logs: Iterable[Path], report: Callable[[str], None] = lambda message: None, at_most: int | None = None
) -> list[Entry]:
    """The entries of logs, oldest first, as `read_log` has them, of whatever can be read.

    Args:
        logs: The files.
        report: Is told what was left out.
        at_most: Entries of training that are read of a log, evenly spaced; all validations are. None for all.
    """
    entries: list[Entry] = []
    for log in logs:
        reached = entries[-1].iteration if entries else 0
        start = list(_parse(log, reached, report, at_most))
        again = next((entry.iteration for entry in start if entry.training), None)
        if again is not None:
            entries = [entry for entry in entries if entry.iteration < again]
        entries += start
    return entries


def _parse(log: Path, iteration: int, report: Callable[[str], None], at_most: int | None) -> Iterator[Entry]:
    """The entries of one log, which begins after `iteration`."""
    try:
        lines = log.read_bytes().splitlines()
    except OSError as error:
        report(f'{log} cannot be read: {error.strerror}')
        return
    damaged = []
    for number, line in _sample(lines, at_most):
        values = _read(line)
        if values is None:
            damaged.append(number)
            continue
        training = 'iter' in values
        iteration = values['iter'] if training else iteration
        yield Entry(training, iteration, values)
    if damaged and damaged != [len(lines)]:
        shown = ', '.join(map(str, damaged[:LISTED])) + (', …' if len(damaged) > LISTED else '')
        report(f'{log}: these lines are damaged and left out: {shown}')


def _sample(lines: list[bytes], at_most: int | None) -> Iterator[tuple[int, bytes]]:
    """Lines and their numbers, from 1; of those that say "iter", every so manieth."""
    training = [number for number, line in enumerate(lines, start=1) if b'"iter"' in line]
    every = 1 if at_most is None else max(1, -(-len(training) // at_most))
    passed_over = set(training) - set(training[::every])
    return ((number, line) for number, line in enumerate(lines, start=1) if number not in passed_over)


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or 'step' not in values:
        return None
    counts = [values.get(name, 0) for name in ('iter', 'step', 'epoch')]
    return values if all(isinstance(count, int) and 0 <= count < LARGEST for count in counts) else None
