"""What `tools/leaderboard.py` does: collect, show, write."""

from __future__ import annotations

import sys
from argparse import Namespace

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file
from senet_mm.results.board import Board, collect
from senet_mm.results.layouts import parse_tables
from senet_mm.results.render import printable, remarks, render


def show(args: Namespace) -> str:
    """The text to print: the tables, or where they were written to.

    Raises:
        DataError: A folder or a table does not exist, nothing was run yet and no table is asked for, or a file cannot
            be written.
    """
    numbers = parse_tables(args.table) if args.table else None
    board = collect(args.folders)
    if numbers is None:
        _require_runs(board)
    text = render(board, numbers, args.format)
    if args.format == 'csv':  # it has room for tables only
        print(printable('\n'.join(remarks(board, numbers))), file=sys.stderr)
    if args.out is not None:
        with whole_file(args.out) as part:
            part.write_text(f'{text}\n', encoding='utf-8')
        text = f'{args.out} is written.'
    if args.page is not None:
        from senet_mm.results.page import write_page

        write_page(board, args.page)
        text = f'{text}\n\nThe page with curves and details: {args.page.resolve()}'
    return text


def _require_runs(board: Board) -> None:
    if not board.broken and not board.runs:
        where = ', '.join(map(str, board.folders))
        raise DataError(f'no run in {where} yet: tools/train.py CONFIG and tools/test.py CONFIG CHECKPOINT make one')
