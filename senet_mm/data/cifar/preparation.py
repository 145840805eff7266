"""CIFAR-10 and CIFAR-100 on disk: fetched or taken from a copy, verified file by file, whole or not there.

`tools/prepare_data.py cifar10` makes data/cifar10/cifar-10-batches-py, `tools/prepare_data.py cifar100`
data/cifar100/cifar-100-python, as published.
"""

import argparse
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from senet_mm.data.cifar.layout import LAYOUTS, CifarLayout, SplitName, find_folder
from senet_mm.data.errors import DataError
from senet_mm.data.files.download import RemoteFile, digest, download, exclusive, require_same
from senet_mm.data.files.folder import is_vacant, new_folder


class CifarCommand:
    """`prepare_data.py cifar10` or `prepare_data.py cifar100`."""

    def __init__(self, layout: CifarLayout):
        self.layout = layout
        self.__doc__ = f'{layout.title} as published: the official archive, or a copy on disk, verified and unpacked.'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        out = Path('data') / self.layout.name
        parser.add_argument('--out', type=Path, default=out, help='folder to make (default: %(default)s)')
        parser.add_argument(
            '--source',
            type=Path,
            help=f'{self.layout.archive} on disk, or a folder with it or with {self.layout.folder}',
        )
        parser.add_argument('--subset', action='store_true', help='accept a cut-down set: other numbers, other files')
        parser.add_argument('--check', action='store_true', help='only verify --source, or --out without it')

    def run(self, args: argparse.Namespace) -> str:
        """Check or build as the options say; return the line to print."""
        if args.check:
            return check_cifar(self.layout, args.source or args.out, args.subset)
        return make_cifar(self.layout, args.out, args.source, args.subset)


COMMANDS = {str(name): CifarCommand(layout) for name, layout in LAYOUTS.items()}


def make_cifar(layout: CifarLayout, out: Path, source: Path | None = None, subset: bool = False) -> str:
    """Put a set below `out`, whole or not at all; of several processes one works, the others wait and find it.

    Args:
        layout: of the set.
        out: the folder to make; absent, empty, or holding the set.
        source: the official archive, or a folder that holds it or its files; never changed. Without it the archive is
            fetched to beside `out`, and deleted once it is unpacked, unless it was there before.
        subset: accept other numbers of images, and files that are not the official ones.

    Returns:
        One line saying what was done.

    Raises:
        DataError: the archive cannot be had, something is not the official file, the disk refuses, or `out` holds
            something else; nothing is left of `out`.
    """
    if not is_vacant(out):
        return _found(layout, out, subset)
    place = None if source is None else _find_source(layout, source)
    if place:
        _verify_source(layout, place, subset)
    archive = out.absolute().with_name(layout.archive)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(archive):  # of all that make this set in this place, as they share the archive
        if not is_vacant(out):  # another process was faster
            return _found(layout, out, subset)
        if place:
            return f'{out}: {_build(layout, out, place, subset)}, verified; from {place}.'
        fetched = not archive.exists()
        summary = _build(layout, out, download(_remote(layout), archive))
        if fetched:
            archive.unlink()
    return f'{out}: {summary}, verified; from {layout.url}.'


def check_cifar(layout: CifarLayout, place: Path, subset: bool = False) -> str:
    """Verify an archive, or the set in a folder, and write nothing there.

    Raises:
        DataError: something is missing, or, unless `subset`, is not the official file.
    """
    found = _find_source(layout, place)
    return f'{found}: {_verify_source(layout, found, subset)}; verified.'


def verify(layout: CifarLayout, folder: Path, subset: bool = False) -> str:
    """Hold every file of a set against its checksum, and read them all; return what it is in a few words.

    Raises:
        DataError: a file cannot be read, or, unless `subset`, files are not the official ones, all in one message.
    """
    from senet_mm.data.cifar.files import read_cifar

    found = {file: digest(folder / file, 'md5') for file in layout.files}
    wrong = [file for file in layout.files if found[file] != layout.md5[file]]
    if wrong and not subset:
        lines = [f'{file}: md5 {found[file]}, where {layout.md5[file]} is expected' for file in wrong]
        title = f'{folder}: not the official files of {layout.title}; take them anew'
        raise DataError('\n  '.join([f'{title}, or accept a cut-down set with --subset:', *lines]))
    images = {split: len(read_cifar(folder, layout.name, split).labels) for split in layout.images}
    for split, count in layout.images.items():
        if images[split] != count and not subset:
            raise DataError(f'{folder}: {images[split]:,} {split} images, where {layout.title} has {count:,}.')
    return _summary(layout, images, bool(wrong))


def _found(layout: CifarLayout, out: Path, subset: bool) -> str:
    try:
        return f'{out}: already there: {verify(layout, find_folder(out, layout), subset)}, verified.'
    except DataError as error:
        raise DataError(
            f'{out} is not empty, and not a whole {layout.title}; it is left as it is. Move it away, or give another '
            f'folder with --out.\n{error}'
        ) from None


def _find_source(layout: CifarLayout, source: Path) -> Path:
    """The archive or the folder of files that the user means."""
    if not source.exists():
        raise DataError(f'{source} does not exist.')
    archive = source / layout.archive if source.is_dir() else source
    unpacked = any((place / layout.meta).is_file() for place in (source, source / layout.folder))
    if archive.is_file() and not unpacked:
        return archive
    return find_folder(source, layout)


def _verify_source(layout: CifarLayout, source: Path, subset: bool) -> str:
    """Of the official archive, which is known, no file is read."""
    if source.is_dir():
        return verify(layout, source, subset)
    if not subset:
        require_same(source, _remote(layout))
        return _summary(layout, layout.images)
    with TemporaryDirectory() as folder:
        unpack(layout, source, Path(folder))
        return verify(layout, Path(folder), subset)


def _build(layout: CifarLayout, out: Path, source: Path, subset: bool = False) -> str:
    """Unpack or copy the files of a set into a new folder, and verify what has arrived there."""
    try:
        with new_folder(out) as part:
            folder = part / layout.folder
            folder.mkdir()
            if source.is_dir():
                for file in layout.files:
                    shutil.copyfile(source / file, folder / file)
            else:
                unpack(layout, source, folder)
            return verify(layout, folder, subset)
    except OSError as error:
        raise DataError(f'{out} could not be made from {source}; nothing is left of it: {error}') from error


def unpack(layout: CifarLayout, archive: Path, folder: Path) -> None:
    """Write the files of a set from an archive into a folder; of the archive's other members and paths none is used.

    Raises:
        DataError: a file is missing in it, or it is cut off or damaged.
    """
    wanted = {f'{layout.folder}/{file}': file for file in layout.files}
    try:
        with tarfile.open(archive, 'r|gz') as members:
            for member in members:
                content = members.extractfile(member) if member.name in wanted and member.isreg() else None
                if content:
                    with (folder / wanted.pop(member.name)).open('wb') as stream:
                        shutil.copyfileobj(content, stream)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f'{archive} is cut off or damaged ({error}); fetch it again.') from error
    if wanted:
        raise DataError(f'{archive} lacks {", ".join(wanted)}.')


def _remote(layout: CifarLayout) -> RemoteFile:
    return RemoteFile(layout.url, layout.archive_bytes, f'md5:{layout.archive_md5}')


def _summary(layout: CifarLayout, images: Mapping[SplitName, int], other: bool = False) -> str:
    counts = ' and '.join(f'{count:,} {split}' for split, count in images.items())
    subset, files = 'a SUBSET of ' if images != layout.images else '', ' in files of its own' if other else ''
    return f'{subset}{layout.title}{"" if subset else files}, {counts} images'
