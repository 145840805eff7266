"""Where pictures and files of a command go: a window, if there can be one; a folder, if it can be written."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from senet_mm.data.errors import DataError

NO_WINDOW = 'no window can be opened here (there is no display, or Matplotlib has no GUI toolkit)'
# Matplotlib's backends that draw into memory or files, and never into a window.
WINDOWLESS = ('agg', 'cairo', 'pdf', 'pgf', 'ps', 'svg', 'template')


def has_display() -> bool:
    """Whether a window can be opened; mmengine shows pictures by Matplotlib, which without one waits all the same."""
    if sys.platform.startswith('linux') and not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
        return False
    import matplotlib as mpl

    return mpl.get_backend().lower() not in WINDOWLESS


def require_folder(option: str, folder: Path) -> None:
    """Make a folder that is to be written later, and try it now.

    Args:
        option: That names it, for the message.
        folder: Absent, or left as it is.

    Raises:
        DataError: Nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix='.senet_mm.', dir=folder):
            pass
    except OSError as error:
        raise DataError(f'{option}: nothing can be written to the folder {folder} ({error.strerror})') from error
