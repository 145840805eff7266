"""Figures 6 and 7 of the paper from recorded gates, and its remarks on depth: pictures, and the numbers in them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from senet_mm.analysis.excitation.ablation import Ablation
from senet_mm.analysis.excitation.measures import BlockMeasures
from senet_mm.analysis.excitation.statistics import Excitation
from senet_mm.analysis.figures import COLOURS, WIDTHS, legend, panels, save, save_rows

CHANNELS = 50  # that are shown, Sec. 7.2
LABELLED, LABELLED_NARROW = 20, 16  # blocks at most that all have their name below the axis
LONG = 25  # letters of a name
EVERY = 'all classes'
_PAPER = re.compile(r'SE_(\d+)_(\d+)')


@dataclass(frozen=True)
class Line:
    """What one class, or all of them, does in one block.

    Attributes:
        block: Name.
        title: Of the class, or EVERY.
        channels: (L,) those shown.
        mean: (L,) of the gates.
        deviation: (L,) standard deviation over the images; over the means of the classes for EVERY.
    """

    block: str
    title: str
    channels: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each channel."""
        numbers = zip(self.channels.tolist(), self.mean.tolist(), self.deviation.tolist(), strict=True)
        for channel, mean, deviation in numbers:
            yield dict(block=self.block, channel=channel, title=self.title, mean=mean, standard_deviation=deviation)


def sample_channels(count: int) -> np.ndarray:
    """CHANNELS of `count` channels, evenly from the first to the last; all where there are fewer."""
    return np.unique(np.linspace(0, count - 1, min(count, CHANNELS)).round().astype(np.int64))


def choose_blocks(names: Sequence[str]) -> list[str]:
    """The blocks that Figure 6 shows: the last of each stage, and of the last stage the last three.

    Where blocks have no stage, up to six of them, evenly from the first to the last.
    """
    stages: dict[str, list[str]] = {}
    for name in names:
        match = _PAPER.fullmatch(name)
        if match is None:
            return [names[place] for place in np.unique(np.linspace(0, len(names) - 1, 6).round().astype(int))]
        stages.setdefault(match[1], []).append(name)
    *earlier, last = stages.values()
    return [*(blocks[-1] for blocks in earlier), *last[-3:]]


def class_lines(excitation: Excitation, classes: Sequence[int], blocks: Sequence[str], every: bool) -> list[list[Line]]:
    """For each block the lines of `classes` (places in excitation.classes) and, with `every`, of all classes."""
    result = []
    for name in blocks:
        block = excitation.blocks[name]
        channels = sample_channels(block.channels)
        deviation = np.sqrt(block.variance)
        lines = [
            Line(
                name,
                _title(excitation.classes[row]),
                channels,
                block.mean[row, channels],
                deviation[row, channels],
            )
            for row in classes
            if block.count[row]
        ]
        if every and len(excitation.classes) > 1:
            means = block.mean[block.count > 0][:, channels]
            lines.append(Line(name, EVERY, channels, means.mean(0), means.std(0)))
        result.append(lines)
    return result


def _title(name: str) -> str:
    """The first of a class's synonyms; of a number, that it is one of a class."""
    return f'class {name}' if name.isdecimal() else name.partition(', ')[0]


def draw_classes(figure: Sequence[Sequence[Line]], stem: Path, width: float) -> list[Path]:
    """Figure 6: the mean gate of each class by channel, and below them, broad and grey, that of all classes."""

    def draw(axis: Axes, line: Line, colour: str) -> None:
        # Classes often coincide with the mean of all, which shall be seen none the less.
        below: dict[str, Any] = dict(linewidth=2.4, zorder=1.5) if line.title == EVERY else {}
        axis.plot(line.channels, line.mean, color=colour, label=line.title, **below)

    return _draw(figure, draw, stem, width)


def draw_within(figure: Sequence[Sequence[Line]], stem: Path, width: float) -> list[Path]:
    """Figure 7: the mean gate of each class by channel, in a band of one standard deviation to either side."""

    def draw(axis: Axes, line: Line, colour: str) -> None:
        low, high = line.mean - line.deviation, line.mean + line.deviation
        axis.plot(line.channels, line.mean, color=colour, label=line.title)
        axis.fill_between(line.channels, low, high, color=colour, alpha=0.25, linewidth=0)

    return _draw(figure, draw, stem, width)


def _draw(
    figure: Sequence[Sequence[Line]], draw: Callable[[Axes, Line, str], None], stem: Path, width: float
) -> list[Path]:
    """One panel for each block: PNG, SVG and CSV."""
    headings = _headings([lines[0].block for lines in figure])
    with panels(headings, width, labels=('channel index', 'gate')) as (picture, axes):
        for axis, lines in zip(axes, figure, strict=True):
            for line, colour in zip(lines, _colours(lines), strict=True):
                draw(axis, line, colour)
            axis.set_xlim(lines[0].channels[0], lines[0].channels[-1])
        legend(picture, *axes[0].get_legend_handles_labels(), columns=6)
        pictures = [save(picture, stem.with_suffix(suffix)) for suffix in ('.png', '.svg')]
    rows = (row for lines in figure for line in lines for row in line.rows())
    return [*pictures, save_rows(rows, stem.with_suffix('.csv'))]


def _headings(names: Sequence[str]) -> list[str]:
    """The names; where paths are too long for a narrow figure, without the modules that all go through."""
    if len(names) < 2 or max(map(len, names)) < LONG:
        return list(names)
    shared = commonpath([name.replace('.', '/') for name in names])
    return [name[len(shared) :].lstrip('.') for name in names]


def _colours(lines: Sequence[Line]) -> list[str]:
    return ['silver' if line.title == EVERY else COLOURS[number % len(COLOURS)] for number, line in enumerate(lines)]


def draw_depth(blocks: Sequence[BlockMeasures], ablation: Ablation | None, stem: Path, width: float) -> list[Path]:
    """By depth: the variance between classes and its share of all, the share of gates near 1, each block's worth."""
    between = np.array([block.between for block in blocks])
    power = math.floor(math.log10(largest)) if (largest := np.nan_to_num(between).max()) > 0 else 0
    curves: dict[str, Sequence[float] | np.ndarray] = {
        f'between classes ($10^{{{power}}}$)': between / 10.0**power,
        'between classes (%)': [100 * block.class_share for block in blocks],
        'gates near 1 (%)': [100 * block.saturated for block in blocks],
    }
    if ablation is not None:
        curves['points lost without it'] = [ablation.cost(block.name) for block in blocks]
    curves = {title: values for title, values in curves.items() if not np.isnan(values).all()}
    places, labels = _ticks([block.name for block in blocks], LABELLED if width > WIDTHS['single'] else LABELLED_NARROW)
    with panels(list(curves), width, height=1.7) as (picture, axes):
        for axis, values in zip(axes, curves.values(), strict=True):
            axis.bar(range(len(blocks)), values, color=COLOURS[0], width=0.7)
            axis.axhline(0, color='black', linewidth=0.6)
            if not np.nanmin(values) < 0:
                axis.set_ylim(bottom=0)
            axis.set_xticks(places, labels, rotation=90, fontsize=5)
            axis.set_xlim(-0.6, len(blocks) - 0.4)  # bars that are NaN would not count
            for place in np.flatnonzero(np.isnan(values)):
                axis.text(place, 0, '—', ha='center', va='bottom')
        pictures = [save(picture, stem.with_suffix(suffix)) for suffix in ('.png', '.svg')]
    return [*pictures, save_rows(map(_row, blocks), stem.with_suffix('.csv'))]


def _ticks(names: Sequence[str], labelled: int) -> tuple[list[int], list[str]]:
    """Places and labels: names of the paper, of more than `labelled` the last of each stage; else numbers from 1."""
    stages = [match[1] if (match := _PAPER.fullmatch(name)) else '' for name in names]
    if not all(stages):
        places = list(range(0, len(names), -(-len(names) // labelled)))
        return places, [str(place + 1) for place in places]
    last = [stage != after for stage, after in zip(stages, [*stages[1:], ''], strict=True)]
    places = [place for place in range(len(names)) if last[place] or len(names) <= labelled]
    return places, [names[place] for place in places]


def _row(block: BlockMeasures) -> dict[str, Any]:
    return dict(
        block=block.name,
        path=block.path,
        channels=block.channels,
        images=block.count,
        mean=block.mean,
        variance_between_classes=block.between,
        variance_within_classes=block.within,
        class_share=block.class_share,
        saturated_share=block.saturated,
        closed_channels=' '.join(map(str, block.closed)),
    )
