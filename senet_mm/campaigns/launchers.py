"""Where the runs of a campaign run: on the GPUs of this machine, or on SLURM."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.campaigns.locks import Lock
from senet_mm.campaigns.work import LOCKS, Outcome, Task, as_json, execute
from senet_mm.data.errors import DataError

PATIENCE = 30.0  # seconds that interrupted runs have to end
CPUS_PER_GPU = 5
UNKNOWN = 600.0  # seconds after its submission until which a job that SLURM's accounting does not have may still come
PREEMPTED = 300.0  # seconds until a preempted job is requeued, if it is; with PreemptMode=CANCEL it never is
# States of a SLURM job whose end is not the fault of what it ran.
MACHINE = ('NODE_FAIL', 'BOOT_FAIL', 'TIMEOUT', 'DEADLINE', 'REVOKED', 'OUT_OF_MEMORY', 'PREEMPTED')


def gpus_here() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them."""
    from torch import cuda

    visible = [name.strip() for name in os.environ.get('CUDA_VISIBLE_DEVICES', '').split(',') if name.strip()]
    count = cuda.device_count()
    return visible[:count] or [str(index) for index in range(count)]


@dataclass
class Started:
    """A task in a process of its own.

    Attributes:
        process: Leads a group, to which all that it starts belongs.
        locks: The task's, then its devices'.
    """

    process: subprocess.Popen[bytes]
    locks: list[Lock]


class Local:
    """A queue over the GPUs of this machine; without any, one run at a time.

    Each run is in processes that go on if this one is killed. They hold the locks of the run and of its GPUs, and the
    next campaign waits for them.
    """

    def __init__(self, work_dirs: Path, gpus: Sequence[str], poll: float = 2.0, most: int | None = None) -> None:
        self.poll, self.gpus = poll, tuple(gpus)
        self.devices = {
            name: work_dirs / LOCKS / f'{platform.node()}.{name.replace("/", "_")}.lock' for name in gpus or ('cpu',)
        }
        self.most: int | None = min(most or len(self.devices), len(self.devices))

    def reserve(self, task: Task) -> list[Lock] | None:
        """As many free GPUs as the task wants."""
        free: list[Lock] = []
        for path in self.devices.values():
            lock = Lock(path)
            if len(free) < task.processes and lock.acquire():
                free.append(lock)
        if len(free) == task.processes:
            return free
        for lock in free:
            lock.let_go()
        return None

    def adopt(self, task: Task, lock: Lock) -> Started | None:
        """None: what a killed campaign has started holds the lock, which was free."""

    def start(self, task: Task, lock: Lock, room: list[Lock]) -> Started:
        """Start the process; only it and its descendants keep this environment's GPUs."""
        locks = [lock, *room]
        descriptors = [held.descriptor for held in locks if held.descriptor is not None]
        used = [name for name, path in self.devices.items() if any(path == held.path for held in room)]
        environment = dict(os.environ, CUDA_VISIBLE_DEVICES=','.join(used)) if self.gpus else dict(os.environ)
        lock.write({})  # what the last attempt left is no outcome of this one
        process = subprocess.Popen(
            [sys.executable, '-m', 'senet_mm.campaigns.work', as_json(task, lock=lock.path, descriptors=descriptors)],
            env=environment,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        return Started(process, locks)

    def finish(self, handle: Started) -> Outcome | None:
        """What the process left in its lock's file; a fault of the machine if it was killed before it could."""
        code = handle.process.poll()
        if code is None:
            return None
        note = handle.locks[0].read()
        _signal(handle.process, signal.SIGKILL)  # whatever it may have left behind
        for lock in handle.locks:
            lock.let_go()
        if code == 0 and 'end' in note:
            return Outcome(**note)
        return Outcome('fault' if code < 0 else 'failed', f'its process returned {code}')

    def stop(self, handles: Sequence[Started]) -> str:
        """End them, with some time to save what they have."""
        for handle in handles:
            _signal(handle.process, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for handle in handles:
            with suppress(subprocess.TimeoutExpired):
                handle.process.wait(max(0.0, deadline - time.monotonic()))
            _signal(handle.process, signal.SIGKILL)
        return f'{len(handles)} runs were stopped; the same command goes on with them'


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class Job:
    """What a SLURM job does: submitit pickles it, and asks it what to do when the job is requeued."""

    def __call__(self, task: Task, work_dirs: Path, patience: float = 60.0) -> Outcome:
        """Execute a task, unless somebody else is at it."""
        lock, deadline = task.lock(work_dirs), time.monotonic() + patience
        while not lock.acquire():
            if time.monotonic() > deadline:
                return Outcome('running')
            time.sleep(1)
        note, number = lock.read(), os.environ.get('SLURM_JOB_ID')
        again = 'began' in note and note.get('job') == number  # requeued: what calls itself running is this job's own
        lock.write(note | dict(began=time.time()))
        try:
            return execute(task, [lock.descriptor] if lock.descriptor is not None else [], again)
        finally:
            lock.let_go()

    def checkpoint(self, task: Task, work_dirs: Path, patience: float = 60.0) -> Any:
        """Before a time limit or a preemption: the same again, which goes on with the run's newest checkpoint."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, task, work_dirs, patience)


class Slurm:
    """SLURM, through submitit; jobs go on without the campaign, whose next start finds them by their numbers."""

    def __init__(
        self, options: Mapping[str, Any], work_dirs: Path, poll: float = 15.0, most: int | None = None
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise DataError("--launcher slurm needs submitit: pip install 'senet_mm[slurm]'") from error
        self.poll, self.most, self.work_dirs, self.submitit = poll, most, work_dirs.resolve(), submitit
        self.preempted: dict[str, float] = {}  # number of a job → since when
        self.folder = self.work_dirs / LOCKS / 'slurm'
        self.options = options
        try:
            self.executor = submitit.SlurmExecutor(self.folder, max_num_timeout=1000)
        except RuntimeError as error:
            raise DataError(f'--launcher slurm: {error}; start where sbatch and srun are') from error

    def reserve(self, task: Task) -> list[Lock]:
        """SLURM has a queue of its own."""
        return []

    def adopt(self, task: Task, lock: Lock) -> Any:
        """The job whose number is in the lock's file, if it is not over."""
        note = lock.read()
        if 'job' not in note:
            return None
        job: Any = self.submitit.SlurmJob(self.folder, note['job'])
        lost = job.state == 'UNKNOWN' and time.time() - note['submitted'] > UNKNOWN
        over = lost or job.done(force_check=True) or self._is_given_up(job)
        return None if over else job

    def start(self, task: Task, lock: Lock, room: list[Lock]) -> Any:
        """Submit a job, which takes the lock when it starts."""
        self.executor.update_parameters(
            job_name=f'{task.stem}.seed_{task.seed}',
            gpus_per_node=task.processes,
            stderr_to_stdout=True,
            **{'cpus_per_task': CPUS_PER_GPU * task.processes, **self.options},
        )
        try:
            job = self.executor.submit(Job(), task, self.work_dirs)
        except RuntimeError as error:
            raise DataError(f'sbatch refuses {task}: {error}') from error
        lock.write(dict(job=job.job_id, submitted=time.time()))
        lock.let_go()
        return job

    def finish(self, handle: Any) -> Outcome | None:
        """What the job returned, or what SLURM says of it."""
        if not handle.done():
            given_up = self._is_given_up(handle)
            return Outcome('fault', f'SLURM job {handle.job_id}: PREEMPTED') if given_up else None
        try:
            return handle.result()
        except self.submitit.core.utils.UncompletedJobError as error:
            state = handle.state.partition(' ')[0]  # CANCELLED by 1000
            reason = f'SLURM job {handle.job_id}: {state}'
            if state in MACHINE:
                return Outcome('fault', reason)
            return Outcome('failed', reason if state == 'CANCELLED' else f'{reason}, {str(error).splitlines()[-1]}')

    def _is_given_up(self, job: Any) -> bool:
        """Whether a job was preempted and does not come back, which submitit would wait for."""
        if job.state != 'PREEMPTED':
            self.preempted.pop(job.job_id, None)
            return False
        if time.monotonic() - self.preempted.setdefault(job.job_id, time.monotonic()) < PREEMPTED:
            return False
        job.get_info(mode='force')  # the state may be as old as minutes
        return bool(job.state == 'PREEMPTED')

    def stop(self, handles: Sequence[Any]) -> str:
        """Leave them alone."""
        numbers = ' '.join(handle.job_id for handle in handles)
        return f'The SLURM jobs go on ({numbers}); the same command waits for them, scancel ends them'


def parameters(args: Namespace) -> dict[str, Any]:
    """What is asked of SLURM, by sbatch's names.

    Raises:
        DataError: An option of --slurm is not KEY=VALUE.
    """
    options: dict[str, Any] = dict(time=60 * args.hours)
    if args.partition:
        options['partition'] = args.partition
    more = {}
    for option in args.slurm:
        key, sign, value = option.partition('=')
        if not (key and sign):
            raise DataError(f'--slurm {option}: give KEY=VALUE, as in --slurm account=vision qos=long')
        more[key.replace('-', '_')] = value
    if more:
        options['additional_parameters'] = more
    return options
