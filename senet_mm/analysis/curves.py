"""Figure 4 of the paper for any runs, from their logs: training dashed, validation solid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from senet_mm.analysis.figures import COLOURS, PICTURES, WIDTHS, legend, panels, save, save_rows
from senet_mm.analysis.run_log import TRAINING, VALIDATION, Entry, read_log
from senet_mm.data.errors import DataError

POINTS = 200  # of a curve of training, where no epochs are counted


@dataclass(frozen=True)
class Quantity:
    """Something that is drawn: offset + factor · what the toolboxes log under one of these names."""

    title: str
    training: str
    validation: str
    offset: float = 0.0
    factor: float = 1.0


# mmpretrain's heads log the accuracy in training with cal_acc=True only, as our configs have it.
QUANTITIES = (
    Quantity('loss', 'loss', 'loss/cross_entropy'),
    Quantity('top-1 error (%)', 'accuracy_top-1', 'accuracy/top1', 100, -1),
    Quantity('AP (%)', '', 'coco/bbox_mAP', 0, 100),
)


@dataclass(frozen=True)
class Curve:
    """One line of the figure.

    Attributes:
        run: Title of the run.
        quantity: Title of the quantity.
        phase: TRAINING or VALIDATION.
        unit: 'epoch' or 'iteration'.
        x: (P,) ends of epochs, or iterations.
        y: (P,) of training the mean over an epoch, or over a POINTS-th part of the iterations.
    """

    run: str
    quantity: str
    phase: str
    unit: str
    x: np.ndarray
    y: np.ndarray

    def rows(self) -> list[dict[str, Any]]:
        """One for each point."""
        fixed = dict(run=self.run, quantity=self.quantity, phase=self.phase)
        return [{**fixed, self.unit: x, 'value': y} for x, y in zip(self.x.tolist(), self.y.tolist(), strict=True)]


def read_curves(run: Path, title: str) -> list[Curve]:
    """The curves of one run.

    Raises:
        DataError: There is no log, or nothing in it is drawn here.
    """
    entries = read_log(run)
    unit = 'epoch' if any('epoch' in entry.values for entry in entries if entry.training) else 'iteration'
    curves = []
    for quantity in QUANTITIES:
        for phase, name in ((TRAINING, quantity.training), (VALIDATION, quantity.validation)):
            points = _points(entries, phase == TRAINING, name, unit)
            if points.size:
                x, y = points.T
                curves.append(Curve(title, quantity.title, phase, unit, x, quantity.offset + quantity.factor * y))
    if not curves:
        names = sorted({name for entry in entries for name in entry.values})
        wanted = ', '.join(name for item in QUANTITIES for name in (item.training, item.validation) if name)
        raise DataError(f'{run}: none of {wanted} was logged, only {", ".join(names)}')
    return curves


def _points(entries: Sequence[Entry], training: bool, name: str, unit: str) -> np.ndarray:
    """(P,2): x and the value logged as `name`."""
    found = [entry for entry in entries if entry.training == training and entry.number(name) is not None]
    if training:
        x = [entry.values.get('epoch', 0) if unit == 'epoch' else entry.iteration for entry in found]
    else:  # in runs that count iterations, mmengine may log the epoch here
        x = [entry.values['step'] if unit == 'epoch' else max(entry.values['step'], entry.iteration) for entry in found]
    if not training:  # one that was done twice, the second time before the resumed run had logged anything
        last = dict(zip(x, found, strict=True))
        x, found = list(last), list(last.values())
    points = np.array([x, [entry.values[name] for entry in found]], np.float64).T
    return _means(points, unit) if training and len(points) else points


def _means(points: np.ndarray, unit: str) -> np.ndarray:
    """Of each epoch, or of POINTS groups of iterations; x is where the group ends."""
    if unit == 'epoch':
        ends = np.flatnonzero(np.diff(points[:, 0], append=np.inf)) + 1
        groups = np.split(points, ends[:-1])
    else:
        groups = np.array_split(points, min(len(points), POINTS))
    return np.array([(group[-1, 0], group[:, 1].mean()) for group in groups])


def plot_curves(runs: Mapping[str, Path], files: Sequence[Path], width: str = 'double') -> list[Curve]:
    """Draw the curves of runs into one figure, a panel for each quantity, and write it.

    Args:
        runs: Title → what senet_mm.analysis.run_log.find_logs takes.
        files: Pictures (.png, .svg, .pdf) or tables (.csv), as their suffix says.
        width: A key of WIDTHS.

    Raises:
        DataError: There are too many runs, a run has no curves, one counts epochs and another iterations, or a file
            could not be written.
    """
    for file in files:
        if file.suffix not in (*PICTURES, '.csv'):
            raise DataError(f'{file}: the name says the format, and has to end in {", ".join(PICTURES)} or .csv')
    if len(runs) > len(COLOURS):
        raise DataError(f'{len(runs)} runs: in one figure {len(COLOURS)} can be told apart, so draw several')
    curves = [curve for title, run in runs.items() for curve in read_curves(run, title)]
    units = {curve.unit: curve.run for curve in curves}
    if len(units) > 1:
        raise DataError(f'{units["epoch"]} counts epochs, {units["iteration"]} iterations: draw them one by one')
    for file in files:
        if file.suffix == '.csv':
            save_rows((row for curve in curves for row in curve.rows()), file)
        else:
            _draw(curves, list(runs), file, WIDTHS[width])
    return curves


def _draw(curves: Sequence[Curve], runs: Sequence[str], file: Path, width: float) -> None:
    shown = [item.title for item in QUANTITIES if any(curve.quantity == item.title for curve in curves)]
    colours = dict(zip(runs, COLOURS, strict=False))
    with panels(shown, width, height=1.9, labels=(curves[0].unit, '')) as (figure, axes):
        for axis, title in zip(axes, shown, strict=True):
            for curve in curves:
                if curve.quantity == title:
                    _plot(axis, curve, colours[curve.run])
            axis.locator_params(axis='x', integer=True)
        phases = [phase for phase in (TRAINING, VALIDATION) if any(curve.phase == phase for curve in curves)]
        lines = {run: Line2D([], [], color=colour) for run, colour in colours.items()}
        lines |= {phase: Line2D([], [], color='black', linestyle=_style(phase)) for phase in phases}
        legend(figure, list(lines.values()), list(lines), columns=4)
        save(figure, file)


def _plot(axis: Axes, curve: Curve, colour: str) -> None:
    # One point is no line: a run of one epoch, or with one validation.
    marker = 'o' if len(curve.x) == 1 else None
    axis.plot(curve.x, curve.y, color=colour, linestyle=_style(curve.phase), marker=marker, markersize=3)


def _style(phase: str) -> Literal['--', '-']:
    return '--' if phase == TRAINING else '-'
