"""What a campaign tells its user: the plan, what happens, how far everything is, and what came of it."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from senet_mm.data.errors import DataError
from senet_mm.engine.record import FILE, read_record

if TYPE_CHECKING:
    from senet_mm.campaigns.plan import Plan
    from senet_mm.campaigns.work import Outcome, Task

EVERY = 5.0  # seconds between two looks at the logs
END = 4096  # bytes of a log that hold its last line


class Display:
    """Lines of text, and, on a terminal, bars below them."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self.bars = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.all: TaskID | None = None
        self.known: dict[Task, TaskID] = {}
        self.looked = 0.0

    def __enter__(self) -> Display:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def print(self, text: str) -> None:
        """Print as it is."""
        self.console.print(text, markup=False, emoji=False)

    def plan(self, plan: Plan, args: Namespace) -> None:
        """What is there and what is lacking, as commands."""
        self.print(f'{plan.have} of {plan.have + len(plan.tasks)} runs are there.')
        for task, state in plan.tasks.items():
            if state.action in ('blocked', 'running'):
                what = 'runs already' if state.action == 'running' else '; '.join(state.reasons)
                self.print(f'# {task}: {what}')
            elif args.dry_run:
                slurm = ', as a SLURM job' if args.launcher == 'slurm' else ''
                self.print(f'# {task}, on {task.processes} {"GPU" if task.processes == 1 else "GPUs"}{slurm}')
            for command in task.commands(state) if args.dry_run and state.action != 'blocked' else ():
                self.print(command)

    def event(self, text: str) -> None:
        """Something happened."""
        self.print(f'{time.strftime("%H:%M:%S")}  {text}')

    def update(self, running: Collection[Task], over: int, total: int) -> None:
        """Move the bars.

        Args:
            running: What is running now.
            over: How many tasks are over.
            total: How many there are.
        """
        if self.bars.disable or time.monotonic() - self.looked < EVERY:
            return
        self.looked = time.monotonic()
        if self.all is None:
            self.all = self.bars.add_task('runs', total=total)
        self.bars.update(self.all, completed=over)
        for task in [task for task in self.known if task not in running]:
            self.bars.remove_task(self.known.pop(task))
        for task in running:
            if task not in self.known:
                self.known[task] = self.bars.add_task(str(task), total=None)
            done, of = progress_of(task.folder)
            self.bars.update(self.known[task], completed=done, total=of)

    def summary(self, outcomes: Mapping[Task, Outcome]) -> bool:
        """What is still lacking; whether nothing is."""
        missing = {task: outcome for task, outcome in outcomes.items() if outcome.end != 'done'}
        if missing:
            self.print(f'\n{len(missing)} of {len(outcomes)} runs did not come to their end:')
        for task, outcome in missing.items():
            self.print(f'  {task}: {outcome.reason}')
        return not missing


def progress_of(folder: Path) -> tuple[int, int | None]:
    """Epochs or iterations that a run has behind it, and how many it will have; 0 and None if that is not known."""
    try:
        record = read_record(folder / FILE)
        settings = record['settings']
        log = folder / record['sessions'][-1]['log']
        with log.open('rb') as file:
            file.seek(max(0, log.stat().st_size - END))
            lines = file.read().decode(errors='replace').splitlines()
    except (DataError, KeyError, IndexError, OSError):
        return 0, None
    by_epoch = 'train_cfg.max_epochs' in settings
    total = settings.get('train_cfg.max_epochs' if by_epoch else 'train_cfg.max_iters')
    reached = (_reached(line, by_epoch) for line in reversed(lines) if '"loss"' in line)
    return next((steps for steps in reached if steps is not None), 0), total


def _reached(line: str, by_epoch: bool) -> int | None:
    """What a line of the log says; None of a line that is only half there."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return int(entry.get('epoch' if by_epoch else 'step', 0))
