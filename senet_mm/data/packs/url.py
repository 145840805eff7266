"""How a place in a packed data set is written: `packed://data/imagenet.zip/train/n01440764/n01440764_10026.JPEG`."""

import os
import re

from senet_mm.data.errors import DataError

PREFIX = 'packed'
KINDS = ('.zip', '.tar', '.lmdb')
_URL = re.compile(rf'(?:{PREFIX}://)?(?P<pack>.+?(?:{"|".join(map(re.escape, KINDS))}))(?:/(?P<name>.*))?')


def as_url(path: str) -> str:
    """`packed://PATH` where a path leads to, or into, a .zip, .tar or .lmdb; every other path as it is."""
    match = None if '://' in path else _URL.fullmatch(path)
    return f'{PREFIX}://{path}' if match and _is_pack(match['pack']) else path


def is_packed(path: str) -> bool:
    """Whether a path or URL leads to, or into, a pack."""
    return as_url(path).startswith(f'{PREFIX}://')


def split_url(url: str) -> tuple[str, str]:
    """The pack's own path, and the name in it ('' for all of it).

    Raises:
        DataError: it names no .zip, .tar or .lmdb.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise DataError(f'{url} names no pack: a path with {", ".join(KINDS)} in it is expected.')
    return match['pack'], os.path.normpath(match['name']) if match['name'] else ''


def _is_pack(path: str) -> bool:
    return not os.path.isdir(path) or path.endswith('.lmdb')  # a plain folder may be called photos.zip
