"""What the paper's tables lack, from the records in work_dirs/: runs that were never started, cut off or not tested."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from senet_mm.campaigns.work import Sound, State, Task, look
from senet_mm.data.errors import DataError
from senet_mm.results.comparison import Verdicts, judge, sound_of
from senet_mm.results.layouts import LAYOUTS, parse_tables, stems_of
from senet_mm.results.paper import published
from senet_mm.results.runs import Run, find_runs

USABLE = ('test', 'running', 'resume')  # what has been begun and can be finished, the furthest first
TOO_MANY = 'it was begun on {} GPUs, and a run may have {} here'


@dataclass
class Plan:
    """What the tables lack: tasks in the order of the tables, how far each is, and how many runs there are already."""

    tasks: dict[Task, State]
    have: int


def slots_of(number: int) -> list[tuple[str, str | None]]:
    """Config and crops of every test that a table wants of runs of ours, plain and SE, from its top."""
    slots: list[tuple[str, str | None]] = [(stem, None) for stem in stems_of(number)]
    for row in LAYOUTS[number].rows:
        slots += [(row.stems['own'], column.crops) for column in LAYOUTS[number].columns if column.crops and row.stems]
    return list(dict.fromkeys(slots))


def make_plan(args: Namespace, most: int | None) -> Plan:
    """What is lacking.

    Args:
        args: Of tools/run_table.py: tables, seeds (None: one run of each, whatever its seed), work_dirs, log.
        most: The most processes that a run may have; None: as many as the recipe wants.

    Raises:
        DataError: There is no such table, or a config of it is not there.
    """
    needs: dict[str, dict[str | None, None]] = {}
    for stem, crops in (slot for number in parse_tables(args.tables) for slot in slots_of(number)):
        needs.setdefault(stem, {})[crops] = None
    runs = find_runs([args.work_dirs])[0] if args.work_dirs.is_dir() else []
    verdicts, sound, found = judge(runs), sound_of(runs), Plan({}, 0)
    for stem, slots in needs.items():
        if not Path(published()[stem]['path']).is_file():
            raise DataError(f'there is no {published()[stem]["path"]} here; start in the root of the repository')
        own = [run for run in runs if run.name == stem]
        for seed in _seeds(args.seeds, stem, tuple(slots), verdicts, own, sound):
            task = Task(stem, seed, args.work_dirs / stem / f'seed_{seed}', tuple(slots), log=tuple(args.log))
            task = replace(task, processes=processes_of(stem, most), work_dirs=args.work_dirs)
            task = _where_it_is(task, own, sound)
            state = State('done') if _counts(stem, seed, task.crops, verdicts) else look(task, sound)
            if state.action == 'done':
                found.have += 1
            else:
                found.tasks[_as_begun(task, state)] = _possible(state, most)
    return found


def _seeds(
    wanted: Sequence[int] | None,
    stem: str,
    slots: Sequence[str | None],
    verdicts: Verdicts,
    own: Sequence[Run],
    sound: Sound,
) -> Sequence[int]:
    """The seeds of a config; where none is asked for, that of the run that is furthest."""
    if wanted is not None:
        return list(dict.fromkeys(wanted))
    known = sorted({run.seed for run in own if run.seed is not None})
    for seed in known:
        if _counts(stem, seed, slots, verdicts):
            return [seed]
    states = {
        run.seed: look(Task(stem, run.seed, run.folder, tuple(slots)), sound).action
        for run in own
        if run.seed is not None
    }
    usable = [seed for seed in known if states[seed] in USABLE]
    return [min(usable, key=lambda seed: USABLE.index(states[seed]))] if usable else [0]


def _counts(stem: str, seed: int, slots: Sequence[str | None], verdicts: Verdicts) -> bool:
    return all(seed in verdicts.counted.get((stem, crops), {}) for crops in slots)


def _where_it_is(task: Task, own: Sequence[Run], sound: Sound) -> Task:
    """The task in the folder where it was begun, which may be another than campaigns use."""
    begun = [replace(task, folder=run.folder) for run in own if run.seed == task.seed]
    usable = [other for other in begun if look(other, sound).action in USABLE]
    return task if task in begun or not usable else usable[0]


def processes_of(stem: str, most: int | None) -> int:
    """On how many GPUs a config runs: as many as its recipe is for, or a part of them that makes up the same batch."""
    recipe = published()[stem]['gpus']
    return max(count for count in range(1, min(recipe, most or recipe) + 1) if recipe % count == 0)


def _as_begun(task: Task, state: State) -> Task:
    return replace(task, processes=state.processes) if state.processes else task


def _possible(state: State, most: int | None) -> State:
    """A run goes on with the processes that it was begun with, or not at all."""
    if state.processes and most and state.processes > most:
        return State('blocked', state.crops, (TOO_MANY.format(state.processes, most),))
    return state
