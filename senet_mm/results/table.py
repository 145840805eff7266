"""The table of a pair of runs: plain, SE, difference."""

from __future__ import annotations

from tabulate import tabulate

from senet_mm.results.runs import Run

# Metric of the toolbox → name in the table, factor to per cent. All of these are better when higher.
METRICS = {
    'coco/bbox_mAP': ('AP (%)', 100.0),
    'coco/bbox_mAP_50': ('AP@0.5 (%)', 100.0),
    'coco/bbox_mAP_75': ('AP@0.75 (%)', 100.0),
    'accuracy/top1': ('top-1 accuracy (%)', 1.0),
    'accuracy/top5': ('top-5 accuracy (%)', 1.0),
}
DASH = '—'
FORMATS = {'text': 'simple', 'md': 'github'}


def _cell(value: float | None, pattern: str) -> str:
    return DASH if value is None else format(value, pattern)


def _row(name: str, values: list[float | None], digits: int) -> list[str]:
    plain, se = values
    difference = None if plain is None or se is None else se - plain
    return [name, _cell(plain, f'.{digits}f'), _cell(se, f'.{digits}f'), _cell(difference, f'+.{digits}f')]


def render_pair(plain: Run | None, se: Run | None, style: str = 'text') -> str:
    """The table of one pair, with a sentence below it that says whether SE is better.

    Args:
        plain: The run without SE; None prints dashes, as for se.
        se: The run with SE.
        style: 'text' or 'md'.
    """
    present = [run for run in (plain, se) if run is not None]
    rows = []
    for metric, (name, factor) in METRICS.items():
        if any(metric in run.metrics for run in present):
            values = [factor * run.metrics[metric] if run and metric in run.metrics else None for run in (plain, se)]
            rows.append(_row(name, values, digits=1))
    millions = [run.parameters / 1e6 if run else None for run in (plain, se)]
    rows.append(_row('parameters (M)', millions, digits=2))
    names = [run.name if run else DASH for run in (plain, se)]
    table = tabulate(
        rows, [f'{names[0]} / {names[1]}', 'plain', 'SE', 'difference'], FORMATS[style], disable_numparse=True
    )
    return f'{table}\n\n{_verdict(plain, se)}'


def _verdict(plain: Run | None, se: Run | None) -> str:
    if plain is None or se is None:
        return f'There is no {"plain" if plain is None else "SE"} run to compare with.'
    metric = next((metric for metric in METRICS if metric in plain.metrics and metric in se.metrics), None)
    if metric is None:
        return 'The two runs have no metric in common.'
    name, factor = METRICS[metric]
    difference = factor * (se.metrics[metric] - plain.metrics[metric])
    if difference > 0:
        return f'SE is better here: {name} {difference:+.1f} (one run each).'
    return f'SE is not better here: {name} {difference:+.1f} (one run each).'
