"""Where each file of a zip or tar lies, so that it can be read without looking for it."""

import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from senet_mm.data.errors import DataError

INDEX = '.senet_mm_index.npz'  # the first file of what pack_dataset writes
LOCAL_HEADER = struct.Struct('<4s14x2I2H')  # before a file in a zip: signature, sizes, lengths of name and extra field


class Index:
    """Names in order, and the place of each; 1.3 million of ImageNet's take 70 MB, shared by forked processes.

    Args:
        entries: name, place of the content (in a zip: of the file's own header), size in bytes.

    Raises:
        ValueError: a name is there twice.
    """

    def __init__(self, entries: Iterable[tuple[str, int, int]]):
        rows = sorted((name.encode(), place, size) for name, place, size in entries)
        twice = next((a[0] for a, b in pairwise(rows) if a[0] == b[0]), None)
        if twice:
            raise ValueError(f'{twice.decode()} is in it twice')
        self.names: NDArray[np.bytes_] = np.array([row[0] for row in rows], dtype=np.bytes_)
        self.places: NDArray[np.int64] = np.array([row[1:] for row in rows], np.int64).reshape(-1, 2)

    @classmethod
    def from_bytes(cls, content: bytes) -> 'Index':
        """What `to_bytes` has written."""
        index = cls([])
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            index.names, index.places = arrays['names'], arrays['places']
        return index

    def to_bytes(self) -> bytes:
        """An .npz, whose length does not depend on the places."""
        stream = io.BytesIO()
        arrays: dict[str, Any] = dict(names=self.names, places=self.places)
        np.savez(stream, **arrays)
        return stream.getvalue()

    def position(self, name: str) -> int:
        """Of the first name that is not before `name`."""
        return int(np.searchsorted(self.names, np.bytes_(name.encode()))) if len(self.names) else 0

    def end(self) -> int:
        """The least size of a file with this index."""
        return int(self.places.sum(1).max(initial=0))


def index_zip(path: Path) -> Index:
    """From the pack's own index; a zip of another origin has a directory at its end, which takes ten seconds a million.

    Raises:
        DataError: it is compressed.
        BadZipFile, ValueError, KeyError: it is damaged.
    """
    with path.open('rb') as stream:
        header = stream.read(LOCAL_HEADER.size)
        if len(header) == LOCAL_HEADER.size:
            _, size, _, name, extra = LOCAL_HEADER.unpack(header)
            if stream.read(name + extra)[:name] == INDEX.encode():
                return Index.from_bytes(stream.read(size))
    with zipfile.ZipFile(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
    compressed = next((info.filename for info in files if info.compress_type != zipfile.ZIP_STORED), None)
    if compressed:
        raise DataError(
            f'{path} is compressed ({compressed}, …), which saves nothing on pictures and cannot be read in place. '
            f'Unpack it, and pack the folder with tools/pack_dataset.py.'
        )
    return Index((_name(info.filename), info.header_offset, info.file_size) for info in files)


def index_tar(path: Path) -> Index:
    """From the pack's own index; a tar of another origin is read header by header, which takes minutes.

    Raises:
        TarError, EOFError, ValueError, KeyError: it is damaged.
    """
    with tarfile.open(path, 'r:') as archive:
        first = archive.next()
        content = archive.extractfile(first) if first and first.name == INDEX else None
        if content:
            return Index.from_bytes(content.read())
    return Index(_tar_entries(path))


def _tar_entries(path: Path) -> Iterator[tuple[str, int, int]]:
    with tarfile.open(path, 'r:') as archive:
        while (member := archive.next()) is not None:
            vars(archive)['members'] = []  # or it keeps them all
            if member.isreg():
                yield _name(member.name), member.offset_data, member.size


def _name(name: str) -> str:
    return os.path.normpath(name)  # 'tar c .' writes './train/…'
