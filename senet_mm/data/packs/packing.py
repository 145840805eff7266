"""A data set's folder in one .zip, .tar or .lmdb, from which the same configs read it: tools/pack_dataset.py."""

import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from senet_mm.data.errors import DataError
from senet_mm.data.files.progress import progress
from senet_mm.data.packs.index import INDEX, LOCAL_HEADER, Index
from senet_mm.data.packs.readers import EXTRA, open_pack

Entry = tuple[str, int]  # name in the pack, size in bytes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's earliest date: the same folder gives the same bytes
_BATCH = 1000  # files of a transaction


def pack_folder(folder: Path, out: Path, verify: bool = True) -> str:
    """Pack every file below a folder, uncompressed, whole or not at all; hidden files stay out.

    Args:
        folder: of a data set, as `prepare_data.py` makes it; links are followed.
        out: the .zip, .tar or .lmdb to make.
        verify: read everything back and compare.

    Returns:
        One line saying what was done.

    Raises:
        DataError: the folder is empty or not there, `out` is there already or of another kind, the disk is full, or a
            file changed meanwhile; nothing is left of `out`.
    """
    write = _writer(out)
    if out.exists():
        raise DataError(f'{out} is already there; it is left as it is. --check compares it with {folder}.')
    entries = list_files(folder)
    size = sum(size for _, size in entries)
    out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out.parent).free
    if size > free:
        raise DataError(f'{out}: {size:,} bytes are to be packed, {out.parent.absolute()} has {free:,} free.')
    part = out.with_name(f'.part.{os.getpid()}.{out.name}')  # with the suffix, by which it is read
    try:
        with progress(f'packing {out.name}', size) as advance:
            write(part, folder, entries, advance)
        if verify:
            compare(folder, part, entries)
        part.replace(out)
    except OSError as error:
        raise DataError(f'{out} could not be made; nothing is left of it: {error}') from error
    finally:
        part.unlink(missing_ok=True)
    return f'{out}: {len(entries):,} files of {folder}, {size:,} bytes{", compared" if verify else ""}.'


def check_pack(folder: Path, pack: Path) -> str:
    """Compare a pack with the folder it was made from, byte by byte.

    Raises:
        DataError: they differ.
    """
    entries = list_files(folder)
    compare(folder, pack, entries)
    return f'{pack}: {len(entries):,} files, the same as in {folder}.'


def list_files(folder: Path) -> list[Entry]:
    """Every file below a folder with its size, in the order of the names' bytes.

    Raises:
        DataError: the folder is not there, or empty; or a name is not UTF-8.
    """
    if not folder.is_dir():
        raise DataError(f'{folder} is not a folder.')
    try:
        entries = sorted(_walk(folder, ''), key=lambda entry: entry[0].encode())
    except UnicodeEncodeError as error:
        raise DataError(f'{folder} has a name that is not UTF-8: {error.object!r}. Rename that file.') from error
    if not entries:
        raise DataError(f'{folder} is empty: there is nothing to pack.')
    return entries


def compare(folder: Path, pack: Path, entries: Sequence[Entry]) -> None:
    """Hold every file of a pack against the folder's.

    Raises:
        DataError: a file is missing, is too many, or differs; the message names the first.
    """
    reader = open_pack(pack)
    wanted = [name for name, _ in entries]
    differing = set(reader.names()) ^ set(wanted)
    if differing:
        raise DataError(f'{pack} and {folder} differ: {min(differing)} is in one of them only.')
    with progress(f'comparing {pack.name}', sum(size for _, size in entries)) as advance:
        for name, size in entries:
            if reader.read(name) != (folder / name).read_bytes():
                raise DataError(f'{pack} and {folder} differ in {name}.')
            advance(size)


def _walk(folder: Path, below: str) -> Iterator[Entry]:
    with os.scandir(folder / below) as found:
        for entry in found:
            name = f'{below}{entry.name}'
            if entry.name.startswith('.'):
                continue
            if entry.is_dir():
                yield from _walk(folder, f'{name}/')
            else:
                yield name, entry.stat().st_size


def _writer(out: Path) -> Callable[[Path, Path, Sequence[Entry], Callable[[int], None]], None]:
    writers = {'.zip': _write_zip, '.tar': _write_tar, '.lmdb': _write_lmdb}
    if out.suffix not in writers:
        raise DataError(f'{out}: a name that ends in {", ".join(writers)} is expected; it says what to make.')
    return writers[out.suffix]


def _write_zip(part: Path, folder: Path, entries: Sequence[Entry], advance: Callable[[int], None]) -> None:
    """The index comes first: where everything will lie follows from the names and sizes."""
    headers = [LOCAL_HEADER.size + len(name.encode()) for name, _ in entries]
    start = LOCAL_HEADER.size + len(INDEX) + len(_index_of(entries, headers))
    rooms = [header + size for header, (_, size) in zip(headers, entries, strict=True)]
    places = list(accumulate(rooms[:-1], initial=start))
    with zipfile.ZipFile(part, 'w', zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(INDEX, _EPOCH), _index_of(entries, places))
        for name, size in entries:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), _read(folder, name, size))
            advance(size)


def _write_tar(part: Path, folder: Path, entries: Sequence[Entry], advance: Callable[[int], None]) -> None:
    """The index comes first, as in a zip."""
    infos = [_tar_info(name, size) for name, size in entries]
    start = _room(_tar_info(INDEX, len(_index_of(entries, [0] * len(entries)))))
    rooms = accumulate([_room(info) for info in infos[:-1]], initial=start)
    places = [room + _header(info) for room, info in zip(rooms, infos, strict=True)]
    with tarfile.open(part, 'w:', format=tarfile.GNU_FORMAT) as archive:
        index = _index_of(entries, places)
        archive.addfile(_tar_info(INDEX, len(index)), io.BytesIO(index))
        for info, (name, size) in zip(infos, entries, strict=True):
            archive.addfile(info, io.BytesIO(_read(folder, name, size)))
            vars(archive)['members'] = []  # or it keeps them all
            advance(size)


def _write_lmdb(part: Path, folder: Path, entries: Sequence[Entry], advance: Callable[[int], None]) -> None:
    try:
        import lmdb
    except ImportError as error:
        raise DataError(EXTRA) from error
    room = sum(size + 8192 for _, size in entries) + (1 << 28)  # an upper bound; the file grows to what it needs
    try:
        with lmdb.open(str(part), subdir=False, lock=False, sync=False, map_size=room) as database:
            _require_short(entries, database.max_key_size())
            for start in range(0, len(entries), _BATCH):
                with database.begin(write=True) as transaction:
                    for name, size in entries[start : start + _BATCH]:
                        transaction.put(name.encode(), _read(folder, name, size), append=True)
                        advance(size)
            database.sync(True)
    except lmdb.Error as error:
        raise OSError(str(error)) from error


def _require_short(entries: Sequence[Entry], longest: int) -> None:
    for name, _ in entries:
        if len(name.encode()) > longest:
            raise DataError(f'{name}: an LMDB takes names of {longest} bytes at most; pack to a .zip or .tar.')


def _read(folder: Path, name: str, size: int) -> bytes:
    content = (folder / name).read_bytes()
    if len(content) != size:
        raise DataError(f'{folder / name} changed while it was packed; nothing was kept.')
    return content


def _index_of(entries: Sequence[Entry], places: Sequence[int]) -> bytes:
    return Index((name, place, size) for (name, size), place in zip(entries, places, strict=True)).to_bytes()


def _tar_info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _header(info: tarfile.TarInfo) -> int:
    return len(info.tobuf(tarfile.GNU_FORMAT))  # more than a block where the name is long


def _room(info: tarfile.TarInfo) -> int:
    return _header(info) + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
