"""Zip, tar and LMDB files as maps from names to contents: what `senet_mm.data.packs.backend` reads from.

A zip or tar is read at given places (`pread`, no shared position), so that forked processes share one index and one
open file; an LMDB is closed before a fork, and opened by each process for itself.
"""

import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from senet_mm.data.errors import DataError
from senet_mm.data.packs.index import LOCAL_HEADER, Index, index_tar, index_zip

EXTRA = "reading and writing .lmdb needs the package lmdb: pip install 'senet_mm[lmdb]'"


class PackReader(Protocol):
    """Read-only files by name."""

    def names(self, start: str = '') -> Iterator[str]:
        """All names in order, from the first that is not before `start`."""

    def read(self, name: str) -> bytes:
        """Content of a file; FileNotFoundError if it is not there."""


def open_pack(path: Path) -> PackReader:
    """Open a .zip, .tar or .lmdb.

    Raises:
        DataError: it is not there, cut off, or of a kind that cannot be read in place.
    """
    if not path.exists():
        raise DataError(f'there is no {path}; tools/pack_dataset.py makes it from a folder.')
    try:
        if path.suffix == '.lmdb':
            return LmdbReader(path)
        return IndexedReader(path, index_zip(path) if path.suffix == '.zip' else index_tar(path))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, KeyError) as error:
        raise DataError(f'{path} is cut off or damaged ({error}); pack it anew with tools/pack_dataset.py.') from error


class IndexedReader:
    """Files that lie uncompressed in one large file.

    Raises:
        ValueError: the file ends before the last of them does.
    """

    def __init__(self, path: Path, index: Index):
        if path.stat().st_size < index.end():
            raise ValueError(f'{index.end():,} bytes are expected')
        self.path, self.index, self.is_zip = path, index, path.suffix == '.zip'
        self.file = os.open(path, os.O_RDONLY | getattr(os, 'O_CLOEXEC', 0))

    def names(self, start: str = '') -> Iterator[str]:
        """See `PackReader`."""
        for position in range(self.index.position(start), len(self.index.names)):
            yield self.index.names[position].decode()

    def read(self, name: str) -> bytes:
        """See `PackReader`.

        Raises:
            DataError: the file ends before the content does.
        """
        position = self.index.position(name)
        if position == len(self.index.names) or self.index.names[position] != name.encode():
            raise FileNotFoundError(f'{name} is not in {self.path}')
        place, size = map(int, self.index.places[position])
        if self.is_zip:
            place += self._header(place)
        return self._bytes(place, size)

    def _header(self, place: int) -> int:
        signature, _, _, *lengths = LOCAL_HEADER.unpack(self._bytes(place, LOCAL_HEADER.size))
        if signature != b'PK\3\4':
            raise DataError(f'{self.path} is damaged at byte {place:,}; pack it anew with tools/pack_dataset.py.')
        return LOCAL_HEADER.size + sum(lengths)

    def _bytes(self, place: int, size: int) -> bytes:
        content = os.pread(self.file, size, place)
        while len(content) < size:  # Linux reads at most 2 GB at a time
            more = os.pread(self.file, size - len(content), place + len(content))
            if not more:
                raise DataError(f'{self.path} is cut off; pack it anew with tools/pack_dataset.py.')
            content += more
        return content

    def __del__(self) -> None:
        if hasattr(self, 'file'):
            os.close(self.file)


class LmdbReader:
    """Files in an LMDB: names are the keys, contents the values.

    An LMDB must not be used after a fork, and not be opened twice by a process: see `_lmdb`.
    """

    def __init__(self, path: Path):
        try:
            import lmdb
        except ImportError as error:
            raise DataError(EXTRA) from error
        self.path, self.open = path.resolve(), lmdb.open
        try:
            status = (path / 'data.mdb' if path.is_dir() else path).stat()
            self.key = status.st_dev, status.st_ino
            database = self._lmdb()
        except (lmdb.Error, OSError) as error:
            raise DataError(f'{path} is no whole LMDB ({error}); pack it anew with tools/pack_dataset.py.') from error
        needed = (database.info()['last_pgno'] + 1) * database.stat()['psize']
        if status.st_size < needed:  # to read beyond the end would kill the process
            raise DataError(f'{path} is cut off; pack it anew with tools/pack_dataset.py.')

    def names(self, start: str = '') -> Iterator[str]:
        """See `PackReader`."""
        with self._lmdb().begin() as transaction, transaction.cursor() as cursor:
            if cursor.set_range(start.encode()):
                for key in cursor.iternext(values=False):
                    yield key.decode()

    def read(self, name: str) -> bytes:
        """See `PackReader`."""
        with self._lmdb().begin() as transaction:
            content = transaction.get(name.encode()) if name else None
        if content is None:
            raise FileNotFoundError(f'{name} is not in {self.path}')
        return content

    def _lmdb(self) -> Any:
        """The database, shared by all readers of this process, and opened anew after a fork."""
        if self.key not in _opened:
            # No lock file: nobody writes, and the disk may be read-only. Read-ahead stays on, unlike in mmengine's
            # LmdbBackend: a picture is many pages, and from a disk they come eight times as fast together.
            _opened[self.key] = self.open(str(self.path), subdir=self.path.is_dir(), readonly=True, lock=False)
        return _opened[self.key]


_opened: dict[tuple[int, int], Any] = {}  # by device and inode: a file may be renamed


def close_all() -> None:
    """Close every LMDB of this process; its readers open it again."""
    while _opened:
        _, database = _opened.popitem()
        database.close()


os.register_at_fork(before=close_all)
