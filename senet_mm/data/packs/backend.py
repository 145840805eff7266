"""Data sets packed into one file, read in place: `data_root='data/imagenet.zip'`, or a .tar or an .lmdb.

Millions of small files are slow to list, to copy and, on a network disk, to open; one large file is none of it. A data
set reads `packed://data/imagenet.zip/train/n01440764/…` through the file backend registered here, so every transform
that goes through mmengine's `fileio` works on it unchanged; the data sets put the prefix before a path that ends in
.zip, .tar or .lmdb. Several processes may read one pack, forked ones too (see `readers`).
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.fileio import BaseStorageBackend, register_backend

from senet_mm.data.packs.readers import PackReader, open_pack
from senet_mm.data.packs.url import PREFIX, split_url


@cache
def _reader(path: str) -> PackReader:
    return open_pack(Path(path))


class PackedBackend(BaseStorageBackend):
    """A pack as a read-only file system, for mmengine's `fileio`."""

    def get(self, filepath: str | Path) -> bytes:
        """Content of a file.

        Raises:
            FileNotFoundError: it is not in the pack.
            DataError: the pack is not there, or damaged.
        """
        pack, name = split_url(str(filepath))
        return self._pack(pack).read(name)

    def get_text(self, filepath: str | Path, encoding: str = 'utf-8') -> str:
        """Content of a text file."""
        return self.get(filepath).decode(encoding)

    def exists(self, filepath: str | Path) -> bool:
        """Whether a file or folder is in the pack."""
        return self.isfile(filepath) or self.isdir(filepath)

    def isfile(self, filepath: str | Path) -> bool:
        """Whether a file is in the pack."""
        pack, name = split_url(str(filepath))
        return os.path.exists(pack) and next(self._pack(pack).names(name), None) == name

    def isdir(self, filepath: str | Path) -> bool:
        """Whether a folder is in the pack; the pack itself is one."""
        pack, name = split_url(str(filepath))
        if not os.path.exists(pack):
            return False
        start = f'{name}/' if name else ''
        return next(self._pack(pack).names(start), '').startswith(start)

    def join_path(self, filepath: str | Path, *filepaths: str | Path) -> str:
        """As `os.path.join`."""
        return os.path.join(str(filepath), *map(str, filepaths))

    def list_dir_or_file(
        self,
        dir_path: str | Path,
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """Paths below a folder, relative to it, in order; of folders only their own level unless `recursive`."""
        pack, name = split_url(str(dir_path))
        start = f'{name}/' if name else ''
        reader, folders, at = self._pack(pack), set[str](), start
        while (found := next(reader.names(at), None)) is not None and found.startswith(start):
            path = found[len(start) :]
            parents = [path[: slash.start()] for slash in re.finditer('/', path)]
            if list_dir:
                new = [parent for parent in (parents if recursive else parents[:1]) if parent not in folders]
                folders.update(new)
                yield from new
            if list_file and (recursive or not parents) and path.endswith(suffix or ''):
                yield path
            # '0' follows '/': past everything in this folder, when only the folder's own level is asked for
            at = f'{start}{parents[0]}0' if parents and not recursive else f'{found}\1'

    @contextmanager
    def get_local_path(self, filepath: str | Path) -> Iterator[str]:
        """A temporary copy, for readers that need a file of its own (pycocotools)."""
        with tempfile.TemporaryDirectory(prefix='senet_mm_') as folder:
            path = Path(folder, Path(filepath).name)
            path.write_bytes(self.get(filepath))
            yield str(path)

    def _pack(self, path: str) -> PackReader:
        return _reader(os.path.abspath(path))


def _register() -> None:
    arguments: dict[str, Any] = dict(backend=PackedBackend, prefixes=PREFIX)
    register_backend('senet_mm.packed', force=True, **arguments)  # a reload registers it once more


_register()
