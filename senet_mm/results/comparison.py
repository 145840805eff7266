"""Which runs may stand in the paper's tables, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from senet_mm.engine.record import Deviation
from senet_mm.results.paper import ABLATIONS, MODELS, RELEASED, SE_ONLY, WEIGHTS, published, se_name
from senet_mm.results.runs import Evaluation, Run

Slot = tuple[str, str | None]  # config stem, and the crops of the test (None: the config's own)
Result = tuple[Run, Evaluation]
Reasons = tuple[str, ...]
LARGE_CROP = 'center-320'
UNTESTED = 'it was not tested yet'
UNKNOWN_DATA = 'what it was trained on is not recorded'
STEMS = {
    *(stem for plain in MODELS for stem in (plain, se_name(plain))),
    *SE_ONLY,
    *(stem for variants in ABLATIONS.values() for stem in variants.values()),
}
SLOTS: set[Slot] = {(stem, None) for stem in (*STEMS, *RELEASED)} | {('senet154_imagenet', LARGE_CROP)}
LISTED = 3  # deviations in a reason
# A converted checkpoint's network is its own, and wants its own kind of input.
OF_THE_WEIGHTS = ('model.', 'data_preprocessor.')
AUTHORS = 'caffe'  # the source of the released networks
STYLE = 'model.backbone.style'
WITH_OWN_WEIGHTS = ('model.backbone.init_cfg.checkpoint', STYLE)
NO_RUNS: Mapping[str | None, str] = MappingProxyType({})


@dataclass(frozen=True)
class Verdicts:
    """Every run in its place.

    Attributes:
        counted: What the tables show as ours: slot → seed → run and test.
        converted: Tests of converted weights; of the released configs, those of the authors' own weights.
        apart: The others, with the reasons.
    """

    counted: dict[Slot, dict[int | None, Result]]
    converted: dict[Slot, list[Result]]
    apart: list[tuple[Run, Reasons]]


def judge(runs: Iterable[Run]) -> Verdicts:
    """Decide for every run where it belongs; of several with the same seed the first counts."""
    runs = sorted(runs, key=lambda run: (run.began, str(run.folder)))
    sound = sound_of(runs)
    verdicts = Verdicts({}, {}, [])
    first: dict[tuple[str, int | None], Run] = {}
    for run in runs:
        foreign = tuple(test for test in run.evaluations if test.provenance)
        reasons = _place_converted(replace(run, evaluations=foreign), verdicts) if foreign else ()
        own = replace(run, evaluations=tuple(test for test in run.evaluations if not test.provenance))
        if own.evaluations or own.details.get('sessions') or not foreign:
            reasons = _place(own, sound, first, verdicts)
        if reasons:
            verdicts.apart.append((run, reasons))
    verdicts.apart.sort(key=lambda item: (item[0].name, str(item[0].folder)))
    return verdicts


def sound_of(runs: Iterable[Run]) -> dict[str | None, str]:
    """Last checkpoint → config of the runs whose weights a detector may start from."""
    return {run.last_checkpoint: run.name for run in runs if run.name not in WEIGHTS and not tuple(why_not(run, {}))}


def _place(
    run: Run, sound: Mapping[str | None, str], first: dict[tuple[str, int | None], Run], verdicts: Verdicts
) -> Reasons:
    if reasons := tuple(dict.fromkeys(why_not(run, sound))):  # the code may have been changed in both
        return reasons
    earlier = first.setdefault((run.name, run.seed), run)
    if earlier is not run:
        return (f'seed {run.seed} counts once, and {earlier.folder} was first',)
    for test in run.evaluations:
        if not why_not_test(run, test, sound):
            verdicts.counted.setdefault((run.name, test.crops), {})[run.seed] = (run, test)
    return ()


def _place_converted(run: Run, verdicts: Verdicts) -> Reasons:
    reasons: Reasons = ()
    for test in run.evaluations:
        reasons = tuple(_why_not_converted(run, test))
        if not reasons:
            verdicts.converted.setdefault((run.name, test.crops), []).append((run, test))
    return reasons


def why_not(run: Run, sound: Mapping[str | None, str]) -> Iterator[str]:
    """Why a run cannot stand in a table; nothing if it can.

    Args:
        run: With tests of its own weights.
        sound: Last checkpoint → config of the runs whose weights a detector may start from.
    """
    yield from run.problems
    trained = bool(run.details.get('sessions'))
    if trained:
        yield from _stopped(run)
        yield from [UNTESTED] * (run.status == 'finished' and not run.evaluations)
    if run.name not in STEMS:
        yield f'none of the paper’s tables has {run.name}'
        yield from _data(run.details.get('data'), 'trained') if trained else ()
        return
    if not trained:
        yield 'there is no record of its training (run.json)'
        return
    yield from _published(run.name, run.details.get('published_hash'), 'training')
    allowed = _with_own_weights(run, sound)
    yield from _deviations([item for item in run.deviations if item.key not in allowed], 'trained')
    yield from _data(run.details.get('data'), 'trained')
    yield from _dirty(run.details.get('dirty'))
    if run.evaluations and not any(_counts(run, test, sound) for test in run.evaluations):
        yield from why_not_test(run, run.evaluations[-1], sound) or ('its crops are those of no table',)


def _counts(run: Run, test: Evaluation, sound: Mapping[str | None, str]) -> bool:
    return (run.name, test.crops) in SLOTS and not why_not_test(run, test, sound)


def why_not_test(run: Run, test: Evaluation, sound: Mapping[str | None, str] = NO_RUNS) -> Reasons:
    """Why a test of a sound run cannot stand in a table; for `sound` see `why_not`."""
    reasons = []
    if not run.last_checkpoint or test.checkpoint_sha256 != run.last_checkpoint:
        reasons.append(f'{test.checkpoint} is not the checkpoint that its training ended with')
    config = (test.record or {}).get('published_hash')
    if config != run.details.get('published_hash'):  # or it is a reason of the training already
        reasons += _published(run.name, config, 'test')
    style, tested = (
        _with_own_weights(run, sound).get(STYLE),
        [item.value for item in test.deviations if item.key == STYLE],
    )
    if style is not None and tested != [style]:
        reasons.append(f'trained with {STYLE} {style}, and tested with another')
    counting = [item for item in test.deviations if item.key != STYLE or style is None]
    return (*reasons, *_why_not_tested_so(test, counting))


def _why_not_converted(run: Run, test: Evaluation) -> Iterator[str]:
    yield from run.problems
    if (run.name, test.crops) not in SLOTS:
        yield f'none of the paper’s tables has {run.name}' + (f' with --crops {test.crops}' if test.crops else '')
    source = (test.provenance or {}).get('source')
    if run.name in RELEASED and source != AUTHORS:
        yield f'the weights are from {source}, not the authors’ own'
    counting = [item for item in test.deviations if not item.key.startswith(OF_THE_WEIGHTS)]
    yield from _published(run.name, (test.record or {}).get('published_hash'), 'test')
    yield from _why_not_tested_so(test, counting)


def _why_not_tested_so(test: Evaluation, deviations: Sequence[Deviation]) -> Iterator[str]:
    yield from _deviations(deviations, 'tested')
    yield from _data({'test': test.data}, 'tested')
    yield from _dirty((test.record or {}).get('dirty'))


def _stopped(run: Run) -> Iterator[str]:
    hours = f'{(run.details.get("wall_time_s") or 0) / 3600:.1f} hours'
    if run.status == 'running':
        yield f'it is still running, since {hours}'
    elif run.status == 'cut off':
        yield f'it was cut off after {hours}: no end is recorded, and nothing runs any more'
    elif run.status == 'interrupted':
        yield f'it was stopped after {hours}'
    elif run.status == 'failed':
        yield f'it failed after {hours}: {run.details.get("error")}'


def _published(name: str, found: str | None, what: str) -> Iterator[str]:
    pinned = published().get(name)
    if pinned is None or found != pinned['hash']:
        yield f'{pinned["path"] if pinned else name} was not as published when it was used for the {what}'


def _with_own_weights(run: Run, sound: Mapping[str | None, str]) -> dict[str, Any]:
    """The deviations, as key → value, that come with a backbone trained here by the published recipe."""
    weights = (run.details.get('weights') or {}).get('sha256')
    if weights is None or sound.get(weights) != WEIGHTS.get(run.name, ''):
        return {}
    return {item.key: item.value for item in run.deviations if item.key in WITH_OWN_WEIGHTS}


def _deviations(found: Sequence[Deviation], what: str) -> Iterator[str]:
    if found:
        more = f' and {len(found) - LISTED} more' if len(found) > LISTED else ''
        yield f'{what} with ' + ', '.join(map(str, found[:LISTED])) + more


def _data(data: Mapping[str, Any] | None, what: str) -> Iterator[str]:
    if not data:
        yield UNKNOWN_DATA
    for split, found in (data or {}).items():
        if found is None:
            yield 'what it was tested on is not recorded'
        elif not found.get('official'):
            expected = found.get('expected')
            wanted = f'the published set has {expected:,}' if expected else 'that is none of the paper’s sets'
            name = f'{found.get("name")} ({found.get("split") or split})'
            yield f'{what} on {found.get("images") or 0:,} images of {name}; {wanted}'


def _dirty(files: Sequence[str] | None) -> Iterator[str]:
    if files:
        more = f' and {len(files) - 1} more' if len(files) > 1 else ''
        yield f'the code had changes that were not committed: {files[0]}{more}'
