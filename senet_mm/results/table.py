"""Plain beside SE, for runs that are in none of the paper's tables: the demo's, your own, networks beyond the paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from senet_mm.engine.record import canonical
from senet_mm.results.aggregate import Aggregate, Gain, aggregate, gain, signed
from senet_mm.results.paper import baseline_of
from senet_mm.results.runs import Evaluation, Run

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


@dataclass(frozen=True)
class Pair:
    """Runs of one setting without SE and with it, a run a seed; one of the two may be empty."""

    plain: tuple[Run, ...]
    se: tuple[Run, ...]

    @property
    def names(self) -> tuple[str, str]:
        """The configs; a dash where there is no run."""
        plain, se = (runs[0].name if runs else DASH for runs in (self.plain, self.se))
        return plain, se

    def metrics(self) -> list[str]:
        """Those of METRICS that a run has."""
        return [name for name in METRICS if any(name in run.metrics for run in (*self.plain, *self.se))]

    def values(self, metric: str) -> tuple[Aggregate | None, Aggregate | None, Gain | None]:
        """A metric without SE and with it, and what SE gains, in %."""
        factor = METRICS[metric][1]
        plain, se = (
            {run.seed: factor * run.metrics[metric] for run in runs if metric in run.metrics}
            for runs in (self.plain, self.se)
        )
        return aggregate(plain), aggregate(se), gain(plain, se, higher_is_better=True)


def pair_up(runs: Iterable[Run]) -> tuple[list[Pair], list[tuple[Run, str]]]:
    """Pairs of what was run alike but for SE, in the order of the plain names; and runs that repeat a seed.

    Runs whose files were edited are in no pair.
    """
    groups: dict[tuple[str, str], tuple[dict[int | None, Run], dict[int | None, Run]]] = {}
    repeated = []
    sound = (run for run in runs if not run.problems)
    for run in sorted(sound, key=lambda run: (run.details.get('started') or '', str(run.folder))):
        baseline = baseline_of(run.name)
        group = groups.setdefault((baseline or run.name, _setting(run)), ({}, {}))[baseline is not None]
        first = group.setdefault(run.seed, run)
        if first is not run:
            repeated.append((run, f'seed {run.seed} counts once, and {first.folder} was first'))
    pairs = [Pair(tuple(plain.values()), tuple(se.values())) for _, (plain, se) in sorted(groups.items())]
    return pairs, repeated


def _setting(run: Run) -> str:
    """What two runs must have in common beside the config to be compared."""
    test, record = run.newest or Evaluation(run.name, {}), run.details
    changes = {item.key: item.value for item in run.deviations if not item.key.startswith('model.backbone.se')}
    tested = {item.key: item.value for item in test.deviations if not item.key.startswith('model.backbone.se')}
    data = [(found or {}).get('sha256') for found in (test.data, (record.get('data') or {}).get('train'))]
    return canonical([changes, tested, data, test.crops, test.tta, run.status])


def pair_rows(pair: Pair) -> list[list[str]]:
    """The rows of a pair's table: name, plain, SE, difference; a dash stands for what was not run."""
    rows = [[METRICS[metric][0], *_cells(pair.values(metric), digits=1)] for metric in pair.metrics()]
    millions = [_millions(runs) for runs in (pair.plain, pair.se)]
    return [*rows, ['parameters (M)', *_cells((*millions, _difference(*millions)), digits=2)]]


def _cells(values: Sequence[Aggregate | None], digits: int) -> list[str]:
    plain, se, difference = values
    shown = [DASH if value is None else value.text(digits) for value in (plain, se)]
    return [*shown, DASH if difference is None else difference.text(digits, sign=True)]


def _millions(runs: Sequence[Run]) -> Aggregate | None:
    counted = [run.parameters / 1e6 for run in runs if run.parameters is not None]
    return Aggregate((counted[-1],)) if counted else None


def _difference(plain: Aggregate | None, se: Aggregate | None) -> Aggregate | None:
    return None if plain is None or se is None else Aggregate((se.mean - plain.mean,))


def verdict(pair: Pair) -> str:
    """One sentence: is SE better?"""
    if not pair.plain or not pair.se:
        return f'There is no {"SE" if pair.plain else "plain"} run to compare with.'
    common = [(name, pair.values(name)[2]) for name in pair.metrics()]
    metric, difference = next(((name, found) for name, found in common if found), ('', None))
    if difference is None:
        return 'The two runs have no metric in common.'
    better = 'SE is better here' if difference.mean > 0 else 'SE is not better here'
    spread = '' if difference.sd is None else f' ± {difference.sd:.1f}'
    return f'{better}: {METRICS[metric][0]} {signed(difference.mean, 1)}{spread} ({_evidence(pair, difference)}).'


def _evidence(pair: Pair, difference: Gain) -> str:
    if len(pair.plain) == len(pair.se) == 1:
        return 'one run each'
    if not difference.paired:
        return f'{len(pair.plain)} and {len(pair.se)} runs, no seed in common'
    seeds = f'{difference.n} {"seed" if difference.n == 1 else "seeds"}'
    return f'{seeds}, {difference.evidence}' if difference.evidence else seeds
