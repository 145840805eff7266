"""The commands that would fill what a table lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import join, quote
from typing import Any

from senet_mm.results.comparison import STYLE, UNKNOWN_DATA, UNTESTED, WITH_OWN_WEIGHTS, Verdicts
from senet_mm.results.paper import published
from senet_mm.results.runs import Run

GPUS = 8  # of a machine
BATCH_SIZE = 'train_dataloader.batch_size'
RESUMABLE = ('cut off', 'interrupted', 'failed')


class Commands:
    """What is to be typed, given what was run already."""

    def __init__(self, runs: Iterable[Run], verdicts: Verdicts) -> None:
        self.runs: dict[str, list[Run]] = {}
        for run in runs:
            self.runs.setdefault(run.name, []).append(run)
        self.reasons = {(run.name, run.folder): reasons for run, reasons in verdicts.apart}
        self.sound = {stem: run for (stem, _), seeds in verdicts.counted.items() for run, _ in seeds.values()}

    def fill(self, stem: str, crops: str | None = None) -> str | None:
        """The command line that ends in a number for a config; None if the config is not shipped."""
        entry = published().get(stem)
        if entry is None:
            return None
        if not entry['gpus']:  # somebody else's weights
            return ' && '.join(entry['commands'])
        run, resume = self._usable(stem)
        default = Path('work_dirs', stem)
        if run is None and any(other.folder == default for other in self.runs.get(stem, ())):
            default = Path('work_dirs', f'{stem}_as_published')
        folder = run.folder if run else default
        where = '' if folder == Path('work_dirs', stem) else f' --work-dir {quote(str(folder))}'
        checkpoint = f' "$(cat {quote(str(folder / "last_checkpoint"))})"'
        tests = [
            _launch(entry, 'test', checkpoint, where + (f' --crops {crop}' if crop else '') + _style(run))
            for crop in (None, crops)
        ]
        if run is not None and not resume:
            return tests[-1]
        train = _go_on(entry, run, where) if run else _launch(entry, 'train', '', where)
        return ' && '.join(dict.fromkeys((train, *tests)))

    def _usable(self, stem: str) -> tuple[Run | None, bool]:
        """A run that only lacks a test, or that can be resumed, and which of the two."""
        if stem in self.sound:  # tested, but with other crops
            return self.sound[stem], False
        why = [(run, self.reasons.get((stem, run.folder), ())) for run in self.runs.get(stem, ())]
        for run, reasons in why:
            if reasons == (UNTESTED,):
                return run, False
        for run, reasons in why:
            if run.status in RESUMABLE and set(reasons[1:]) <= {UNKNOWN_DATA}:
                return run, True  # that it stopped is the first of its reasons
        return None, False


def begun_with(run: Run) -> dict[str, Any]:
    """The settings of a run of a recipe that are not the recipe's: own weights, and the images of a GPU."""
    settings = {item.key: item.value for item in run.deviations if item.key in WITH_OWN_WEIGHTS}
    recipe, each = published()[run.name], run.settings.get(BATCH_SIZE)
    return settings | ({BATCH_SIZE: each} if each and each * recipe['gpus'] != recipe['batch'] else {})


def training_options(
    stem: str, processes: int, settings: Mapping[str, Any], resume: bool
) -> tuple[list[str], list[str]]:
    """The flags of a training of a recipe, and what it sets."""
    flags = ['--resume'] if resume else []
    if processes != published()[stem]['gpus'] or BATCH_SIZE in settings:
        flags.append('--accumulate')  # the recipe's batch, all the same
    changed = [f'{key}={value}' for key, value in settings.items()]
    return flags, ['--cfg-options', *changed] if changed else []


def _style(run: Run | None) -> str:
    """What a test must be told, too."""
    style = begun_with(run).get(STYLE) if run else None
    return '' if style is None else f' --cfg-options {STYLE}={style}'


def _go_on(entry: dict[str, Any], run: Run, options: str) -> str:
    """As the run was begun: with its seed, which no checkpoint may have kept, its weights, and its number of GPUs."""
    processes, settings = (run.details.get('hardware') or {}).get('processes') or entry['gpus'], begun_with(run)
    if run.seed is not None:
        settings['randomness.seed'] = run.seed
    flags, changed = training_options(run.name, processes, settings, resume=True)
    return _launch(entry | dict(gpus=processes), 'train', '', f'{options} {join([*flags, *changed])}')


def _launch(entry: dict[str, Any], verb: str, checkpoint: str, options: str) -> str:
    gpus, config = entry['gpus'], entry['path']
    if gpus == 1:
        return f'tools/{verb}.py {config}{checkpoint}{options}'
    machines = -(-gpus // GPUS) if verb == 'train' else 1
    several = f'NNODES={machines} NODE_RANK=<0…{machines - 1}> MASTER_ADDR=<the first> ' if machines > 1 else ''
    return f'{several}tools/dist_{verb}.sh {config}{checkpoint} {min(gpus, GPUS)}{options}'
