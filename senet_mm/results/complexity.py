"""The table of parameters and operations, beside the paper's figures. What counts: senet_mm.analysis.complexity."""

from __future__ import annotations

import csv
import io
import json
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from senet_mm.analysis.complexity import Complexity, count_config
from senet_mm.data.errors import DataError
from senet_mm.data.images.size import image_size
from senet_mm.engine.run import load_config
from senet_mm.results.paper import COUNT_NOTES, paper_value
from senet_mm.results.table import DASH, FORMATS

CONFIGS = Path('configs')
# The paper's metrics of a count: its unit and the decimals that the paper prints.
PAPER_METRICS = {
    'parameters': {'params_m': (1e6, 1)},
    'macs': {'gflops': (1e9, 2), 'mflops': (1e6, 0)},
}
TOLERANCE = 0.5  # per cent; a row that differs more has a note
ROUNDED = 'Rounded to the digits that the paper prints, the two are equal.'
NOTES = COUNT_NOTES


@dataclass(frozen=True)
class Row:
    """The counts of one network, or of a detector's backbone, and the paper's figures in the same unit."""

    config: str
    part: str
    size: tuple[int, int]
    counts: Complexity
    at_test_size: bool = True

    @property
    def input(self) -> str:
        """Width × height of the image."""
        return '{}x{}'.format(*self.size)

    def paper(self, count: str) -> float | None:
        """The paper's figure for 'parameters' or 'macs'; its operations are for the size that the config tests at."""
        found = self._printed(count)
        return found[0] * found[1] if found else None

    def _printed(self, count: str) -> tuple[float, float, int] | None:
        """The paper's figure as printed, its unit and its decimals."""
        if count == 'macs' and not self.at_test_size:
            return None
        for metric, (unit, decimals) in PAPER_METRICS[count].items():
            value = paper_value(self.config, metric)
            if value is not None:
                return value, unit, decimals
        return None

    def difference(self, count: str) -> float | None:
        """By how many per cent the count is above the paper's figure."""
        paper = self.paper(count)
        return None if paper is None else 100 * (getattr(self.counts, count) / paper - 1)

    def note(self, count: str) -> str | None:
        """Why the count differs from the paper's figure by more than TOLERANCE; None if it does not."""
        difference, printed = self.difference(count), self._printed(count)
        if difference is None or printed is None or abs(difference) <= TOLERANCE:
            return None
        value, unit, decimals = printed
        if round(getattr(self.counts, count) / unit, decimals) == value:
            return ROUNDED
        return NOTES.get(self.config)

    def record(self) -> dict[str, Any]:
        """The row for CSV and JSON: exact counts, differences in per cent."""
        record: dict[str, Any] = dict(config=self.config, part=self.part, input=self.input, **asdict(self.counts))
        for count in PAPER_METRICS:
            paper, difference = self.paper(count), self.difference(count)
            record[f'paper_{count}'] = None if paper is None else round(paper)
            record[f'{count}_difference'] = None if difference is None else round(difference, 2)
        return record


def count_configs(paths: Iterable[Path], size: tuple[int, int] | None = None) -> list[Row]:
    """Count the networks of configs, a detector's backbone and whole.

    Raises:
        DataError: A config does not exist or cannot be counted.
    """
    rows = []
    for path in paths:
        cfg = load_config(Namespace(config=str(path), cfg_options=None))
        used = size or image_size(cfg)
        at_test_size = size is None or size == image_size(cfg)
        for part, counts in count_config(cfg, used).items():
            rows.append(Row(path.stem, part, used, counts, at_test_size))
    return rows


def report(paths: Sequence[Path], size: tuple[int, int] | None = None, style: str = 'text') -> str:
    """The table of `paths`, of every config in configs/ but the demo's if empty, as 'text', 'md', 'csv' or 'json'.

    Raises:
        DataError: A config does not exist or cannot be counted.
    """
    paths = paths or [path for path in sorted(CONFIGS.rglob('*.py')) if not {'_base_', 'demo'} & set(path.parts)]
    if not paths:
        raise DataError(f'there is no config in {CONFIGS.resolve()}')
    return render(count_configs(paths, size), style)


def render(rows: Sequence[Row], style: str) -> str:
    """The rows as 'text', 'md', 'csv' or 'json'; CSV and JSON have exact counts, the others round."""
    if style == 'json':
        return json.dumps([row.record() for row in rows], indent=1)
    if style == 'csv':
        buffer = io.StringIO()
        records = [row.record() for row in rows]
        writer = csv.DictWriter(buffer, list(records[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(records)
        return buffer.getvalue().rstrip('\n')
    return _table(rows, style)


def _table(rows: Sequence[Row], style: str) -> str:
    notes: list[str] = []
    cells = [_cells(row, notes) for row in rows]
    headers = ['network', 'input', 'parameters (M)', 'paper', 'difference', 'MACs (G)', 'paper', 'difference']
    headers += ['SE parameters (M)', 'share', 'SE MACs (M)', 'share', 'SE elementwise (M)']
    alignment = ['left'] * 2 + ['right'] * (len(headers) - 2)
    table = tabulate(cells, headers, FORMATS[style], disable_numparse=True, colalign=alignment)
    return '\n'.join([table, *[f'\n[{number}] {note}' for number, note in enumerate(notes, 1)]])


def _cells(row: Row, notes: list[str]) -> list[str]:
    """One line of the table; its notes are added to `notes`."""
    counts = row.counts
    cells = [row.config if row.part == 'whole' else f'{row.config}: {row.part}', row.input]
    for count, unit, digits in (('parameters', 1e6, 2), ('macs', 1e9, 3)):
        paper = row.paper(count)
        cells += [f'{getattr(counts, count) / unit:.{digits}f}']
        cells += [DASH if paper is None else f'{paper / unit:g}', _difference(row, count, notes)]
    for part, whole in ((counts.se_parameters, counts.parameters), (counts.se_macs, counts.macs)):
        cells += [f'{part / 1e6:.3f}', f'{part / whole:.2%}'] if part else [DASH, DASH]
    return [*cells, f'{counts.se_elementwise / 1e6:.3f}' if counts.se_elementwise else DASH]


def _difference(row: Row, count: str, notes: list[str]) -> str:
    difference, note = row.difference(count), row.note(count)
    if difference is None:
        return DASH
    if note is not None and note not in notes:
        notes.append(note)
    return f'{difference:+.2f}%' + ('' if note is None else f' [{notes.index(note) + 1}]')
