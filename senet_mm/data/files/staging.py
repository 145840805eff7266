"""A folder that is whole or not there, made over several runs: what one has done, the next one takes up."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError
from senet_mm.data.files.manifest import read_manifest, write_manifest

STATE = '.made_from.json'


@contextmanager
def staged_folder(out: Path, source: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the folder `.NAME.part` beside `out`, empty or as an earlier run left it.

    When the block ends, it becomes `out`; when the block raises, it stays, and the message says so.

    Args:
        out: where the folder shall be; absent, or an empty folder. One process at a time: see `download.exclusive`.
        source: what it is made from, as JSON has it; an earlier run's beginnings are taken up only if they are from it.

    Raises:
        DataError: the block raised one, or an OSError; or the beginnings are of something else.
    """
    out = out.resolve()
    part = out.with_name(f'.{out.name}.part')
    kept = (
        f'What was done is kept in {part}: run the same command again to go on from there; delete it to give up, or to '
        f'begin with other files.'
    )
    _begin(part, out, source)
    try:
        yield part
        os.replace(part, out)
    except DataError as error:
        if [path.name for path in part.iterdir()] == [STATE]:  # nothing was done
            shutil.rmtree(part)
            raise
        raise DataError(f'{error}\n{kept}') from error
    except OSError as error:
        raise DataError(f'{out} could not be made: {error}\n{kept}') from error
    except KeyboardInterrupt:
        print(f'Interrupted. {kept}', file=sys.stderr)
        raise
    for note in out.glob('.*'):  # the state, and what the block noted for itself
        note.unlink()


def is_staged(folder: Path) -> bool:
    """Whether a folder is one that `staged_folder` yields."""
    return (folder / STATE).exists()


def _begin(part: Path, out: Path, source: Mapping[str, Any]) -> None:
    part.mkdir(parents=True, exist_ok=True)
    found = read_manifest(part / STATE)
    if found is None and any(part.iterdir()):
        raise DataError(f'{part} is in the way, and no beginning of {out}; move it away.')
    if found is None or all(path.name.startswith('.') for path in part.iterdir()):  # notes bind to no source
        write_manifest(part / STATE, source)
    elif found != source:
        differing = ', '.join(sorted(key for key in {*found, *source} if found.get(key) != source.get(key)))
        raise DataError(
            f'{part} holds the beginning of {out} from something else (its {differing} differ); the two are not mixed. '
            f'Finish it with the command it was begun with, or delete it.'
        )
