"""Is a COCO what the minival protocol needs? Read and counted, nothing written."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.data.coco.layout import LAYOUTS
from senet_mm.data.images.scan import ScanReport, scan_images

COUNTS = {  # images listed in each annotation file
    'annotations/instances_train2014.json': 82_783,
    'annotations/instances_valminusminival2014.json': 35_504,
    'annotations/instances_minival2014.json': 5_000,
    'annotations/instances_train2017.json': 118_287,
    'annotations/instances_val2017.json': 5_000,
}


@dataclass(frozen=True)
class PartRecord:
    """What an annotation file says, as far as the protocol asks.

    Attributes:
        file: its place in the layout, such as 'annotations/instances_val2017.json'.
        folder: name of its image folder.
        image_ids: one for each image listed.
        file_names: likewise.
        annotations: their number.
        categories: id → name.
        sha256: of the file, in hexadecimal.
    """

    file: str
    folder: str
    image_ids: list[int]
    file_names: list[str]
    annotations: int
    categories: dict[int, str]
    sha256: str


def check_source(layout: str, places: Mapping[str, Path], subset: bool) -> tuple[list[PartRecord], list[str]]:
    """Read the annotation files of a layout and hold them against the protocol and the image folders.

    Args:
        layout: '2014' or '2017'.
        places: for each annotation file and image folder of the layout, where it is.
        subset: accept other numbers of images than COCO's.

    Returns:
        What the well-formed files say, and every problem found, one line each.
    """
    records, problems = [], []
    for file, folder in (part for split in LAYOUTS[layout].values() for part in split):
        try:
            records.append(read_part(places[file], file, folder))
        except (OSError, ValueError) as error:
            problems.append(f'{places[file]}: {error}')
    for record in records:
        problems += _check_counts(record, places[record.file], subset)
    for number, record in enumerate(records):
        for other in records[:number]:
            problems += _check_pair(other, record)
    for folder in dict.fromkeys(record.folder for record in records):
        wanted = [name for record in records if record.folder == folder for name in record.file_names]
        problems += _check_images(places[folder], wanted)
    return records, problems


def scan_source(
    records: Sequence[PartRecord], places: Mapping[str, Path], workers: int | None
) -> dict[Path, ScanReport]:
    """Read every image that the annotation files list; return what was found in each folder.

    Args:
        records: what `check_source` has read.
        places: as of `check_source`.
        workers: threads.
    """
    reports = {}
    for folder in dict.fromkeys(record.folder for record in records):
        files = [name for record in records if record.folder == folder for name in record.file_names]
        reports[places[folder]] = scan_images(places[folder], files, workers)
    return reports


def read_part(path: Path, file: str, folder: str) -> PartRecord:
    """Read an annotation file whole (COCO's largest: 450 MB, 2 to 3 GB of memory for the moment).

    Raises:
        OSError: it cannot be read.
        ValueError: it is cut off, or not COCO's instances format; the message says what is wrong with it.
    """
    content = path.read_bytes()
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ValueError(f'not well-formed JSON, most likely cut off in a download; fetch it again ({error})') from None
    try:
        record = PartRecord(
            file=file,
            folder=folder,
            image_ids=[image['id'] for image in document['images']],
            file_names=[image['file_name'] for image in document['images']],
            annotations=len(document['annotations']),
            categories={category['id']: category['name'] for category in document['categories']},
            sha256=hashlib.sha256(content).hexdigest(),
        )
        strays = {annotation['image_id'] for annotation in document['annotations']} - set(record.image_ids)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not COCO's instances format: {type(error).__name__} {error}") from None
    if strays:
        raise ValueError(f'its annotations name images that it does not list: {_some(strays)}')
    return record


def _check_counts(record: PartRecord, path: Path, subset: bool) -> list[str]:
    problems = []
    count, wanted = len(record.image_ids), COUNTS[record.file]
    if count == 0 or (count != wanted and not subset):
        hint = '' if count == 0 else '; --subset accepts a cut-down set'
        problems.append(f'{path}: lists {count:,} images, the protocol has {wanted:,}{hint}')
    if len(set(record.image_ids)) < count or len(set(record.file_names)) < count:
        problems.append(f'{path}: lists an image more than once')
    return problems


def _check_pair(a: PartRecord, b: PartRecord) -> list[str]:
    problems = []
    names = f'{Path(a.file).name} and {Path(b.file).name}'
    ids, files = set(a.image_ids) & set(b.image_ids), set(a.file_names) & set(b.file_names)
    if ids:
        problems.append(f'{names} share {len(ids):,} image ids: {_some(ids)}')
    if files:
        problems.append(f'{names} share {len(files):,} image files: {_some(files)}')
    if a.categories != b.categories:
        problems.append(f'{names} differ in their categories')
    return problems


def _check_images(folder: Path, wanted: Iterable[str]) -> list[str]:
    with os.scandir(folder) as entries:
        there = {entry.name for entry in entries}
    missing = set(wanted) - there
    return [f'{folder}: {len(missing):,} of the images listed are not there: {_some(missing)}'] if missing else []


def _some(items: Iterable[Any]) -> str:
    """The first three in order, and a sign that there are more."""
    ordered = sorted(items)
    return ', '.join(map(str, ordered[:3])) + (', …' if len(ordered) > 3 else '')
