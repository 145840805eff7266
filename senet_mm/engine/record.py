"""The record of a run, `run.json` in its work dir: what was run, on what, and what came out. Imports nothing heavy.

A record is sealed with a hash of itself. Whoever edits a number by hand breaks the seal; it is no signature, and does
not stop somebody who computes a new one.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from senet_mm.data.errors import DataError
from senet_mm.data.files.manifest import write_manifest
from senet_mm.engine.record_shape import misfits

FILE = 'run.json'
SCHEMA = 1
STATUSES = ('running', 'finished', 'failed', 'interrupted', 'tested')  # tested: trained elsewhere, or by somebody else
STALE = 30 * 60  # seconds without a sign of life after which a run is taken for dead
LOCKED = 60  # seconds; a change takes a moment
LISTED = 5  # of what is wrong with a record
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Deviation:
    """A setting that is not as published; None where there is none."""

    key: str
    value: Any
    published: Any

    def __str__(self) -> str:
        """The setting, what it was, and what is published."""
        return f'{self.key} {_short(self.value)} instead of {_short(self.published)}'


def _short(value: Any) -> str:
    text = 'nothing' if value is None else f'{value:g}' if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f'{text[:57]}…'


def canonical(content: Any) -> str:
    """The one way to write `content` as JSON: sorted keys, no spaces."""
    return json.dumps(content, sort_keys=True, separators=(',', ':'), ensure_ascii=False)


def hash_content(content: Any) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode('utf-8', 'surrogatepass')).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    state = hashlib.sha256()
    with path.open('rb') as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def seal(record: Mapping[str, Any]) -> str:
    """The seal that belongs to a record."""
    return hash_content({key: value for key, value in record.items() if key != 'seal'})


def is_sealed(record: Mapping[str, Any]) -> bool:
    """Whether a record is as it was written."""
    return record.get('seal') == seal(record)


def read_record(path: Path) -> dict[str, Any]:
    """The record in a file; its seal is not looked at.

    Raises:
        DataError: The file cannot be read, is no record, or was written by a later version; what is wrong is named.
    """
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f'{path} cannot be read: {error}') from error
    schema = record.get('schema') if isinstance(record, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise DataError(f'{path} has schema {schema}; this version of senet_mm reads {SCHEMA}: update it')
    wrong = list(misfits(record))
    if wrong:
        more = f' and {len(wrong) - LISTED} more' if len(wrong) > LISTED else ''
        names = f'{", ".join(wrong[:LISTED])}{more}'
        raise DataError(
            f'{path} is not what tools/train.py and tools/test.py write: {names} missing or of another kind'
        )
    if record['status'] not in STATUSES:
        raise DataError(f'{path}: status {record["status"]!r} is none of {", ".join(STATUSES)}')
    return record


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Seal a record and write it, whole or not at all."""
    record['seal'] = seal(record)
    write_manifest(path, record)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Others that change the record in `path` wait: a test, while its run still trains; two tests at once.

    Raises:
        DataError: It takes them too long.
    """
    try:
        with FileLock(path.with_name(f'.{path.name}.lock'), timeout=LOCKED):
            yield
    except Timeout as error:
        raise DataError(f'{path} has been locked by another process for {LOCKED} seconds: {error.lock_file}') from error


def new_record(config: str) -> dict[str, Any]:
    """A record with no more than what every record has."""
    return dict(schema=SCHEMA, config=config, status='tested', sessions=[], checkpoints=[], evaluations=[])


def now() -> str:
    """The time, with its zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec='seconds')


def is_alive(record: Mapping[str, Any]) -> bool:
    """Whether a run whose status is 'running' still gives signs of life."""
    session = record['sessions'][-1] if record['sessions'] else {}
    if session.get('host') == platform.node() and isinstance(session.get('pid'), int):
        try:
            os.kill(session['pid'], 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):  # it is somebody else's; or no number of a process
            pass
    with suppress(KeyError, ValueError, TypeError):
        last = datetime.fromisoformat(session['last'])
        return (datetime.now(timezone.utc) - last).total_seconds() < STALE
    return False


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are numbers; mmdet gives NaN or -1 for sizes of objects that there are none of."""
    numbers = {str(name): float(value) for name, value in metrics.items() if isinstance(value, int | float)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
