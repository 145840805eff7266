"""Training curves from the logs of a run, thinned out to what a plot can show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from senet_mm.analysis.run_log import TRAINING, VALIDATION, Entry, join_logs
from senet_mm.results.layouts import METRICS, Metric

LOSS = 'loss'
# The toolboxes' names in a log → ours. mmpretrain's heads report errors in training only with cal_acc=True.
TRAINED = {'loss': LOSS, 'accuracy_top-1': 'top1_err', 'accuracy_top-5': 'top5_err'}
VALIDATED = {'loss/cross_entropy': LOSS} | {metric.source: name for name, metric in METRICS.items()}
TITLES = {LOSS: 'loss'} | {name: f'{metric.heading} (%)' for name, metric in METRICS.items()}
POINTS = 120  # of a curve, about as many as a plot has places for
SAMPLED = 2 * POINTS  # lines of training that are read of a log; mmengine writes 10,000 in a run on ImageNet
_PLAIN = Metric('', 4, '', 1, 0)

Points = tuple[list[float], list[float]]  # x, y


@dataclass(frozen=True)
class Curves:
    """The curves of one run.

    Attributes:
        unit: Of x: 'epoch' or 'iteration'.
        series: Name (a key of TITLES) and phase → x and y, errors and AP in %.
    """

    unit: str
    series: Mapping[tuple[str, str], Points]


def read_curves(logs: Iterable[Path]) -> Curves | None:
    """The curves in a run's logs; None if there are none.

    Args:
        logs: mmengine's scalars.json files, oldest first. Where a run was resumed, what it did again replaces what it
            had done; what is no number is passed over.
    """
    entries = join_logs(logs, at_most=SAMPLED)
    per_epoch = max(
        (entry.iteration / epoch for entry in entries if entry.training and (epoch := entry.values.get('epoch'))),
        default=None,
    )
    series: dict[tuple[str, str], Points] = {}
    for entry in entries:
        if entry.training:
            _add(series, TRAINING, TRAINED, entry.iteration / (per_epoch or 1), entry)
        else:  # in runs that count iterations, mmengine may log the epoch as its step
            step = entry.values['step']
            _add(series, VALIDATION, VALIDATED, step if per_epoch else max(step, entry.iteration), entry)
    thinned = {key: _thin(*points, mean=key[1] == TRAINING) for key, points in series.items()}
    return Curves('epoch' if per_epoch else 'iteration', thinned) if thinned else None


def _add(series: dict[tuple[str, str], Points], phase: str, names: Mapping[str, str], x: float, entry: Entry) -> None:
    for source, name in names.items():
        value = entry.number(source)
        if value is not None and not math.isnan(value):
            metric = METRICS.get(name, _PLAIN)
            xs, ys = series.setdefault((name, phase), ([], []))
            xs.append(x)
            ys.append(metric.offset + metric.factor * value)


def _thin(xs: list[float], ys: list[float], mean: bool) -> Points:
    """At most POINTS of the points: the means of groups for what is noisy, else every so manieth and the last."""
    size = -(-len(xs) // POINTS)
    groups = [slice(start, start + size) for start in range(0, len(xs), size)]
    if mean:
        points = [(sum(xs[group]) / len(xs[group]), sum(ys[group]) / len(ys[group])) for group in groups]
    else:
        points = [(xs[group][-1], ys[group][-1]) for group in groups]
    return [_short(x) for x, _ in points], [_short(y) for _, y in points]


def _short(value: float) -> float:
    """Four digits, which is more than a plot shows."""
    number = float(f'{value:.4g}')
    return int(number) if number.is_integer() else number
