"""Places365 from the official archives or from a copy: counted, every image read, or not there.

`tools/prepare_data.py places365 --source FOLDER` makes data/places365: train/<letter>/<class>/…, val/…, meta/train.txt
and meta/val.txt. The paper's is Places365-Challenge (Table 6); Standard is a quarter of it. Archives are fetched where
that is asked for, and unpacked; folders stay where they are and are linked to.
"""

import argparse
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from senet_mm.data.errors import DataError
from senet_mm.data.files.download import digest, download, exclusive
from senet_mm.data.files.folder import is_vacant
from senet_mm.data.files.manifest import read_manifest, write_manifest
from senet_mm.data.files.staging import is_staged
from senet_mm.data.files.unpack import strip_folder, unpack
from senet_mm.data.images import preparation
from senet_mm.data.images.preparation import SPLITS, Options
from senet_mm.data.images.scan import ScanReport
from senet_mm.data.images.tree import Sample, list_images, parse_list, read_list, some, write_list
from senet_mm.data.places365.layout import (
    EASY,
    FACTS,
    LIST_MD5,
    SIZES,
    VARIANTS,
    Edition,
    official,
    read_categories,
    read_class_names,
)

MANIFEST = 'places365.json'


@dataclass(frozen=True)
class Plan:
    """What is built, and where everything is now.

    Attributes:
        edition: variant and size.
        places: 'train' and 'val' → an archive or a folder; 'lists' → an archive or a folder with the official lists.
            Of the "easy format", 'train' and 'val' are one archive or two folders, and there are no lists. Of what
            `make_places365` builds, they are its three folders.
    """

    edition: Edition
    places: Mapping[str, Path]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `prepare_data.py places365`."""
    preparation.add_arguments(parser, Path('data/places365'))
    parser.add_argument(
        '--variant',
        choices=VARIANTS,
        default='challenge',
        help="8.0 million training images, the paper's, or 1.8 (default: %(default)s)",
    )
    parser.add_argument('--size', choices=SIZES, default='256', help='256×256, or as published (default: %(default)s)')
    parser.add_argument('--download', action='store_true', help='fetch the archives that are not in --source')


def run(args: argparse.Namespace) -> str:
    """Check or build as the options say; return the line to print."""
    options = preparation.options_of(args)
    if args.check:
        return check_places365(args.out, options)
    if args.source is None:
        raise DataError('give --source FOLDER, where your Places365 is, or comes to with --download; or --check.')
    edition = Edition(args.variant, args.size)
    if args.download:
        fetch(edition, args.source)
    return make_places365(args.source, args.out, edition, options)


def fetch(edition: Edition, folder: Path) -> None:
    """Fetch the archives of an edition that are not in a folder, each resumed where it stopped, and verified.

    Raises:
        DataError: one cannot be had, or the disk is full; the message says what was kept.
    """
    for name in edition.archives.values():
        if not (folder / name).exists():
            download(official(name), folder / name)


def make_places365(source: Path, out: Path, edition: Edition, options: Options | None = None) -> str:
    """Build an edition at `out`, whole or not at all; what was unpacked before an interruption is used by the next run.

    Args:
        source: folder with the archives, or with what they hold, unpacked with tar or by torchvision, or as this
            builds them; never changed.
        out: the folder to make; absent, empty, or made from the same source.
        edition: variant and size.
        options: of the verification.

    Returns:
        One line saying what was done.

    Raises:
        DataError: something is missing, damaged or not this edition's, all of it in one message; or `out` is occupied,
            or the disk is full.
    """
    options = options or Options()
    plan = find_source(source, edition)
    out.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(out):
        if not is_vacant(out):
            return preparation.found_there(out, out / MANIFEST, edition.title, plan.places)
        with preparation.building(out, plan.places, in_place=False) as part:
            manifest, reports = _build(plan, part, options)
    return preparation.built(out, manifest, reports)


def check_places365(folder: Path, options: Options | None = None) -> str:
    """Verify a Places365 that was built, and write nothing.

    Raises:
        DataError: every problem found.
    """
    manifest = read_manifest(folder / MANIFEST) or {}
    facts = FACTS[manifest.get('variant', VARIANTS[0])]
    return preparation.check_tree(folder, folder / MANIFEST, facts, read_class_names(), options or Options())


def find_source(source: Path, edition: Edition) -> Plan:
    """Find both splits and the lists in a folder.

    Raises:
        DataError: something is missing; the message says what, and where to get it.
    """
    if not source.is_dir():
        raise DataError(f'{source} is not a folder.')
    places = {name: place for name in edition.archives if (place := _find(source, edition, name))}
    missing = [name for name in edition.archives if name not in places]
    easy = _find_easy(source) if missing and edition == Edition('standard', '256') else None
    instead = easy or (_find_built(source, edition) if missing else None)
    if instead:
        return Plan(edition, instead)
    if missing:
        lines = [f'  {_wanted(edition, name)}\n      {official(edition.archives[name]).url}' for name in missing]
        others = _others(source, edition)
        hint = f' It holds parts of {" and of ".join(others)}: see --variant and --size.' if others else ''
        raise DataError(
            '\n'.join([f'{source} holds no whole {edition.title}.{hint} It lacks', *lines, '--download fetches them.'])
        )
    return Plan(edition, places)


def _find(source: Path, edition: Edition, name: str) -> Path | None:
    archive = source / edition.archives[name]
    if name == 'lists':
        lists = [source / file for file in edition.lists.values()]
        return source if all(file.is_file() for file in lists) else archive if archive.is_file() else None
    folders = [source / folder for folder in edition.folders[name]]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    return folder or (archive if archive.is_file() else None)


def _find_easy(source: Path) -> dict[str, Path] | None:
    folder, archive = source / EASY, source / f'{EASY.replace("_", "")}_easyformat.tar'
    if all((folder / split).is_dir() for split in SPLITS):
        return {split: folder / split for split in SPLITS}
    return dict.fromkeys(SPLITS, archive) if archive.is_file() else None


def _find_built(source: Path, edition: Edition) -> dict[str, Path] | None:
    """What `make_places365` has built, unless of another edition; or the like without a manifest, as in the demo."""
    places = {split: source / split for split in SPLITS} | {'lists': source / 'meta'}
    there = all(place.is_dir() for place in places.values()) and _is_ours(places['lists'])
    return places if there and _edition_in(source) in (edition, None) else None


def _is_ours(lists: Path) -> bool:
    return all((lists / f'{split}.txt').is_file() for split in SPLITS)


def _edition_in(folder: Path) -> Edition | None:
    manifest = read_manifest(folder / MANIFEST) or {}
    return Edition(manifest['variant'], manifest['size']) if {'variant', 'size'} <= manifest.keys() else None


def _others(source: Path, edition: Edition) -> list[str]:
    there = []
    for other in (Edition(variant, size) for variant in VARIANTS for size in SIZES):
        names = other.archives['train'], other.lists['train']
        found = other == _edition_in(source) or any((source / name).exists() for name in names)
        if other != edition and found:
            there.append(other.title)
    return there


def _wanted(edition: Edition, name: str) -> str:
    other = ' and '.join(edition.lists.values()) if name == 'lists' else f'{" or ".join(edition.folders[name])}/'
    return f'{edition.archives[name]}, or {other}'


def _build(plan: Plan, part: Path, options: Options) -> tuple[dict[str, Any], dict[str, ScanReport]]:
    """Fill the folder, verify it; return the manifest and what the scan found."""
    archives = {place for place in plan.places.values() if place.is_file()}
    if not options.subset:
        for archive in sorted(archives):
            preparation.require_official(archive, official(archive.name), part if is_staged(part) else None)
    given = _read_lists(plan, options.subset) if 'lists' in plan.places else None
    for split in SPLITS:
        _place_split(plan, split, part / split, options.workers)
    lists = given or {split: _list_easy(part / split) for split in SPLITS}
    facts = FACTS[plan.edition.variant]
    reports = preparation.verify_tree(part, facts, lists, read_class_names(), options)
    for split, samples in lists.items():
        write_list(part / 'meta' / f'{split}.txt', samples)
    subset = any(len(samples) != facts[split].images for split, samples in lists.items())
    manifest = preparation.describe(plan.edition.title, part, lists, plan.places, reports, subset)
    manifest |= {'variant': plan.edition.variant, 'size': plan.edition.size}
    write_manifest(part / MANIFEST, manifest)
    return manifest, reports


def _place_split(plan: Plan, split: str, target: Path, workers: int | None) -> None:
    place = plan.places[split]
    if place.is_dir():
        preparation.link(target, place)
    else:
        folders = (f'{EASY}/{split}',) if 'lists' not in plan.places else plan.edition.folders[split]
        unpack(place, target, strip_folder(*folders), workers)


def _read_lists(plan: Plan, subset: bool) -> dict[str, list[Sample]]:
    """The lists as published, their files without the leading '/', or as an earlier preparation wrote them."""
    place, lists = plan.places['lists'], {}
    if _is_ours(place):
        return {split: read_list(place / f'{split}.txt') for split in SPLITS}
    for split, name in plan.edition.lists.items():
        path = (place if place.is_dir() else place.parent) / name
        if path.is_file() and not subset and digest(path, 'md5') != LIST_MD5[name]:
            archive = official(plan.edition.archives['lists'])
            raise DataError(f'{path} is not the official list (md5 {LIST_MD5[name]}). Take it from {archive.url}.')
        lines = read_list(path) if path.is_file() else _list_in(place, name)
        lists[split] = [(file.lstrip('/'), label) for file, label in lines]
    return lists


def _list_in(archive: Path, name: str) -> list[Sample]:
    try:
        with tarfile.open(archive) as tar:
            found = (member for member in tar if PurePosixPath(member.name).name == name and member.isreg())
            member = next(found, None)
            content = tar.extractfile(member) if member else None
            if content is None:
                raise DataError(f'{archive} lacks {name}; put that file beside it.')
            return parse_list((line.decode() for line in content), f'{archive}: {name}')
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f'{archive} is cut off or damaged ({error}). Fetch it again.') from error


def _list_easy(folder: Path) -> list[Sample]:
    """The "easy format" has a folder for each class, a/apartment_building/outdoor as apartment_building-outdoor."""
    label = {name[3:].replace('/', '-'): number for name, number in read_categories().items()}
    files = [(file, file.partition('/')[0]) for file in list_images(folder)]
    strange = sorted({name for _, name in files} - label.keys())
    if strange:
        raise DataError(f'{folder} has folders that are no class of Places365: {some(strange)}.')
    return sorted(((file, label[name]) for file, name in files), key=lambda sample: (sample[1], sample[0]))
