"""The figures and tables of recorded gates, as files and as text."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from senet_mm.analysis.excitation.ablation import Ablation
from senet_mm.analysis.excitation.classes import PAPER_CLASSES, PAPER_WITHIN, choose_classes
from senet_mm.analysis.excitation.figures import choose_blocks, class_lines, draw_classes, draw_depth, draw_within
from senet_mm.analysis.excitation.measures import BlockMeasures, measure
from senet_mm.analysis.excitation.statistics import Excitation
from senet_mm.analysis.figures import COLOURS, WIDTHS, save_rows
from senet_mm.data.errors import DataError

COSTS = ('removed', 'metric', 'value', 'points_lost')  # columns of ablation.csv


def report(excitation: Excitation, args: Namespace, out: Path) -> str:
    """Draw the figures and write the tables into the folder `out`, as `tools/analyze_excitation.py` was asked to.

    Returns:
        The blocks as a table, and the names of the files.

    Raises:
        DataError: There is no such class or block, no block ran, or a file could not be written.
    """
    classes = choose_classes(excitation, args.classes, PAPER_CLASSES)
    within = choose_classes(excitation, args.within or (args.classes or ())[:2], PAPER_WITHIN, 'within')
    measures = measure(excitation)
    if not measures:
        raise DataError('no SE block ran: there are no images, or the network does not use its SE blocks')
    names = [block.name for block in measures]
    check_options(args, names)
    shown, width = args.blocks or choose_blocks(names), WIDTHS[args.width]
    ablation = Ablation(**excitation.ablation) if excitation.ablation else None
    files = [
        *draw_classes(class_lines(excitation, classes, shown, every=True), out / 'classes', width),
        *draw_within(class_lines(excitation, within, shown, every=False), out / 'within', width),
        *draw_depth(measures, ablation, out / 'depth', width),
    ]
    costs = out / 'ablation.csv'
    if ablation is not None:
        files.append(save_rows(_ablation_rows(ablation), costs))
    elif _is_costs(costs):
        costs.unlink()  # of another recording
    silent = [name for name in excitation.blocks if name not in names]
    notes = [f'These SE blocks did not run: {", ".join(silent)}'] if silent else []
    return '\n'.join([_table(measures, ablation), *notes, *map(str, files)])


def check_options(args: Namespace, blocks: Collection[str]) -> None:
    """Raise a DataError if a figure cannot show the classes and blocks that are asked for, of these `blocks`."""
    for option in ('classes', 'within'):
        wanted = getattr(args, option) or ()
        if len(wanted) > len(COLOURS):
            raise DataError(
                f'--{option}: {len(wanted)} classes; in one figure {len(COLOURS)} can be told apart, so draw several'
            )
    unknown = [name for name in args.blocks or () if name not in blocks]
    if unknown:
        raise DataError(f'--blocks: {unknown[0]!r} is none of {", ".join(blocks)}')


def _is_costs(path: Path) -> bool:
    """Whether a file begins as the table of `_ablation_rows`; others by its name are somebody else's."""
    try:
        with path.open(encoding='utf-8') as file:
            return file.readline().rstrip('\n') == ','.join(COSTS)
    except (OSError, UnicodeDecodeError):
        return False


def _ablation_rows(ablation: Ablation) -> list[dict[str, Any]]:
    values = {name: ablation.blocks[name] for name in ablation.ranking()} | {'all SE blocks': ablation.none}
    if ablation.closed is not None:
        values['closed channels'] = ablation.closed
    rows = ((name, f'{ablation.metric} (%)', value, ablation.whole - value) for name, value in values.items())
    return [dict(zip(COSTS, row, strict=True)) for row in rows]


def _table(measures: Sequence[BlockMeasures], ablation: Ablation | None) -> str:
    columns: dict[str, list[Any]] = {
        'block': [block.name for block in measures],
        'channels': [block.channels for block in measures],
        'mean gate': [f'{block.mean:.3f}' for block in measures],
        'between classes': [_percent(block.class_share) for block in measures],
        'near 1': [_percent(block.saturated) for block in measures],
        'closed': [len(block.closed) for block in measures],
    }
    if ablation is None:
        return _lines(columns)
    columns['points lost without it'] = [f'{ablation.cost(block.name):+.2f}' for block in measures]
    columns['rank'] = [ablation.rank(block.name) for block in measures]
    results = [f'{ablation.metric}: {ablation.whole:.2f}%', f'without any SE block {ablation.none:.2f}%']
    if ablation.closed is not None:
        results.append(f'without the closed channels {ablation.closed:.2f}%')
    return f'{_lines(columns)}\n{", ".join(results)}'


def _lines(columns: dict[str, list[Any]]) -> str:
    align = ['left', *['right'] * (len(columns) - 1)]
    return tabulate(columns, headers='keys', disable_numparse=True, colalign=align)


def _percent(share: float) -> str:
    return '—' if np.isnan(share) else f'{share:.1%}'
