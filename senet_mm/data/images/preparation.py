"""What the preparations of ImageNet, Places365 and, in part, COCO share: where to build, what to verify and to say."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError
from senet_mm.data.files.download import RemoteFile, digest, require_same
from senet_mm.data.files.folder import new_folder
from senet_mm.data.files.manifest import read_manifest
from senet_mm.data.files.staging import staged_folder
from senet_mm.data.images.scan import ScanReport, describe_corrupt, scan_images
from senet_mm.data.images.tree import Sample, SplitFacts, check_split, read_list

SPLITS = ('train', 'val')


@dataclass(frozen=True)
class Options:
    """How to prepare and verify.

    Attributes:
        subset: accept fewer images and classes, and archives that are not the official ones.
        scan: read every image.
        workers: threads; as many as there are processors if None.
    """

    subset: bool = False
    scan: bool = True
    workers: int | None = None


def add_arguments(parser: argparse.ArgumentParser, out: Path) -> None:
    """Declare the options that ImageNet and Places365 take."""
    parser.add_argument('--source', type=Path, help='folder with the official archives, or with what is in them')
    parser.add_argument('--out', type=Path, default=out, help='folder to make (default: %(default)s)')
    parser.add_argument('--subset', action='store_true', help='accept a cut-down set: other numbers, other archives')
    add_scan_arguments(parser)
    parser.add_argument('--check', action='store_true', help='only verify what is in --out, and write nothing')


def add_scan_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of reading every image."""
    parser.add_argument('--no-scan', action='store_true', help='do not read every image to see whether it can be')
    parser.add_argument('--workers', type=int, help='threads for unpacking and reading (default: one a processor)')


def options_of(args: argparse.Namespace) -> Options:
    """What was asked for."""
    if args.workers is not None and args.workers < 1:
        raise DataError(f'--workers {args.workers}: give 1 or more.')
    return Options(args.subset, not args.no_scan, args.workers)


@contextmanager
def building(out: Path, sources: Mapping[str, Path], in_place: bool) -> Iterator[Path]:
    """Yield the folder to fill, which is `out` when the block ends; see `staged_folder` and `new_folder`.

    Args:
        out: the folder to make.
        sources: what it is made from. If archives are among them, what was unpacked survives an interruption.
        in_place: `out` holds the images already, and only small files are to be added.
    """
    if in_place:
        yield out
    elif any(source.is_file() and source.suffix == '.tar' for source in sources.values()):
        with staged_folder(out, identity(sources)) as part:
            yield part
    else:
        with new_folder(out) as part:
            yield part


def link(target: Path, place: Path) -> None:
    """Have a folder stand at `target`, too, unless it does already."""
    if target.resolve() != place.resolve():
        target.symlink_to(place.resolve(), target_is_directory=True)


def identity(sources: Mapping[str, Path]) -> dict[str, str]:
    """What tells the sources from others: folders by their place, archives by name and size."""
    return {
        name: f'{path.name}, {path.stat().st_size} bytes' if path.is_file() else str(path.resolve())
        for name, path in sources.items()
    }


def require_official(archive: Path, official: RemoteFile, notes: Path | None) -> None:
    """Hold an archive's size and checksum against the official ones.

    Args:
        archive: on disk.
        official: what is published of it.
        notes: folder that keeps a note of an archive that has passed, for the next run.

    Raises:
        DataError: they differ.
    """
    status = archive.stat()
    note = notes / f'.{archive.name}.verified' if notes else None
    passed = f'{status.st_size} {status.st_mtime_ns}'
    if note and note.exists() and note.read_text() == passed:
        return
    print(f'{archive}: verifying its checksum ({status.st_size / 1e9:,.1f} GB).', file=sys.stderr)
    require_same(archive, official)
    if note:
        note.write_text(passed)


def verify_tree(
    folder: Path,
    facts: Mapping[str, SplitFacts],
    lists: Mapping[str, Sequence[Sample]],
    names: Sequence[str] | None,
    options: Options,
    problems: Sequence[str] = (),
) -> dict[str, ScanReport]:
    """Hold both splits against their lists and against what is published, then read every image.

    Args:
        folder: with train/ and val/.
        facts: published of each split.
        lists: of each split.
        names: of the classes, for messages.
        options: of the command.
        problems: found before.

    Returns:
        What the scan found in each split; nothing without a scan.

    Raises:
        DataError: every problem, one line each; images are read only when all are there.
    """
    found = list(problems)
    places = {split: _lasting(folder / split) for split in SPLITS}
    for split, place in places.items():
        found += check_split(place, lists[split], facts[split], names, options.subset)
    if found:
        raise DataError('\n  '.join(['the images or their lists are not as they should be:', *found]))
    reports = {}
    for split, place in places.items() if options.scan else ():
        reports[split] = scan_images(place, [file for file, _ in lists[split]], options.workers)
    corrupt = describe_corrupt({places[split]: report for split, report in reports.items()})
    if corrupt:
        raise DataError('\n  '.join(corrupt))
    return reports


def _lasting(folder: Path) -> Path:
    """The place to name in a message: where a link leads, for the link itself may be gone by then."""
    return folder.resolve() if folder.is_symlink() else folder


def describe(
    title: str,
    folder: Path,
    lists: Mapping[str, Sequence[Sample]],
    sources: Mapping[str, Path],
    reports: Mapping[str, ScanReport],
    subset: bool,
) -> dict[str, Any]:
    """The manifest of a verified folder."""
    return {
        'dataset': title,
        'subset': subset,
        'images': {split: len(lists[split]) for split in SPLITS},
        'classes': len({label for split in SPLITS for _, label in lists[split]}),
        'lists': {f'meta/{split}.txt': digest(folder / 'meta' / f'{split}.txt', 'sha256') for split in SPLITS},
        'made_from': identity(sources),
        'read': bool(reports),
        'not_plain_jpeg': {split: dict(sorted(report.odd.items())) for split, report in reports.items()},
    }


def found_there(out: Path, manifest: Path, title: str, sources: Mapping[str, Path] | None) -> str:
    """What to say of an `out` that is not empty; with `sources`, it must be made from them.

    Raises:
        DataError: it is not what would be built from these sources.
    """
    content = read_manifest(manifest)
    made_from = identity(sources) if sources else content and content.get('made_from')
    if content is None or content.get('dataset') != title or content.get('made_from') != made_from:
        other = f' It holds {content["dataset"]}, made from other files.' if content and 'dataset' in content else ''
        raise DataError(
            f'{out} is not empty and not what would be built from this source; it is left as it is.{other} '
            f'Move it away, or give another folder with --out.'
        )
    return f'{out}: already there: {summary(content)}. --check verifies it.'


def check_tree(
    folder: Path, manifest: Path, facts: Mapping[str, SplitFacts], names: Sequence[str] | None, options: Options
) -> str:
    """Verify a folder that was built, and write nothing; return the line to print.

    Raises:
        DataError: it was not built, a list has changed, or something is missing or cannot be read.
    """
    content = read_manifest(manifest)
    if content is None:
        raise DataError(f'{folder} holds no {manifest.name}: it was not made by this command, or not to its end.')
    changed = [f'{path} is no longer the one that {manifest.name} names' for path in _changed(folder, content)]
    lists = {split: read_list(folder / 'meta' / f'{split}.txt') for split in SPLITS}
    options = Options(options.subset or bool(content.get('subset')), options.scan, options.workers)
    reports = verify_tree(folder, facts, lists, names, options, changed)
    return f'{folder}: {summary(content)}{_odd(reports)}; verified{"" if options.scan else ", images not read"}.'


def summary(manifest: Mapping[str, Any]) -> str:
    """A line about a manifest."""
    counts = ' and '.join(f'{count:,} {split}' for split, count in manifest['images'].items())
    title = f'a SUBSET of {manifest["dataset"]}' if manifest['subset'] else manifest['dataset']
    return f'{title}, {counts} images of {manifest["classes"]:,} classes'


def built(out: Path, manifest: Mapping[str, Any], reports: Mapping[str, ScanReport]) -> str:
    """What to say of a folder that was just built."""
    read = 'all read' if manifest['read'] else 'not read'
    return f'{out}: {summary(manifest)}; {read}{_odd(reports)}.'


def _odd(reports: Mapping[str, ScanReport]) -> str:
    kinds = Counter(kind for report in reports.values() for kind in report.odd.values())
    if not kinds:
        return ''
    return ' (as RGB, too, ' + ', '.join(f'{count:,} {kind}' for kind, count in sorted(kinds.items())) + ')'


def _changed(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    lists = manifest.get('lists', {})
    return [path for path, wanted in lists.items() if _sha256(folder / path) != wanted]


def _sha256(path: Path) -> str | None:
    try:
        return digest(path, 'sha256')
    except FileNotFoundError:
        return None
