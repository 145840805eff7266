"""Running all that the paper's tables still lack, here or on SLURM, and showing the tables in the end.

Nothing is remembered but the records of the runs and locks: a campaign that was killed is started again with the same
command, and several may run beside each other.
"""

from __future__ import annotations

import signal
import time
from argparse import Namespace
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from senet_mm.campaigns.display import Display
from senet_mm.campaigns.launchers import Local, Slurm, gpus_here, parameters
from senet_mm.campaigns.locks import Lock
from senet_mm.campaigns.plan import TOO_MANY, make_plan
from senet_mm.campaigns.work import LOG, Outcome, State, Task, look
from senet_mm.data.errors import DataError
from senet_mm.results.board import collect
from senet_mm.results.layouts import parse_tables
from senet_mm.results.paper import published
from senet_mm.results.render import render

WAIT = 30.0  # seconds before a run that the machine has failed is tried again
ACTIONS = {'train': 'training', 'resume': 'training, from where it stopped', 'test': 'testing'}


class Launcher(Protocol):
    """Starts tasks somewhere.

    Attributes:
        poll: Seconds between two looks at them.
        most: The most processes that a task may have; None: any number.
    """

    poll: float
    most: int | None

    def reserve(self, task: Task) -> list[Lock] | None:
        """Room for a task, as locks of devices; None if there is none now."""

    def adopt(self, task: Task, lock: Lock) -> Any:
        """A handle of a task that was started before this campaign was; None if there is none."""

    def start(self, task: Task, lock: Lock, room: list[Lock]) -> Any:
        """Start a task, whose lock and room are handed over; returns a handle."""

    def finish(self, handle: Any) -> Outcome | None:
        """What came of it; None while it goes on."""

    def stop(self, handles: Sequence[Any]) -> str:
        """The campaign is interrupted; returns what becomes of the runs, for the user."""


class Voice(Protocol):
    """Tells the user."""

    def event(self, text: str) -> None:
        """That something has happened."""

    def update(self, running: Collection[Task], over: int, total: int) -> None:
        """What is running, and how many of all tasks are over."""


@dataclass
class Campaign:
    """Tasks on their way.

    Attributes:
        tasks: What is lacking, and how far it is; what is blocked is not started.
        launcher: Where they run.
        work_dirs: Where their locks are.
        retries: How often a run that the machine fails is tried again without a new checkpoint in between.
        voice: Tells the user.
        wait: Seconds before a retry.
    """

    tasks: Mapping[Task, State]
    launcher: Launcher
    work_dirs: Path
    retries: int
    voice: Voice
    wait: float = WAIT
    running: dict[Task, Any] = field(default_factory=dict)  # handles
    outcomes: dict[Task, Outcome] = field(default_factory=dict)
    failures: dict[Task, tuple[int, str]] = field(default_factory=dict)  # how many, at which checkpoint
    not_before: dict[Task, float] = field(default_factory=dict)
    elsewhere: set[Task] = field(default_factory=set)

    def __post_init__(self) -> None:
        blocked = {task: state.reasons for task, state in self.tasks.items() if state.action == 'blocked'}
        self.outcomes |= {task: Outcome('blocked', '; '.join(reasons)) for task, reasons in blocked.items()}

    def run(self) -> None:
        """Run all of them; an interruption stops what this machine runs."""
        previous = signal.signal(signal.SIGTERM, _interrupt)
        try:
            while len(self.outcomes) < len(self.tasks):
                self.step()
                self.voice.update(self.running, len(self.outcomes), len(self.tasks))
                time.sleep(self.launcher.poll if len(self.outcomes) < len(self.tasks) else 0)
        except KeyboardInterrupt:
            self.voice.event(self.launcher.stop(list(self.running.values())))
            raise
        finally:
            signal.signal(signal.SIGTERM, previous)

    def step(self) -> None:
        """Take note of what has ended, and start what can be started."""
        for task, handle in list(self.running.items()):
            if outcome := self.launcher.finish(handle):
                del self.running[task]
                self.settle(task, outcome)
        for task in self.tasks:
            ready = time.monotonic() >= self.not_before.get(task, 0)
            if ready and task not in self.outcomes and task not in self.running:
                if self.launcher.most and task.processes > self.launcher.most:  # there will never be room
                    self.settle(task, Outcome('blocked', TOO_MANY.format(task.processes, self.launcher.most)))
                    continue
                room = self.launcher.reserve(task)
                if room is None:
                    break  # those behind it might fit, and keep it waiting for ever
                self.start(task, room)

    def start(self, task: Task, room: list[Lock]) -> None:
        """Start a task, unless somebody else is at it."""
        lock = task.lock(self.work_dirs)
        if not lock.acquire():
            self.leave_to_others(task)
        elif (handle := self.launcher.adopt(task, lock)) is not None:
            self.running[task] = handle
            self.voice.event(f'{task}: was submitted before')
        elif (state := look(task)).processes not in (None, task.processes):
            self.make_anew(task, state)
        elif state.action in ACTIONS:
            self.running[task] = self.launcher.start(task, lock, room)
            self.elsewhere.discard(task)
            self.voice.event(f'{task}: {ACTIONS[state.action]}')
            return
        elif state.action == 'running':
            self.leave_to_others(task)
        else:
            self.settle(task, Outcome('done' if state.action == 'done' else 'blocked', '; '.join(state.reasons)))
        for held in (lock, *room):
            held.let_go()

    def make_anew(self, task: Task, state: State) -> None:
        """Another campaign has begun it since, on other GPUs; it goes on with as many, so that it needs other room."""
        anew = replace(task, processes=state.processes or task.processes)
        self.tasks = {anew if other == task else other: known for other, known in self.tasks.items()}

    def leave_to_others(self, task: Task) -> None:
        """Another campaign, or one that was killed, has it in its hands; look again later."""
        self.not_before[task] = time.monotonic() + 10 * self.launcher.poll
        if task not in self.elsewhere:
            self.elsewhere.add(task)
            self.voice.event(f'{task}: runs already; waiting for it')

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Note what came of an attempt, and decide whether there is another."""
        if outcome.end == 'running':
            self.leave_to_others(task)
            return
        if outcome.end == 'fault':
            reached = _checkpoint(task)
            count, known = self.failures.get(task, (0, reached))
            count = 1 if reached != known else count + 1
            self.failures[task] = count, reached
            if count <= self.retries:
                self.not_before[task] = time.monotonic() + self.wait
                self.voice.event(f'{task}: {outcome.reason}; it will go on (try {count} of {self.retries})')
                return
            outcome = Outcome('failed', f'{outcome.reason}, {count} times')
        self.outcomes[task] = outcome
        reason = f': {outcome.reason}; see {task.folder / LOG}' if outcome.reason else ''
        self.voice.event(f'{task}: {outcome.end}{reason}')


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _checkpoint(task: Task) -> str:
    pointer = task.folder / 'last_checkpoint'
    return pointer.read_text(encoding='utf-8') if pointer.is_file() else ''


def run(args: Namespace) -> bool:
    """What `tools/run_table.py` does; returns whether everything that was asked for is there now.

    Raises:
        DataError: An option or the place does not fit, or the code has changes that would keep runs out of the tables.
    """
    if args.gpus_per_run is not None and args.gpus_per_run < 1:
        raise DataError(f'--gpus-per-run {args.gpus_per_run}: give 1 or more')
    slurm = parameters(args)
    gpus = gpus_here() if args.launcher == 'local' else []
    most = min(args.gpus_per_run or len(gpus), len(gpus)) or 1 if args.launcher == 'local' else args.gpus_per_run or 8
    lacking = make_plan(args, most)
    voice = Display()
    voice.plan(lacking, args)
    if args.dry_run:
        return True
    require_countable({task.stem for task in lacking.tasks})
    if args.launcher == 'local' and not gpus:
        voice.event('torch finds no GPU here: everything runs on the processor, one run at a time')
    try:
        args.work_dirs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f'--work-dirs {args.work_dirs}: {error.strerror}; name a folder to write to') from error
    launcher: Launcher
    if args.launcher == 'local':
        launcher = Local(args.work_dirs, gpus, most=most)
    else:
        launcher = Slurm(slurm, args.work_dirs, most=most)
    campaign = Campaign(lacking.tasks, launcher, args.work_dirs, args.retries, voice)
    with voice:
        campaign.run()
    voice.print(render(collect([args.work_dirs]), parse_tables(args.tables)))
    return voice.summary(campaign.outcomes)


def require_countable(stems: Collection[str]) -> None:
    """Refuse to start runs that no table would show.

    Raises:
        DataError: Code is not committed, or a config is not as published.
    """
    from mmengine.config import Config

    from senet_mm.engine.protocol import hash_published
    from senet_mm.engine.surroundings import commit

    if changed := commit()['dirty']:
        more = f' and {len(changed) - 1} more' if len(changed) > 1 else ''
        raise DataError(f'not committed: {changed[0]}{more}; no table shows runs of such code, so commit first')
    for stem in sorted(stems):
        path = published()[stem]['path']
        if hash_published(Config.fromfile(path)) != published()[stem]['hash']:
            raise DataError(
                f'{path} is not as published, and no table would show its runs; if that is meant: make tables'
            )
