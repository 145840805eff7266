"""One run of a campaign, from nothing to its place in a table: train, go on with what was cut off, test.

What is left to do is read from the run's own record each time; nothing else is remembered. `python -m
senet_mm.campaigns.work` does it for tools/run_table.py, in a process that outlives it.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from senet_mm.campaigns.faults import TAIL, classify
from senet_mm.campaigns.locks import Lock
from senet_mm.results.commands import RESUMABLE, begun_with, training_options
from senet_mm.results.comparison import (
    STYLE,
    UNKNOWN_DATA,
    UNTESTED,
    sound_of,
    why_not,
    why_not_test,
)
from senet_mm.results.paper import WEIGHTS, published
from senet_mm.results.runs import Run, find_runs

LOCKS = '.locks'  # in work_dirs/
LOG = 'campaign.log'  # in a run's folder
Action = Literal['train', 'resume', 'test', 'running', 'done', 'blocked']
End = Literal['done', 'running', 'fault', 'failed', 'blocked']
Sound = Mapping[str | None, str]  # see results/comparison.py


@dataclass(frozen=True)
class Task:
    """A run that a table lacks, or a test of one.

    Attributes:
        stem: Of its config.
        seed: Of its random numbers.
        folder: Its work dir.
        crops: The tests that it needs: of `--crops`, None for the config's own.
        processes: On how many GPUs, or, without any, in how many processes.
        log: Trackers besides the work dir, as in `tools/train.py --log`.
        work_dirs: Where all runs are, one of which may have trained its backbone.
    """

    stem: str
    seed: int
    folder: Path
    crops: tuple[str | None, ...] = (None,)
    processes: int = 1
    log: tuple[str, ...] = ()
    work_dirs: Path | None = None

    def __str__(self) -> str:
        return f'{self.stem}, seed {self.seed}'

    def lock(self, work_dirs: Path) -> Lock:
        """What keeps others from the same run."""
        return Lock(work_dirs / LOCKS / f'{self.stem}.seed_{self.seed}.lock')

    def train_command(self, state: State) -> list[str]:
        """How to train it, or to go on."""
        settings = {**state.settings, 'randomness.seed': self.seed}
        flags, changed = training_options(self.stem, self.processes, settings, state.action == 'resume')
        return [*self._launch('train'), *flags, *(['--log', *self.log] if self.log else []), *changed]

    def test_command(self, state: State, crops: str | None, checkpoint: str) -> list[str]:
        """How to test it."""
        style = ['--cfg-options', f'{STYLE}={state.settings[STYLE]}'] if STYLE in state.settings else []
        return [*self._launch('test', checkpoint), *(['--crops', crops] if crops else []), *style]

    def _launch(self, verb: str, *files: str) -> list[str]:
        config, where = published()[self.stem]['path'], ['--work-dir', str(self.folder)]
        if self.processes == 1:
            return [f'tools/{verb}.py', config, *files, *where]
        return [f'tools/dist_{verb}.sh', config, *files, str(self.processes), *where]

    def commands(self, state: State) -> list[str]:
        """All that is left to do, for a shell."""
        train = [shlex.join(self.train_command(state))] if state.trains else []
        checkpoint = f'"$(cat {shlex.quote(str(self.folder / "last_checkpoint"))})"'
        tests = [shlex.join(self.test_command(state, crops, '@')) for crops in state.crops]
        return [*train, *(test.replace(' @ ', f' {checkpoint} ') for test in tests)]


@dataclass(frozen=True)
class State:
    """How far a run is.

    Attributes:
        action: What is to be done next.
        crops: The tests that are missing.
        reasons: Why nothing can be done.
        processes: On how many it was begun: of a run that is to be resumed, since its iterations are counted in theirs.
        settings: With what else it was begun, and goes on: key → value of what may differ from the recipe.
    """

    action: Action
    crops: tuple[str | None, ...] = ()
    reasons: tuple[str, ...] = ()
    processes: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether it is to be trained, or on."""
        return self.action in ('train', 'resume')


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: 'fault' is the machine's, 'running' that somebody else is at it."""

    end: End
    reason: str = ''


def look(task: Task, sound: Sound | None = None, again: bool = False) -> State:
    """How far a run is, from what is in its folder.

    Args:
        task: The run.
        sound: Of all runs in its `work_dirs`; looked up there where it is needed and not given.
        again: Whether what it calls running is dead: this very job, until SLURM stopped it.
    """
    runs, broken = find_runs([task.folder]) if task.folder.is_dir() else ([], [])
    run = next((run for run in runs if run.name == task.stem and run.folder == task.folder), None)
    if run is None or not run.details.get('sessions'):
        found = [*(f'{task.folder} holds a run of {other.name}' for other in runs), *(item.reason for item in broken)]
        return State('blocked', reasons=tuple(found)) if found else State('train', task.crops)
    if run.seed != task.seed:
        return State('blocked', reasons=(f'{task.folder} holds a run of seed {run.seed}',))
    sound = _sound_for(run, task) if sound is None else sound
    tested = _counted(run, sound)
    lacking = tuple(crops for crops in task.crops if crops not in tested)
    if not lacking:
        return State('done')
    return _next(run, lacking, sound, again)


def _sound_for(run: Run, task: Task) -> Sound:
    """The runs whose weights a run may have started from; they are read only if it says that it did."""
    if task.work_dirs is None or run.name not in WEIGHTS or not run.details.get('weights'):
        return {}
    return sound_of(find_runs([task.work_dirs])[0])


def _counted(run: Run, sound: Sound) -> set[str | None]:
    """The crops of a run's tests that may stand in a table."""
    own = replace(run, evaluations=tuple(test for test in run.evaluations if not test.provenance))
    if any(why_not(own, sound)):
        return set()
    return {test.crops for test in own.evaluations if not why_not_test(own, test, sound)}


def _next(run: Run, lacking: tuple[str | None, ...], sound: Sound, again: bool) -> State:
    """What a run that lacks tests needs first."""
    trained = tuple(why_not(replace(run, evaluations=()), sound))
    if trained == (UNTESTED,):
        return State('test', lacking, settings=begun_with(run))
    if run.status == 'running' and not again:
        return State('running', lacking)
    if run.status in (*RESUMABLE, 'running') and set(trained[1:]) <= {UNTESTED, UNKNOWN_DATA}:
        processes = (run.details.get('hardware') or {}).get('processes')
        return State('resume', lacking, processes=processes, settings=begun_with(run))
    return State('blocked', lacking, tuple(reason for reason in trained if reason != UNTESTED))


def execute(task: Task, descriptors: Sequence[int] = (), again: bool = False) -> Outcome:
    """Do all that is left to do, one command after the other; what they print goes to campaign.log in the run's folder.

    Args:
        task: The caller has its lock.
        descriptors: Of locks that the commands are to keep until they end.
        again: As for `look`.
    """
    state = look(task, again=again)
    if state.processes not in (None, task.processes):
        return Outcome('running')  # since this task was made, somebody else was, on other GPUs; so make it anew
    if state.trains:
        failure = _run(task, task.train_command(state), descriptors)
        if failure:
            return failure
        state = look(task)
    if state.action == 'test':
        failure = _test(task, state, descriptors)
        if failure:
            return failure
        state = look(task)
    if state.action in ('done', 'running'):
        return Outcome(state.action)
    return Outcome('blocked', '; '.join(state.reasons or _why_not_tested(task)))


def _test(task: Task, state: State, descriptors: Sequence[int]) -> Outcome | None:
    """Run all tests that are missing; None if all went well."""
    pointer = task.folder / 'last_checkpoint'
    if not pointer.is_file():
        return Outcome('failed', f'{pointer} is missing: it names the checkpoint to test')
    checkpoint = task.folder / Path(pointer.read_text(encoding='utf-8').strip()).name
    for crops in state.crops:
        failure = _run(task, task.test_command(state, crops, str(checkpoint)), descriptors)
        if failure:
            return failure
    return None


def _why_not_tested(task: Task) -> Sequence[str]:
    """Why no test of a run counts."""
    runs, _ = find_runs([task.folder])
    tests = [(run, test) for run in runs if run.name == task.stem for test in run.evaluations]
    if not tests:
        return ('nothing was recorded; see campaign.log',)
    return why_not_test(*tests[-1], _sound_for(tests[-1][0], task))


def _run(task: Task, command: Sequence[str], descriptors: Sequence[int]) -> Outcome | None:
    """Run a command to its end; None if all went well."""
    task.folder.mkdir(parents=True, exist_ok=True)
    path = task.folder / LOG
    with path.open('ab') as log:
        start = log.tell()
        log.write(f'$ {shlex.join(command)}\n'.encode())
        log.flush()
        try:
            done = subprocess.run(
                command, stdout=log, stderr=log, env=_environment(), pass_fds=tuple(descriptors), check=False
            )
        except OSError as error:
            return Outcome(
                'failed', f'{command[0]} cannot be started: {error.strerror}; start in the repository’s root'
            )
    if done.returncode == 0:
        return None
    with path.open('rb') as file:
        file.seek(max(start, path.stat().st_size - TAIL))
        fault = classify(done.returncode, file.read().decode(errors='replace').partition('\n')[2])
    return Outcome('fault' if fault.machine else 'failed', fault.reason)


def _environment() -> Mapping[str, str]:
    """This Python for the tools, and a free port for processes that talk to each other."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get('PATH', '')))
    return os.environ | dict(PATH=path, PORT=str(port), MASTER_PORT=str(port))


def as_json(task: Task, **more: Any) -> str:
    """A task for the command line of `main`."""
    return json.dumps(asdict(task) | more, default=str)


def main() -> None:
    """Execute the task of the command line; what comes of it goes into its lock's file."""
    content = json.loads(sys.argv[1])
    descriptors, lock = content.pop('descriptors'), Lock(Path(content.pop('lock')))
    content |= dict(folder=Path(content['folder']), crops=tuple(content['crops']), log=tuple(content['log']))
    content['work_dirs'] = content['work_dirs'] and Path(content['work_dirs'])
    lock.write(dict(host=socket.gethostname(), pid=os.getpid()))
    lock.write(asdict(execute(Task(**content), descriptors)))


if __name__ == '__main__':
    main()
