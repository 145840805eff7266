"""Plain beside SE, for runs that are in none of the paper's tables: the demo's, your own, networks beyond the paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from senet_mm.engine.harmless import HARMLESS, WITHOUT_PLATEAU
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
# Where SE is set; a backbone's type may also have it in its name.
SE_OPTION = re.compile(r'model\.backbone\.se([._].*)?')
SE_TYPE, TYPE = re.compile(r'(?<![^.])SE(?=[A-Z])'), 'model.backbone.type'
SE_DEFAULT = {'model.backbone.se.ratio': 16}
# Weights to start from: plain and SE have their own in their configs.
WEIGHTS = re.compile(r'model\.(.*\.)?(init_cfg\.(.*\.)?checkpoint|pretrained)|load_from')
# What has no say in a result, of settings as they are recorded; the batch of an update counts, which the record has.
NO_SAY = re.compile(
    f'{HARMLESS}|{WITHOUT_PLATEAU}'
    r'|(custom_imports|randomness|val_dataloader|val_cfg|val_evaluator)(\..*)?'
    r'|optim_wrapper\.accumulative_counts|train_cfg\.dynamic_intervals(\..*)?'
)
DASH = '—'
FORMATS = {'text': 'simple', 'md': 'github'}


@dataclass(frozen=True)
class Pair:
    """Runs of one setting without SE and with one choice of its options, a run a seed; one of the two may be empty."""

    plain: tuple[Run, ...]
    se: tuple[Run, ...]

    @property
    def names(self) -> tuple[str, str]:
        """The configs; a dash where there is no run."""
        plain, se = (runs[0].name if runs else DASH for runs in (self.plain, self.se))
        return plain, se

    @property
    def titles(self) -> tuple[str, str]:
        """The names, with the options of SE that they do not tell."""
        plain, se = (title_of(runs[0]) if runs else DASH for runs in (self.plain, self.se))
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


Variant = tuple[str, str]  # config stem and options of SE; of all plain runs the same
PLAIN: Variant = ('', '')


def pair_up(runs: Iterable[Run]) -> tuple[list[Pair], list[tuple[Run, str]]]:
    """Pairs of what was run alike but for SE, in the order of the plain names; and runs that repeat a seed.

    Each choice of SE's options is a pair of its own, with the same plain runs. Runs whose files were edited are in no
    pair.
    """
    sound = sorted((run for run in runs if not run.problems), key=lambda run: (run.began, str(run.folder)))
    own = {_base(run) for run in sound if _is_own(run)}
    groups: dict[tuple[str, str], dict[Variant, dict[int | None, Run]]] = {}
    repeated = []
    for run in sound:
        group = groups.setdefault((_base(run), _setting(run, _base(run) in own)), {})
        first = group.setdefault(_variant(run), {}).setdefault(run.seed, run)
        if first is not run:
            repeated.append((run, f'seed {run.seed} counts once, and {first.folder} was first'))
    return [pair for _, group in sorted(groups.items()) for pair in _pairs(group)], repeated


def _pairs(group: Mapping[Variant, Mapping[int | None, Run]]) -> list[Pair]:
    plain = tuple(group.get(PLAIN, {}).values())
    variants = [tuple(seeds.values()) for variant, seeds in sorted(group.items()) if variant != PLAIN]
    return [Pair(plain, se) for se in variants or [()]]


def _base(run: Run) -> str:
    """The config without SE that a run is, or is compared with."""
    return baseline_of(run.name) or run.name


def _variant(run: Run) -> Variant:
    return (run.name, canonical(_options(run))) if _has_se(run) else PLAIN


def _has_se(run: Run) -> bool:
    """Whether there is SE in a run's network: by the name of its config, unless it was put in or taken out."""
    changed = [value for options in _options(run) for value in options.values()]
    if changed:
        return any(value is not None for value in changed) or bool(_of_se(run.settings))
    return baseline_of(run.name) is not None


def title_of(run: Run) -> str:
    """Its config, with the options of SE that the name does not tell: 'resnet50_demo (se.ratio=8)'."""
    trained, tested = _options(run)
    options = [f'{key.removeprefix("model.backbone.")}={value}' for key, value in (trained or tested).items()]
    return f'{run.name} ({", ".join(options)})' if options else run.name


def _options(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of SE that a config's name does not tell, in training and in the last test: dotted key → value."""
    trained = {item.key: item.value for item in run.deviations}
    if _is_own(run):
        named = baseline_of(run.name) is not None
        told = {**SE_DEFAULT, TYPE: run.settings.get(TYPE)} if named else {}
        trained = {key: value for key, value in run.settings.items() if told.get(key) != value} | trained
    return _of_se(trained), _of_se(_tested(run))


def _of_se(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if _sets_se(key, value)}


def _sets_se(key: str, value: Any) -> bool:
    return bool(SE_OPTION.fullmatch(key) or (key == TYPE and SE_TYPE.search(str(value))))


def _setting(run: Run, own: bool) -> str:
    """What two runs must have in common beside the config to be compared.

    Args:
        run: Of which it is.
        own: Whether the settings themselves are compared, since a config is not a published one.
    """
    test, record = run.newest or Evaluation(run.name, {}), run.details
    changes = _beside_se({item.key: item.value for item in run.deviations})
    data = [(found or {}).get('sha256') for found in (test.data, (record.get('data') or {}).get('train'))]
    settings = _settings(run) if own else {}
    return canonical([changes, _beside_se(_tested(run)), data, test.crops, test.tta, run.status, settings])


def _beside_se(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if not _sets_se(key, value)}


def _is_own(run: Run) -> bool:
    """Whether a run's config was not published: then there are no deviations, but all settings."""
    return bool(run.settings) and run.details.get('published_hash') is None


def _settings(run: Run) -> dict[str, Any]:
    """All settings that have a say in what a run gives, but for SE; of weights to start from, that there are some."""
    found = {key: value for key, value in run.settings.items() if not NO_SAY.fullmatch(key)}
    if len(run.details.get('sessions') or ()) > 1:
        found.pop('load_from', None)  # from where it went on
    shared: dict[str, Any] = {key: bool(found[key]) for key in found if WEIGHTS.fullmatch(key)}
    if TYPE in found:
        shared[TYPE] = SE_TYPE.sub('', str(found[TYPE]))
    return _beside_se(found) | shared | {'batch': run.details.get('batch')}


def _tested(run: Run) -> dict[str, Any]:
    """What the last test had otherwise than published or, if nothing is, than the training: dotted key → value."""
    if run.newest is None:
        return {}
    record = run.newest.record or {}
    typed = record.get('overrides') if record.get('published_hash') is None else None
    counting = {key: value for key, value in typed.items() if _counts(key)} if isinstance(typed, Mapping) else {}
    changes = {key: value for key, value in counting.items() if run.settings.get(key) != value}
    return changes | {item.key: item.value for item in run.newest.deviations}


def _counts(override: str) -> bool:
    return not NO_SAY.fullmatch(override) and not WEIGHTS.fullmatch(override)


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
