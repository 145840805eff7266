"""Archives to folders, in parallel and file by file: each is whole or not there, and a second run goes on there."""

import os
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

from senet_mm.data.errors import DataError
from senet_mm.data.files.parallel import in_parallel
from senet_mm.data.files.progress import progress
from senet_mm.data.files.whole_file import whole_file

Place = Callable[[str], str | None]
Item = TypeVar('Item')
_CHUNK = 64  # files of a task
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error)


def unpack(archive: Path, folder: Path, place: Place, workers: int | None = None) -> None:
    """Write the files of an uncompressed tar, or of a zip, below a folder; those that are there stay.

    Args:
        archive: .tar or .zip.
        folder: to fill.
        place: name in the archive → path below `folder`, or None for a file that is not wanted.
        workers: threads; as many as there are processors by default.

    Raises:
        DataError: the archive is cut off or damaged, or has names that lead out of `folder`, or links; or the disk is
            full. What was written until then is whole and stays.
    """
    _require_room(archive, folder, _tidy(folder))
    with _reading(archive), progress(f'unpacking {archive.name}', archive.stat().st_size) as advance:
        if archive.suffix == '.zip':
            with zipfile.ZipFile(archive) as content:
                infos = _chunks(_zip_files(content, place))
                for size in in_parallel(partial(_unpack_zip, content, folder), infos, _threads(workers)):
                    advance(size)
        else:
            with tarfile.open(archive, 'r:') as tar:
                files = _chunks(_tar_files(tar, place))
                for size in in_parallel(partial(_unpack_tar, archive, folder), files, _threads(workers)):
                    advance(size)


def unpack_nested(archive: Path, folder: Path, place: Place, workers: int | None = None) -> None:
    """Write the files of a tar of tars below a folder, each inner tar's below one with its name; otherwise as `unpack`.

    Args:
        archive: .tar.
        folder: to fill.
        place: as of `unpack`, of the path 'INNER/FILE', which it may also refuse by None.
        workers: threads, each with an inner tar of its own.
    """
    _require_room(archive, folder, _tidy(folder))
    with _reading(archive), progress(f'unpacking {archive.name}', archive.stat().st_size) as advance:
        with tarfile.open(archive, 'r:') as outer:
            inner = list(_members(outer))
        for size in in_parallel(partial(_unpack_inner, archive, folder, place), inner, _threads(workers)):
            advance(size)


def strip_folder(*folders: str) -> Place:
    """A `place` that takes the files below one of these folders, without it."""

    def place(name: str) -> str | None:
        folder = next((folder for folder in folders if name.startswith(f'{folder}/')), None)
        return None if folder is None else name[len(folder) + 1 :]

    return place


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise DataError(
            f'{archive} is cut off or damaged ({error}). Fetch it again; what it gave so far is whole.'
        ) from error


def _threads(workers: int | None) -> int:
    return workers or os.cpu_count() or 1


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        vars(tar)['members'] = []  # or it keeps them all: gigabytes for Places365-Challenge
        if member.isdir():
            continue
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise DataError(f'{tar.name!r}: {member.name} is no file but a link or device; nothing is made of it.')
        yield member


def _safe(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or '..' in path.parts:
        raise DataError(f'{name}: a name that leads out of its folder; this is not the official archive.')
    return str(path)


def _wanted(name: str, place: Place) -> str | None:
    if PurePosixPath(name).name.startswith('.'):  # macOS leaves '._…' in archives made on it
        return None
    found = place(_safe(name))
    return None if found is None else _safe(found)


File = tuple[str, int, int]  # path below the folder, place in the tar, size


def _tar_files(tar: tarfile.TarFile, place: Place) -> Iterator[File]:
    for member in _members(tar):
        path = _wanted(member.name, place)
        if path:
            yield path, member.offset_data, member.size


def _unpack_tar(archive: Path, folder: Path, files: list[File]) -> int:
    with archive.open('rb') as stream:
        for path, offset, size in files:
            if not _there(folder / path, size):
                stream.seek(offset)
                _write(folder / path, size, stream)
    return sum(size for _, _, size in files)


def _zip_files(archive: zipfile.ZipFile, place: Place) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    for info in archive.infolist():
        path = None if info.is_dir() else _wanted(info.filename, place)
        if path:
            yield path, info


def _unpack_zip(archive: zipfile.ZipFile, folder: Path, files: list[tuple[str, zipfile.ZipInfo]]) -> int:
    for path, info in files:
        if not _there(folder / path, info.file_size):
            with archive.open(info) as stream:
                _write(folder / path, info.file_size, stream)
    return sum(info.compress_size for _, info in files)


def _unpack_inner(archive: Path, folder: Path, place: Place, inner: tarfile.TarInfo) -> int:
    name = PurePosixPath(_safe(inner.name)).stem
    with tarfile.open(archive, 'r:') as outer, tarfile.open(fileobj=outer.extractfile(inner), mode='r:') as tar:
        for member in _members(tar):
            path = _wanted(f'{name}/{member.name}', place)
            content = tar.extractfile(member) if path and not _there(folder / path, member.size) else None
            if path and content:
                _write(folder / path, member.size, content)
    return inner.size


def _tidy(folder: Path) -> int:
    """Delete the half files of a run that was killed, see `whole_file` for their names; bytes of the others."""
    there = 0
    for below, _, files in os.walk(folder):
        for path in (os.path.join(below, name) for name in files):
            if re.fullmatch(r'\..+\.\d+', os.path.basename(path)):
                os.unlink(path)
            else:
                there += os.lstat(path).st_size
    return there


def _require_room(archive: Path, folder: Path, there: int) -> None:
    """Hours before it would be found out: images take as much room as the archive that they come in."""
    needed = archive.stat().st_size - there
    disk = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(disk).free
    if needed > free:
        raise DataError(
            f'{archive}: the disk is too full: about {needed:,} bytes are to be unpacked, {disk} has {free:,} free. '
            f'Make room, or give a folder on another disk with --out.'
        )


def _there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _write(path: Path, size: int, stream: IO[bytes]) -> None:
    """Write the next `size` bytes to a file, whole or not at all."""
    with whole_file(path) as part, part.open('wb') as out:
        while (left := size - out.tell()) and (block := stream.read(min(left, 1 << 20))):
            out.write(block)
        if left:
            raise tarfile.ReadError(f'{path.name} ends {left:,} bytes too early')


def _chunks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while chunk := list(islice(items, _CHUNK)):
        yield chunk
