"""A file that is either whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from senet_mm.data.errors import DataError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes that name when the block ends, and goes when the block raises.

    Raises:
        DataError: the file could not be written; one that was there stays as it was.
    """
    part = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise DataError(f'{path} could not be written: {error.strerror or error}') from error
    finally:
        with suppress(OSError):  # not there, or nor is the folder
            part.unlink()
