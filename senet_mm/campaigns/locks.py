"""Locks that outlive who took them: a process hands one to the processes it starts, and the last to end lets it go.

So a training that its campaign has left behind keeps its lock, and its GPUs', until it ends itself. (filelock, which
this resembles, keeps its descriptor to itself.) The operating system lets go of the locks of killed processes.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Lock:
    """An exclusive lock on a file, which may hold a note about what its holder does.

    Attributes:
        descriptor: To be handed to other processes (`pass_fds`); None while the lock is not held.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False, at once, if another process has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def let_go(self) -> None:
        """Close the file: the lock is free as soon as nobody to whom it was handed has it any more."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def write(self, note: Mapping[str, Any]) -> None:
        """Leave a note, in place of the one before."""
        content = json.dumps(note).encode()
        with self.path.open('r+b') as file:
            file.write(content)
            file.truncate()

    def read(self) -> dict[str, Any]:
        """The note; empty if there is none, or a half-written one."""
        try:
            note = json.loads(self.path.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}
