"""Why a command failed: through the machine, so that it is worth another try, or through what it was told to do."""

from __future__ import annotations

import re
import signal
from typing import NamedTuple

TAIL = 1 << 16  # bytes at the end of a log that are looked at

# What no second try changes, although some of it looks like the machine's fault.
MISTAKES = {
    r'CUDA out of memory|OutOfMemoryError': 'the GPU’s memory is too small for the batch (--gpus-per-run spreads it)',
    r'device-side assert': 'a value that the network cannot take (a label, most likely) reached the GPU',
    r'No space left on device|Disk quota exceeded': 'the disk is full: make room and start again, it will go on',
}
FAULTS = {
    r'Signal \d+ \((SIG\w+)\) received by PID|exitcode *: -(\d+)': 'a process was killed',
    r'DataLoader worker .*(killed by signal|exited unexpectedly)': 'a data loader’s worker died',
    r'NCCL error|nccl(System|Remote|Internal|UnhandledCuda)Error|collective operation timeout': 'NCCL',
    r'CUDA error|CUDA driver|cudaError\w+|CUBLAS_STATUS_\w+|CUDNN_STATUS_\w+|uncorrectable ECC': 'CUDA',
    r'Connection (reset|closed|refused) by peer|Rendezvous\w*Error|DistStoreError|DistNetworkError': 'the network',
    r'Address already in use|EADDRINUSE': 'a port was taken',
    r'Input/output error|Stale file handle|Transport endpoint is not connected|Remote I/O error': 'the file system',
}
LAUNCHER = re.compile(r'^E\d{4} .*torch/distributed/', re.MULTILINE)  # torchrun begins to say what it saw
BY_USER = (signal.SIGINT,)


class Fault(NamedTuple):
    """What went wrong."""

    machine: bool
    reason: str


def classify(code: int, log: str) -> Fault:
    """Why a command failed.

    Args:
        code: What it returned; −n, or 128 + n from a shell, if signal n ended it.
        log: The end of what it printed.
    """
    for pattern, reason in MISTAKES.items():
        if re.search(pattern, log):
            return Fault(False, reason)
    if number := _signal(code):
        return Fault(number not in BY_USER, f'it was ended by {number.name}')
    for pattern, reason in FAULTS.items():
        if found := re.search(pattern, log):
            return Fault(True, f'{reason}: {_line(log, found.start())}')
    return Fault(False, _error(log) or f'it returned {code} and printed nothing')


def _signal(code: int) -> signal.Signals | None:
    number = -code if code < 0 else code - 128
    try:
        return signal.Signals(number)
    except ValueError:
        return None


def _line(log: str, position: int) -> str:
    """The line of the log at a position."""
    start = log.rfind('\n', 0, position) + 1
    return log[start:].split('\n', 1)[0].strip()


def _error(log: str) -> str:
    """The last line of what the command itself printed: of a traceback, or of a message."""
    lines = [line.strip() for line in LAUNCHER.split(log, maxsplit=1)[0].splitlines() if line.strip()]
    return lines[-1] if lines else ''
