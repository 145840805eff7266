"""The paper's tables with ours in them, free of any format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from senet_mm.results.aggregate import Aggregate, Gain, aggregate, gain, signed
from senet_mm.results.commands import Commands
from senet_mm.results.comparison import Result, Verdicts
from senet_mm.results.layouts import (
    CONVERTED,
    COST,
    COSTS,
    GAIN,
    LAYOUTS,
    METRICS,
    SPEED,
    ColumnLayout,
    Layout,
    RowLayout,
)
from senet_mm.results.paper import COUNT_NOTES, RELEASED, counts, figure
from senet_mm.results.runs import Run

ERRORS = ('top1_err', 'top5_err')
ONLY_IF_ANY = (CONVERTED, SPEED)  # columns that are left out where there is nothing in them
HOW_GAINS_ARE = 'A gain says how much better SE is, over pairs of the same seed; p: two-sided paired t-test.'
HOW_RELEASED_ARE = (
    'As released: the authors trained these again after the paper; the paper’s line has what their README reports.'
)
HOW_CONVERTED_ARE = 'Converted: weights of other people, trained with recipes of their own, tested here.'
HOW_FAST = 'images/s: of the training, on the hardware that the runs had.'


@dataclass(frozen=True)
class Column:
    """A column: `key` is its own among the table's; `group` stands above `heading` and may be empty."""

    key: str
    group: str
    heading: str
    digits: int
    kind: str = ''

    @property
    def signed(self) -> bool:
        """Whether its numbers are written with their sign."""
        return self.kind == GAIN

    def text(self, value: float) -> str:
        """One number as it is written here."""
        return signed(value, self.digits) if self.signed else f'{value:.{self.digits}f}'


@dataclass(frozen=True)
class Cell:
    """One number of the paper, and ours.

    Attributes:
        paper: The paper's; None where it prints none.
        ours: Measured or counted here; None where there is nothing yet.
        applies: Whether there could be one of ours; where not, the cell of ours stays empty.
        command: What would fill an empty cell of ours.
        runs: The runs behind ours.
        notes: Numbers of the table's notes, from 1.
    """

    paper: float | None = None
    ours: Aggregate | None = None
    applies: bool = False
    command: str | None = None
    runs: tuple[Run, ...] = ()
    notes: tuple[int, ...] = ()

    @property
    def difference(self) -> float | None:
        """Ours − the paper's."""
        return None if self.ours is None or self.paper is None else self.ours.mean - self.paper

    @property
    def p_value(self) -> float | None:
        """Of a gain."""
        return self.ours.p_value if isinstance(self.ours, Gain) else None


@dataclass(frozen=True)
class Row:
    """A row: its label, the configs behind it by role ('own', 'plain', 'se', 'released'), a cell for each column."""

    label: str
    stems: Mapping[str, str]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class PaperTable:
    """One of the paper's tables; `notes` are those that cells point to, `remarks` are about the whole."""

    number: int
    dataset: str
    title: str
    heading: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def filled(self) -> bool:
        """Whether any run is in it."""
        return any(cell.runs for row in self.rows for cell in row.cells)

    def commands(self) -> list[str]:
        """What would fill what is empty, each once, from the top."""
        found = dict.fromkeys(cell.command for row in self.rows for cell in row.cells if cell.command)
        return [command for command in found if not any(other.startswith(f'{command} &&') for other in found)]


def build_tables(verdicts: Verdicts, runs: Iterable[Run]) -> tuple[PaperTable, ...]:
    """All of the paper's tables, with the runs that count."""
    commands = Commands(runs, verdicts)
    return tuple(_Builder(layout, verdicts, commands).build() for layout in LAYOUTS.values())


class _Builder:
    """Fills one layout."""

    def __init__(self, layout: Layout, verdicts: Verdicts, commands: Commands) -> None:
        self.layout, self.verdicts, self.commands = layout, verdicts, commands
        self.notes: list[str] = []

    def build(self) -> PaperTable:
        grid = [[self.cell(row, column) for column in self.layout.columns] for row in self.layout.rows]
        used = [
            index
            for index, column in enumerate(self.layout.columns)
            if column.kind not in ONLY_IF_ANY or any(cells[index].ours for cells in grid)
        ]
        kinds = {self.layout.columns[index].kind for index in used}
        about = {GAIN: HOW_GAINS_ARE, CONVERTED: HOW_CONVERTED_ARE, SPEED: HOW_FAST}
        remarks = [text for kind, text in about.items() if kind in kinds]
        remarks += [HOW_RELEASED_ARE] * any(column.role == 'released' for column in self.layout.columns)
        return PaperTable(
            number=self.layout.number,
            dataset=self.layout.dataset,
            title=self.layout.title,
            heading=self.layout.heading,
            columns=tuple(_column(self.layout.columns[index]) for index in used),
            rows=tuple(
                Row(row.label, row.stems, tuple(cells[index] for index in used))
                for row, cells in zip(self.layout.rows, grid, strict=True)
            ),
            notes=tuple(self.notes),
            remarks=tuple(remarks),
        )

    def cell(self, row: RowLayout, column: ColumnLayout) -> Cell:
        kinds = {GAIN: self._gain, COST: self._cost, SPEED: self._speed, CONVERTED: self._converted}
        return kinds.get(column.kind, self._measured)(row, column)

    def _paper(self, row: RowLayout, column: ColumnLayout) -> float | None:
        if column.role == 'released':
            released = RELEASED.get(row.stems.get('released', ''))
            return released[ERRORS.index(column.metric)] if released else None
        variant = row.variants.get(column.role)
        metric = column.printed or column.metric
        return figure(self.layout.number, row.model, variant, metric) if variant else None

    def _measured(self, row: RowLayout, column: ColumnLayout) -> Cell:
        stem = row.stems.get(column.role)
        note = self._note(self.layout.notes.get((row.label, column.key)))
        if stem is None or column.metric not in METRICS:
            return Cell(self._paper(row, column), notes=note)
        if column.role == 'released':
            results: Mapping[int | None, Result] = dict(enumerate(self.verdicts.converted.get((stem, None), ())[-1:]))
        else:
            results = self.verdicts.counted.get((stem, column.crops), {})
        ours = aggregate(values(results, column.metric))
        command = None if ours else self.commands.fill(stem, column.crops)
        return Cell(self._paper(row, column), ours, True, command, _runs(results), note)

    def _cost(self, row: RowLayout, column: ColumnLayout) -> Cell:
        stem = row.stems.get(column.role)
        counted, paper = counts().get(stem or ''), self._paper(row, column)
        if counted is None or stem is None:
            return Cell(paper, applies=stem is not None)
        _, digits, field, unit = COSTS[column.metric]
        ours = counted[field] / unit
        explained = COUNT_NOTES.get(stem) if paper is not None and round(ours, digits) != paper else None
        return Cell(paper, Aggregate((ours,)), True, notes=self._note(explained))

    def _gain(self, row: RowLayout, column: ColumnLayout) -> Cell:
        plain, se = row.stems.get('plain'), row.stems.get(column.role)
        if plain is None or se is None:
            return Cell()
        metric = METRICS[column.metric]
        before, after = (self.verdicts.counted.get((stem, None), {}) for stem in (plain, se))
        ours = gain(values(before, column.metric), values(after, column.metric), metric.higher_is_better)
        runs = (*_runs(before), *_runs(after)) if ours else ()
        return Cell(self._paper_gain(row, column), ours, True, runs=runs)

    def _paper_gain(self, row: RowLayout, column: ColumnLayout) -> float | None:
        if self.layout.baseline is None:
            return None
        table, model, variant = self.layout.baseline
        before, after = figure(table, model or row.model, variant, column.metric), self._paper(row, column)
        if before is None or after is None:
            return None
        return after - before if METRICS[column.metric].higher_is_better else before - after

    def _speed(self, row: RowLayout, column: ColumnLayout) -> Cell:
        results = self.verdicts.counted.get((row.stems.get(column.role, ''), None), {})
        speeds = {
            seed: float(run.details['throughput']['images_per_s'])
            for seed, (run, _) in results.items()
            if run.details.get('throughput')
        }
        return Cell(None, aggregate(speeds), column.role in row.stems, runs=_runs(results) if speeds else ())

    def _converted(self, row: RowLayout, column: ColumnLayout) -> Cell:
        results = self.verdicts.converted.get((row.stems.get(column.role, ''), None), [])[-1:]  # the newest
        ours = aggregate(values(dict(enumerate(results)), column.metric))
        return Cell(None, ours, column.role in row.stems, runs=_runs(dict(enumerate(results))))

    def _note(self, text: str | None) -> tuple[int, ...]:
        if text is None:
            return ()
        if text not in self.notes:
            self.notes.append(text)
        return (self.notes.index(text) + 1,)


def values(results: Mapping[int | None, Result], name: str) -> dict[int | None, float]:
    """A metric of several seeds, as the paper prints it; seeds without it are left out."""
    metric = METRICS[name]
    return {
        seed: metric.offset + metric.factor * test.metrics[metric.source]
        for seed, (_, test) in results.items()
        if metric.source in test.metrics
    }


def _runs(results: Mapping[int | None, Result]) -> tuple[Run, ...]:
    return tuple(results[seed][0] for seed in sorted(results, key=str))


def _column(layout: ColumnLayout) -> Column:
    if layout.metric in METRICS:
        metric = METRICS[layout.metric]
        return Column(layout.key, layout.group, metric.heading, metric.digits, layout.kind)
    if layout.metric in COSTS:
        heading, digits, *_ = COSTS[layout.metric]
        return Column(layout.key, layout.group, heading, digits, layout.kind)
    heading, digits = {'crop': ('crop', 0), 'images_per_s': ('images/s', 1)}[layout.metric]
    return Column(layout.key, layout.group, heading, digits, layout.kind)
