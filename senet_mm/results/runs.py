"""Runs in work_dirs/, and which plain run belongs to which SE run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from senet_mm.data.errors import DataError

METRICS_FILE = 'metrics.json'  # written by senet_mm.engine.run


@dataclass(frozen=True)
class Run:
    """What `tools/test.py` measured last in one work dir.

    Attributes:
        name: The config's stem, which is also the folder's name.
        parameters: Number of parameters of the whole network.
        metrics: As the toolbox names them, e.g. 'coco/bbox_mAP' (0–1) or 'accuracy/top1' (%).
    """

    name: str
    parameters: int
    metrics: dict[str, float]


def plain_name(name: str) -> str | None:
    """The plain run's name of an SE run's, e.g. faster_rcnn_se_r50_demo → faster_rcnn_r50_demo; None if not SE."""
    plain, count = re.subn(r'(^|_)se_', r'\1', name, count=1)
    return plain if count else None


def read_run(folder: Path) -> Run:
    """The run in `folder`.

    Raises:
        DataError: Its metrics.json cannot be read.
    """
    path = folder / METRICS_FILE
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
        metrics = {str(name): float(value) for name, value in record['metrics'].items()}
        return Run(folder.name, int(record['parameters']), metrics)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'{path} is not what tools/test.py writes ({error}); test the checkpoint again') from error


def find_runs(folders: Iterable[Path]) -> list[Run]:
    """All tested runs at or below `folders`, by name."""
    found = {path.parent for folder in folders for path in folder.rglob(METRICS_FILE)}
    return [read_run(folder) for folder in sorted(found)]


def pair_runs(runs: Iterable[Run]) -> list[tuple[Run | None, Run | None]]:
    """Pairs of (plain, SE), in the order of the plain names; None where one of the two was not tested."""
    pairs: dict[str, list[Run | None]] = {}
    for run in runs:
        plain = plain_name(run.name)
        pairs.setdefault(plain or run.name, [None, None])[plain is not None] = run
    return [(plain, se) for _, (plain, se) in sorted(pairs.items())]
