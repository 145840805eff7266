"""A board as text, Markdown, HTML, LaTeX, CSV or JSON."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from senet_mm.results.aggregate import Aggregate, Gain, signed
from senet_mm.results.board import Board
from senet_mm.results.layouts import stems_of
from senet_mm.results.runs import Run
from senet_mm.results.table import DASH, METRICS, Pair, pair_rows, verdict
from senet_mm.results.tables import Cell, Column, PaperTable, Row

FIELDS = (
    *('table', 'row', 'column', 'group', 'heading', 'configs', 'paper', 'ours', 'sd', 'n', 'difference', 'p_value'),
    *('command', 'runs'),
)
_LATEX = {'&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}', '\\': r'\textbackslash{}'}
_LATEX |= {'±': r'$\pm$', '×': r'$\times$', '−': '$-$', DASH: '---', '–': '--', '’': "'", '…': r'\ldots{}'}
_LATEX |= {'<': r'\textless{}', '>': r'\textgreater{}', '~': r'\textasciitilde{}', '^': r'\textasciicircum{}'}
_MINUS = re.compile(r'(?<![\w$-])-(?=\d)')
# What begins something else than text; the mark of a note, [1], does only where a link's target follows.
_MARKDOWN = re.compile(r'[\\|*`]|<(?=[A-Za-z/!?])|\[(?!\d+\](?![(\[:]))')


def _latex(text: str) -> str:
    escaped = _MINUS.sub('$-$', ''.join(_LATEX.get(character, character) for character in text))
    return f'{{}}{escaped}' if escaped.lstrip().startswith('[') else escaped  # no option of \item or \\ before it


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r'\\\g<0>', text)


@dataclass(frozen=True)
class Document:
    """How a format writes the parts of a page; patterns take one text, which is escaped already.

    Attributes:
        table: tabulate's name of the format.
        escape: Makes any text harmless.
        heading: Above a table.
        paragraph: Of text.
        code: Makes a command of any text.
        item: Of a list.
        items: Around a list.
        lines: A heading of two lines, as a pattern of two texts.
        start: Above all.
    """

    table: str
    escape: Callable[[str], str]
    heading: str
    paragraph: str
    code: Callable[[str], str]
    item: str
    items: tuple[str, str]
    lines: str
    start: str = ''

    def listed(self, title: str, items: Iterable[str], code: bool = False) -> list[str]:
        """A paragraph, and a list below it; nothing if the list is empty."""
        shown = [(self.code if code else self.escape)(item) for item in items]
        if not shown:
            return []
        start, end = self.items
        lines = [self.paragraph.format(self.escape(title)), start, *map(self.item.format, shown), end]
        return ['\n'.join(line for line in lines if line)]


DOCUMENTS = {
    'text': Document('simple', str, '{}', '{}', str, '  {}', ('', ''), '{}\n{}'),
    'md': Document('github', _markdown, '### {}', '{}\n', '`{}`'.format, '- {}', ('', ''), '{}<br>{}'),
    'html': Document(
        'unsafehtml',
        html.escape,
        '<h2>{}</h2>',
        '<p>{}</p>',
        lambda text: f'<code>{html.escape(text)}</code>',
        '<li>{}</li>',
        ('<ul>', '</ul>'),
        '{}<br>{}',
        '<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Squeeze-and-Excitation leaderboard</title>',
    ),
    'latex': Document(
        'latex_raw',
        _latex,
        r'\subsection*{{{}}}',
        '{}',
        lambda text: rf'\texttt{{{_latex(text)}}}',
        r'\item {}',
        (r'\begin{itemize}', r'\end{itemize}'),
        r'\shortstack{{{}\\{}}}',
    ),
}
STYLES = (*DOCUMENTS, 'csv', 'json')


def render(board: Board, numbers: Sequence[int] | None = None, style: str = 'text') -> str:
    """The tables of a board.

    Args:
        board: What was found.
        numbers: The paper's tables to show, and what belongs to them. If None: those that have a run of ours in them,
            and plain beside SE for what is in none.
        style: One of STYLES.
    """
    return printable(_render(board, numbers, style))


def printable(text: str) -> str:
    """Text that any file can hold: names that are not UTF-8 come with halves of surrogate pairs."""
    return text.encode('utf-8', 'replace').decode('utf-8')


def _render(board: Board, numbers: Sequence[int] | None, style: str) -> str:
    tables = [table for table in board.tables if (table.filled if numbers is None else table.number in numbers)]
    if style == 'json':
        return json.dumps(_content(board, tables, numbers), indent=1, ensure_ascii=False)
    if style == 'csv':
        return _csv(record for table in tables for record in records(table))
    document = DOCUMENTS[style]
    parts = [document.start] if document.start else []
    parts += [part for table in tables for part in _table(table, document)]
    if numbers is None:
        parts += [part for pair in board.pairs for part in _pair(pair, document)]
    return '\n\n'.join([*parts, *remarks(board, numbers, style)])


def remarks(board: Board, numbers: Sequence[int] | None = None, style: str = 'text') -> list[str]:
    """What is in no table and why, what is broken, and what would fill the tables that have no run."""
    document = DOCUMENTS[style]
    stems = {stem for number in numbers or () for stem in stems_of(number)}
    apart = [
        f'{run.name} ({run.folder}): {"; ".join((*reasons, *_measured(run)))}'
        for run, reasons in board.apart
        if numbers is None or run.name in stems
    ]
    parts = document.listed('Not in the paper’s tables:', apart)
    parts += document.listed('Broken:', [f'{broken.path}: {broken.reason}' for broken in board.broken])
    if numbers is None and not all(table.filled for table in board.tables):
        empty = _ranges([table.number for table in board.tables if not table.filled])
        text = f'Nothing yet in Tables {empty}; tools/leaderboard.py --table 7 shows what would fill one.'
        parts.append(document.paragraph.format(document.escape(text)))
    return parts


def _ranges(numbers: Sequence[int]) -> str:
    """'2–6, 8' for 2, 3, 4, 5, 6, 8."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ', '.join(f'{group[0]}–{group[-1]}' if len(group) > 1 else str(group[0]) for group in groups)


def _measured(run: Run) -> list[str]:
    """The main number of a run that has one to be trusted."""
    found = [] if run.problems else [name for name in METRICS if name in run.metrics]
    return [f'{name} {factor * run.metrics[key]:.1f}' for key in found[:1] for name, factor in [METRICS[key]]]


def records(table: PaperTable) -> list[dict[str, Any]]:
    """A record for every cell that has anything in it: FIELDS, numbers as they are."""
    return [
        _record(table, row, column, cell)
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell.applies or cell.paper is not None
    ]


def _record(table: PaperTable, row: Row, column: Column, cell: Cell) -> dict[str, Any]:
    ours = cell.ours
    numbers = dict(
        paper=cell.paper,
        ours=ours and ours.mean,
        sd=ours and ours.sd,
        n=ours and ours.n,
        difference=cell.difference,
        p_value=cell.p_value,
    )
    return dict(
        table=table.number,
        row=row.label,
        column=column.key,
        group=column.group,
        heading=column.heading,
        configs=' '.join(row.stems.values()),
        **{name: round(value, 6) if isinstance(value, float) else value for name, value in numbers.items()},
        command=cell.command,
        runs=' '.join(str(run.folder) for run in cell.runs),
    )


def _csv(lines: Iterable[dict[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FIELDS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(lines)
    return buffer.getvalue().rstrip('\n')


def _content(board: Board, tables: Sequence[PaperTable], numbers: Sequence[int] | None) -> dict[str, Any]:
    shown = [
        {name: getattr(table, name) for name in ('number', 'title', 'dataset', 'notes', 'remarks')}
        | dict(cells=records(table))
        for table in tables
    ]
    return dict(
        tables=shown,
        pairs=[_pair_content(pair) for pair in board.pairs] if numbers is None else [],
        apart=[dict(config=run.name, folder=str(run.folder), reasons=reasons) for run, reasons in board.apart],
        broken=[dict(path=str(broken.path), reason=broken.reason) for broken in board.broken],
    )


def _pair_content(pair: Pair) -> dict[str, Any]:
    def content(value: Aggregate | None) -> dict[str, Any] | None:
        return None if value is None else dict(mean=round(value.mean, 6), sd=value.sd, n=value.n)

    metrics = {}
    for metric in pair.metrics():
        plain, se, difference = pair.values(metric)
        p_value = difference.p_value if isinstance(difference, Gain) else None
        metrics[METRICS[metric][0]] = dict(
            plain=content(plain), se=content(se), difference=content(difference), p_value=p_value
        )
    folders = {side: [str(run.folder) for run in runs] for side, runs in (('plain', pair.plain), ('se', pair.se))}
    return dict(plain=pair.titles[0], se=pair.titles[1], folders=folders, metrics=metrics, verdict=verdict(pair))


def _pair(pair: Pair, document: Document) -> list[str]:
    headers = [' / '.join(pair.titles), 'plain', 'SE', 'difference']
    return [_tabulate(pair_rows(pair), headers, document), document.paragraph.format(document.escape(verdict(pair)))]


def _table(table: PaperTable, document: Document) -> list[str]:
    headers = [table.heading, '', *_headings(table.columns, document)]
    rows = [line for row in table.rows for line in _lines(row, table.columns)]
    notes = [f'[{number}] {text}' for number, text in enumerate(table.notes, 1)]
    return [
        document.heading.format(document.escape(f'Table {table.number}. {table.title}')),
        _tabulate(rows, headers, document, headers_are_ready=True),
        *document.listed('Notes:', [*notes, *table.remarks]),
        *document.listed(
            f'To fill what is empty (all of it: tools/run_table.py {table.number}):', table.commands(), True
        ),
    ]


def _headings(columns: Sequence[Column], document: Document) -> list[str]:
    """Two lines, the group's above; in text it stands above its first column only, which keeps the table narrow."""
    found = []
    for index, column in enumerate(columns):
        repeated = index > 0 and columns[index - 1].group == column.group
        group = '' if document is DOCUMENTS['text'] and repeated else column.group
        heading = document.escape(column.heading)
        found.append(document.lines.format(document.escape(group), heading) if column.group else heading)
    return found


def _tabulate(
    rows: Sequence[Sequence[str]], headers: Sequence[str], document: Document, headers_are_ready: bool = False
) -> str:
    shown = headers if headers_are_ready else [document.escape(header) for header in headers]
    cells = [[document.escape(cell) for cell in row] for row in rows]
    return tabulate(cells, shown, document.table, disable_numparse=True)


def _lines(row: Row, columns: Sequence[Column]) -> list[list[str]]:
    """A row as the paper's numbers, ours and the differences; a network of others has the paper's only."""
    cells = list(zip(row.cells, columns, strict=True))
    lines = [[row.label, 'paper', *(_paper(cell, column) for cell, column in cells)]]
    if any(cell.applies for cell in row.cells):
        lines.append(['', 'ours', *(_ours(cell, column) for cell, column in cells)])
        lines.append(['', 'difference', *(_difference(cell, column) for cell, column in cells)])
    return lines


def _paper(cell: Cell, column: Column) -> str:
    if cell.paper is None:
        return ''
    marks = ''.join(f' [{number}]' for number in cell.notes)
    return column.text(cell.paper) + marks


def _ours(cell: Cell, column: Column) -> str:
    if cell.ours is None:
        return DASH if cell.applies else ''
    text = cell.ours.text(column.digits, sign=column.signed)
    evidence = cell.ours.evidence if isinstance(cell.ours, Gain) else ''
    return f'{text}, {evidence}' if evidence else text


def _difference(cell: Cell, column: Column) -> str:
    return '' if cell.difference is None else signed(cell.difference, column.digits)
