"""Training curves from the logs of a run, thinned out to what a plot can show."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.results.layouts import METRICS, Metric

LOSS = 'loss'
TRAINING, VALIDATION = 'training', 'validation'
# The toolboxes' names in a log → ours. mmpretrain's heads report errors in training only with cal_acc=True.
TRAINED = {'loss': LOSS, 'accuracy_top-1': 'top1_err', 'accuracy_top-5': 'top5_err'}
VALIDATED = {'loss/cross_entropy': LOSS} | {metric.source: name for name, metric in METRICS.items()}
TITLES = {LOSS: 'loss'} | {name: f'{metric.heading} (%)' for name, metric in METRICS.items()}
POINTS = 120  # of a curve, about as many as a plot has places for
SAMPLED = 2 * POINTS  # lines of training that are read of a log; mmengine writes 10,000 in a run on ImageNet
LARGEST = 1e100  # of a number that is drawn
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
            had done; lines that are no numbers are passed over.
    """
    lines: list[dict[str, Any]] = []
    for log in logs:
        session = list(_parse(log))
        first = next((line['iter'] for line in session if _is_training(line)), math.inf)
        again = (index for index, line in enumerate(lines) if _is_training(line) and line['iter'] >= first)
        lines = lines[: next(again, None)] + session
    training = [line for line in lines if _is_training(line)]
    per_epoch = max(
        (line['iter'] / line['epoch'] for line in training if _is_number(line.get('epoch')) and line['epoch'] > 0),
        default=None,
    )
    series: dict[tuple[str, str], Points] = {}
    passed = 0.0  # iterations
    for line in lines:
        if _is_training(line):
            passed = line['iter']
            _add(series, TRAINING, TRAINED, passed / (per_epoch or 1), line)
        else:
            _add(series, VALIDATION, VALIDATED, line['step'] if per_epoch else max(line['step'], passed), line)
    thinned = {key: _thin(*points, mean=key[1] == TRAINING) for key, points in series.items()}
    return Curves('epoch' if per_epoch else 'iteration', thinned) if thinned else None


def _parse(log: Path) -> Iterator[dict[str, Any]]:
    """All validations, and as many lines of training as are wanted, evenly."""
    try:
        texts = log.read_bytes().splitlines()
    except OSError:
        return
    training = [index for index, text in enumerate(texts) if b'"iter"' in text]
    every = max(1, -(-len(training) // SAMPLED))
    passed_over = set(training) - set(training[::every])
    for index, text in enumerate(texts):
        if index in passed_over:
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):  # the last one of a killed run, mostly
            continue
        if isinstance(line, dict) and _is_number(line.get('step')):
            yield line


def _is_training(line: Mapping[str, Any]) -> bool:
    return _is_number(line.get('iter'))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST  # NaN is not


def _add(
    series: dict[tuple[str, str], Points], phase: str, names: Mapping[str, str], x: float, line: Mapping[str, Any]
) -> None:
    for source, name in names.items():
        if _is_number(line.get(source)):
            metric = METRICS.get(name, _PLAIN)
            xs, ys = series.setdefault((name, phase), ([], []))
            xs.append(x)
            ys.append(metric.offset + metric.factor * line[source])


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
