"""The board as a page: one HTML file that loads nothing, for a browser, a phone or a screen reader."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from senet_mm.data.files.whole_file import whole_file
from senet_mm.results.aggregate import Gain, signed
from senet_mm.results.board import Board
from senet_mm.results.page_data import as_json, below, page_data, pair_lines, run_lines
from senet_mm.results.render import printable
from senet_mm.results.table import DASH
from senet_mm.results.tables import Cell, Column, PaperTable, Row

TEMPLATES = Path(__file__).parent / 'templates'
BREAKS = re.compile(r'[_/]|(?<=[a-z0-9])\.(?=[a-z])')  # as in tables.js
SCRIPTS = ('tables.js', 'charts.js', 'details.js')  # concatenated in this order


@dataclass(frozen=True)
class Shown:
    """What stands in a cell: a number, the numbers of its notes, and what is to be said about it."""

    text: str
    notes: tuple[int, ...] = ()
    remark: str = ''
    better: bool = False


def write_page(board: Board, path: Path) -> None:
    """Write the page, whole or not at all.

    Raises:
        DataError: The file could not be written.
    """
    text = render_page(board)
    with whole_file(path) as part:
        part.write_text(text, encoding='utf-8')


def render_page(board: Board) -> str:
    """The page as HTML.

    A Content-Security-Policy forbids all loading and every script but those whose hash it names: what a run is called
    cannot become code, even if it were not escaped.
    """
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= dict(breakable=_breakable)
    templates.globals |= dict(groups=_groups, lines=_lines, sort_keys=_sort_keys, dash=DASH, as_json=as_json)
    runs, pairs = run_lines(board), pair_lines(board)
    own = '\n'.join((TEMPLATES / name).read_text(encoding='utf-8') for name in SCRIPTS)
    scripts = [_vega(), f'(() => {{\n{own}}})();']  # Vega's script takes short names like $ for itself
    text = templates.get_template('page.html.j2').render(
        board=board,
        pairs=pairs,
        broken=[(below(item.path, board.folders), item.reason) for item in board.broken],
        counted=[line for line in runs if line.tables],
        apart=[line for line in runs if line.reasons or not line.tables],
        data=Markup(as_json(page_data(runs, pairs, board))),  # as_json leaves no tag in it
        style=Markup((TEMPLATES / 'page.css').read_text(encoding='utf-8')),
        scripts=[Markup(script) for script in scripts],
        hashes=' '.join(map(_hash, scripts)),
    )
    return printable(text.lstrip())


@cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, from the package vl-convert."""
    import vl_convert  # 0.2 s, and 1 s for the script

    return vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;').replace('</script', '<\\/script')


def _hash(script: str) -> str:
    """As a Content-Security-Policy names a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _breakable(name: str) -> Markup:
    """A name that a browser breaks after its parts, if it must, not in the midst of one."""
    return Markup(BREAKS.sub(r'\g<0><wbr>', str(escape(name))))


def _groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """The upper line of a table's head: heading and number of columns."""
    return [(name, len(list(members))) for name, members in groupby(column.group for column in columns)]


def _lines(table: PaperTable, row: Row) -> list[tuple[str, list[Shown]]]:
    """A row of a table as lines, each with its name; what nobody has is left out."""
    cells = list(zip(row.cells, table.columns, strict=True))
    lines = [('paper', [_paper(cell, column) for cell, column in cells])]
    if any(cell.applies for cell in row.cells):
        lines.append(('ours', [_ours(cell, column) for cell, column in cells]))
    if any(cell.difference is not None for cell in row.cells):
        lines.append(('difference', [_difference(cell, column) for cell, column in cells]))
    return lines


def _paper(cell: Cell, column: Column) -> Shown:
    if cell.paper is None:
        return Shown('')
    return Shown(column.text(cell.paper), cell.notes)


def _ours(cell: Cell, column: Column) -> Shown:
    ours = cell.ours
    if ours is None:
        return Shown(DASH if cell.applies else '')
    text = ours.text(column.digits, sign=column.signed)
    return Shown(text, remark=ours.evidence, better=ours.mean > 0) if isinstance(ours, Gain) else Shown(text)


def _difference(cell: Cell, column: Column) -> Shown:
    return Shown('' if cell.difference is None else signed(cell.difference, column.digits))


def _sort_keys(row: Row) -> list[Any]:
    """What a row is sorted by in each column: ours, or else the paper's."""
    numbers = [cell.ours.mean if cell.ours is not None else cell.paper for cell in row.cells]
    return [row.label, *(None if number is None else round(number, 6) for number in numbers)]
