"""What the page's script draws from a board: runs, pairs, and the points of accuracy against cost."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from senet_mm.engine.record import canonical
from senet_mm.results.board import Board
from senet_mm.results.comparison import Reasons, why_not_test
from senet_mm.results.curves import TITLES, Curves, read_curves
from senet_mm.results.layouts import LAYOUTS, METRICS
from senet_mm.results.paper import ABLATIONS, SE_ONLY, baseline_of, counts
from senet_mm.results.runs import Run
from senet_mm.results.table import METRICS as PAIR_METRICS
from senet_mm.results.table import Pair, pair_rows, verdict

# Of run.json, what the details of a run show, in this order; its settings are shown as differences.
SHOWN = (
    *('config_path', 'overrides', 'batch', 'data', 'weights', 'started', 'ended', 'wall_time_s', 'error', 'throughput'),
    *('commit', 'dirty', 'versions', 'hardware', 'checkpoints', 'evaluations', 'sessions', 'settings_hash', 'seal'),
)
# Costs of the scatter plot: name → heading.
COSTS = {
    'parameters': 'parameters (M)',
    'macs': 'multiply-adds (G)',
    'latency': 'latency in the test (ms an image)',
    'speed': 'images/s in training',
}
DATASETS = {
    'imagenet': 'ImageNet',
    'cifar10': 'CIFAR-10',
    'cifar100': 'CIFAR-100',
    'places365': 'Places365',
    'coco': 'COCO',
}
LARGER_CROPS = 9  # the table whose numbers no other can be compared with

Key = tuple[str, str]  # config stem, folder: what is a run's own


@dataclass
class Pool:
    """Values that many runs share, each once; a run has their numbers."""

    values: list[Any] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, value: Any) -> int:
        """The number of a value."""
        text = canonical(value)
        number = self._numbers.setdefault(text, len(self.values))
        if number == len(self.values):
            self.values.append(json.loads(text, parse_constant=str))  # no browser reads NaN and Infinity
        return number


@dataclass(frozen=True)
class RunLine:
    """A run in the list of runs.

    Attributes:
        number: In the data.
        run: The run.
        folder: Where it is, from where it was looked for.
        tables: The paper's tables that it is in.
        reasons: Why it is in none.
        result: Its best-known metric as text; empty if untested.
        value: The same as a number.
    """

    number: int
    run: Run
    folder: str
    tables: tuple[int, ...]
    reasons: Reasons
    result: str
    value: float | None


@dataclass(frozen=True)
class PairLine:
    """A pair in the list of pairs.

    Attributes:
        number: In the data.
        pair: The runs.
        rows: Of its table: name, plain, SE, difference.
        verdict: In a sentence.
        tables: The paper's tables that it is in.
        values: Of its first metric: plain, SE, gain.
    """

    number: int
    pair: Pair
    rows: list[list[str]]
    verdict: str
    tables: tuple[int, ...]
    values: list[float | None]

    @property
    def name(self) -> str:
        """The SE run's title, as several may have the same baseline; the plain one's where there is no SE run."""
        return self.pair.titles[1 if self.pair.se else 0]


def key_of(run: Run) -> Key:
    """What is a run's own."""
    return run.name, str(run.folder)


def run_lines(board: Board) -> list[RunLine]:
    """All runs, in the board's order."""
    tables: dict[Key, set[int]] = {}
    for table in board.tables:
        for run in (run for row in table.rows for cell in row.cells for run in cell.runs):
            tables.setdefault(key_of(run), set()).add(table.number)
    reasons = {key_of(run): why for run, why in board.apart}
    return [
        RunLine(
            number,
            run,
            below(run.folder, board.folders),
            tuple(sorted(tables.get(key_of(run), ()))),
            reasons.get(key_of(run), ()),
            *_result(run),
        )
        for number, run in enumerate(board.runs)
    ]


def below(folder: Path, roots: Iterable[Path]) -> str:
    """A path from where it was looked for."""
    inside = [folder.relative_to(root) for root in roots if folder.is_relative_to(root)]
    return str(next((path for path in inside if path.parts), folder))


def _result(run: Run) -> tuple[str, float | None]:
    for name, (title, factor) in PAIR_METRICS.items():
        if name in run.metrics:
            value = factor * run.metrics[name]
            return f'{title.removesuffix(" (%)")} {value:.2f}', value
    return '', None


def pair_lines(board: Board) -> list[PairLine]:
    """All pairs: those in the paper's tables, then the others."""
    pairs = []
    for stem, seeds in board.comparable.items():
        baseline = baseline_of(stem)
        if baseline in board.comparable:
            sides = (board.comparable[baseline], seeds)
            pairs.append(Pair(*(tuple(map(_as_counted, runs.values())) for runs in sides)))
    tables = {key_of(line.run): line.tables for line in run_lines(board)}
    return [
        PairLine(
            number,
            pair,
            pair_rows(pair),
            verdict(pair),
            tables[key_of(pair.se[0])] if number < len(pairs) else (),
            _main_values(pair),
        )
        for number, pair in enumerate([*pairs, *board.pairs])
    ]


def _as_counted(run: Run) -> Run:
    """A run with those tests only that a table may show; others may have come later."""
    tests = tuple(test for test in run.evaluations if test.crops is None and not why_not_test(run, test))
    return replace(run, evaluations=tests)


def _main_values(pair: Pair) -> list[float | None]:
    """Of the first metric: plain, SE, gain."""
    metric = next(iter(pair.metrics()), None)
    values = pair.values(metric) if metric else (None, None, None)
    return [None if value is None else value.mean for value in values]


def page_data(runs: Iterable[RunLine], pairs: Iterable[PairLine], board: Board) -> dict[str, Any]:
    """All that the script needs, for JSON."""
    runs, pool = list(runs), Pool()
    numbers = {key_of(line.run): line.number for line in runs}
    shown = [
        dict(
            plain=[numbers[key_of(run)] for run in line.pair.plain],
            se=[numbers[key_of(run)] for run in line.pair.se],
            name=line.name,
            rows=line.rows,
            verdict=line.verdict,
            tables=line.tables,
        )
        for line in pairs
    ]
    return dict(
        runs=[_run(line, pool) for line in runs],
        pairs=shown,
        points=list(_points(board)),
        titles=TITLES,
        costs=COSTS,
        pool=pool.values,
    )


def _run(line: RunLine, pool: Pool) -> dict[str, Any]:
    run = line.run
    return dict(
        name=run.name,
        folder=str(run.folder),
        seed=run.seed,
        status=run.status,
        tables=line.tables,
        reasons=line.reasons,
        problems=run.problems,
        metrics=run.metrics,
        parameters=run.parameters,
        deviations=[str(item) for item in run.deviations],
        settings=[pool.add([key, value]) for key, value in run.settings.items()],
        record={key: pool.add(run.details[key]) for key in SHOWN if run.details.get(key) not in (None, [], {})},
        curves=_curves(read_curves(run.logs)),
    )


def _curves(curves: Curves | None) -> dict[str, Any] | None:
    if curves is None:
        return None
    series = [dict(name=name, phase=phase, x=x, y=y) for (name, phase), (x, y) in curves.series.items()]
    return dict(unit=curves.unit, series=series)


def _points(board: Board) -> Iterator[dict[str, Any]]:
    """Accuracy against cost: the paper's networks, ours in its tables, and those of the other pairs."""
    seen = set()
    for point in (*_of_tables(board), *_of_pairs(board)):
        identity = (point['group'], point['metric'], point['source'], point['stem'], point['apart'])
        if identity not in seen:  # one network may be in several tables
            seen.add(identity)
            yield point


def _of_tables(board: Board) -> Iterator[dict[str, Any]]:
    for table in board.tables:
        if table.number == LARGER_CROPS:
            continue
        group = DATASETS[table.dataset] + (', ablations' if table.number in ABLATIONS else '')
        layouts = {layout.key: layout for layout in LAYOUTS[table.number].columns}
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                layout = layouts[column.key]
                stem = row.stems.get(layout.role)
                if column.kind or layout.metric not in METRICS or layout.crops or layout.role == 'released' or not stem:
                    continue
                point = dict(group=group, metric=layout.metric, apart='')
                if cell.paper is not None:
                    yield point | _place(stem, 'paper', cell.paper, _counted(stem))
                if cell.ours is not None:
                    yield point | _place(stem, 'ours', cell.ours.mean, _counted(stem) | _timed(cell.runs))


def _of_pairs(board: Board) -> Iterator[dict[str, Any]]:
    first: dict[Any, int] = {}  # pairs with the same plain runs go together
    for number, pair in enumerate(board.pairs):
        apart = str(first.setdefault(tuple(map(key_of, pair.plain)) or number, number))
        for title, runs in zip(pair.titles, (pair.plain, pair.se), strict=True):
            kind = {'kind': 'SE'} if runs is pair.se else {}
            yield from (point | kind for point in _of_runs(runs, title, apart))


def _of_runs(runs: Sequence[Run], title: str, apart: str) -> Iterator[dict[str, Any]]:
    """The points of one side of a pair, one a metric."""
    for name, metric in METRICS.items():
        measured = [run.metrics[metric.source] for run in runs if metric.source in run.metrics]
        if measured:
            value, stem = metric.offset + metric.factor * statistics.fmean(measured), runs[0].name
            counted = _counted(stem) if title == stem else {}  # other options of SE are another network
            cost = counted or {'parameters': _millions(runs[-1].parameters)}
            point = dict(group=f'{_suffix(stem)}, in no table', metric=name, apart=apart)
            yield point | _place(stem, 'ours', value, cost | _timed(runs)) | dict(stem=title)


def _suffix(stem: str) -> str:
    """The data set in a stem's name."""
    suffix = stem.rsplit('_', 1)[-1]
    return DATASETS.get(suffix, suffix)


def _counted(stem: str) -> dict[str, float | None]:
    """Parameters in millions and multiply-adds in billions; empty if the network was not counted."""
    found = counts().get(stem)
    return dict(parameters=_millions(found['parameters']), macs=round(found['macs'] / 1e9, 4)) if found else {}


def _millions(count: int | None) -> float | None:
    return None if count is None else round(count / 1e6, 3)


def _timed(runs: Iterable[Run]) -> dict[str, Any]:
    """What the runs measured, and on what: times of different hardware say nothing about the networks."""
    runs = list(runs)
    speeds = [run.details['throughput']['images_per_s'] for run in runs if run.details.get('throughput')]
    latencies = [run.latency for run in runs if run.latency is not None]
    found = dict(speed=_mean(speeds), latency=_mean(latencies))
    return found | dict(on=', '.join(sorted(set(map(_device, runs))))) if speeds or latencies else found


def _mean(values: Sequence[float]) -> float | None:
    return float(f'{statistics.fmean(values):.4g}') if values else None


def _device(run: Run) -> str:
    hardware = ((run.newest.record if run.newest else None) or {}).get('hardware') or run.details.get('hardware') or {}
    gpus = hardware.get('gpus') or []
    return str(gpus[0] if gpus else hardware.get('cpu', 'unknown hardware'))


def _place(stem: str, source: str, value: float, cost: Mapping[str, Any]) -> dict[str, Any]:
    baseline = baseline_of(stem)
    return dict(
        stem=stem,
        kind='SE' if baseline or stem in SE_ONLY else 'plain',
        pair=baseline or stem,
        source=source,
        value=round(value, 4),
        **cost,
    )


def as_json(data: Any) -> str:
    """JSON that ends no script element, whatever is in it."""
    text = json.dumps(data, separators=(',', ':'), ensure_ascii=False, allow_nan=False)
    return text.replace('<', '\\u003c').replace('\u2028', '\\u2028').replace('\u2029', '\\u2029')
