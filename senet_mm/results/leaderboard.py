"""From work_dirs/ to tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from senet_mm.data.errors import DataError
from senet_mm.results.runs import find_runs, pair_runs
from senet_mm.results.table import render_pair


def render(folders: Sequence[Path], style: str = 'text') -> str:
    """The tables of all pairs of runs at or below `folders`.

    Raises:
        DataError: A folder does not exist, no run in them was tested, or a metrics.json cannot be read.
    """
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f'there is no folder {folder}; runs are in work_dirs/')
    runs = find_runs(folders)
    if not runs:
        where = ', '.join(map(str, folders))
        raise DataError(f'no run in {where} was tested yet: tools/test.py CONFIG CHECKPOINT writes metrics.json there')
    return '\n\n'.join(render_pair(plain, se, style) for plain, se in pair_runs(runs))
