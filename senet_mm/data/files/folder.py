"""A folder that is either whole or not there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from senet_mm.data.errors import DataError


@contextmanager
def new_folder(out: Path, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `out`; rename it to `out` when the block ends, delete it when the block raises.

    A reader never sees a half-written `out`, and a failure leaves the disk as it was, parent folders included.

    Args:
        out: where the folder shall be; absent, or an empty folder, unless `replace`.
        replace: take the place of a folder already there, which is deleted once the new one stands.

    Raises:
        DataError: `out` is a file, or holds something and `replace` is false.
    """
    out = out.resolve()
    if out.exists() and not is_vacant(out) and not replace:
        raise DataError(f'{out} is not empty; it is left as it is. Give another folder.')
    made = [parent for parent in out.parents if not parent.exists()]  # nearest first
    part = out.with_name(f'.{out.name}.{uuid4().hex[:8]}')
    try:
        part.mkdir(parents=True)
        yield part
        _publish(part, out)
    except BaseException:  # an interrupt by the keyboard too
        shutil.rmtree(part, ignore_errors=True)
        for parent in made:
            with suppress(OSError):  # absent, or someone else uses it by now
                parent.rmdir()
        raise


def is_vacant(folder: Path) -> bool:
    """Whether a folder can be built at this place: nothing is there, or an empty folder."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _publish(part: Path, out: Path) -> None:
    old = None
    if out.exists():
        old = part.with_name(part.name + '.old')
        os.rename(out, old)
    try:
        os.rename(part, out)
    except BaseException:
        if old:
            os.rename(old, out)
        raise
    if old:
        shutil.rmtree(old)
