"""COCO with the paper's minival protocol, linked together from a COCO 2014 or 2017 that the user has.

`tools/prepare_data.py coco --source FOLDER` makes data/coco in the layout that `CocoMinival` reads; the images and the
annotation files stay where they are, untouched.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from senet_mm.data.coco_check import COUNTS, check_source
from senet_mm.data.coco_layout import LAYOUTS
from senet_mm.data.errors import DataError
from senet_mm.data.folder import is_vacant, new_folder

MANIFEST = 'minival_protocol.json'
_ZIPS = 'http://images.cocodataset.org/zips'
_ANNOTATIONS = 'http://images.cocodataset.org/annotations'
_MINIVAL = (
    'https://dl.fbaipublicfiles.com/detectron/coco/coco_annotations_minival.tgz (Detectron; py-faster-rcnn had it '
    'as {}.zip)'
)
ARCHIVES = {  # where each file and folder of the layouts comes from
    'train2014': f'{_ZIPS}/train2014.zip',
    'val2014': f'{_ZIPS}/val2014.zip',
    'train2017': f'{_ZIPS}/train2017.zip',
    'val2017': f'{_ZIPS}/val2017.zip',
    'annotations/instances_train2014.json': f'{_ANNOTATIONS}/annotations_trainval2014.zip',
    'annotations/instances_train2017.json': f'{_ANNOTATIONS}/annotations_trainval2017.zip',
    'annotations/instances_val2017.json': f'{_ANNOTATIONS}/annotations_trainval2017.zip',
    'annotations/instances_minival2014.json': _MINIVAL.format('instances_minival2014.json'),
    'annotations/instances_valminusminival2014.json': _MINIVAL.format('instances_valminusminival2014.json'),
}


@dataclass(frozen=True)
class Plan:
    """A layout, and for each of its annotation files and image folders where it is now."""

    layout: str
    places: dict[str, Path]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `prepare_data.py coco`."""
    parser.add_argument('--source', type=Path, help='folder with COCO 2017, or COCO 2014 and the two minival files')
    parser.add_argument('--out', type=Path, default=Path('data/coco'), help='folder to make (default: %(default)s)')
    parser.add_argument('--subset', action='store_true', help="accept other numbers of images than COCO's")
    parser.add_argument('--check', action='store_true', help='only verify --source, or --out without it')


def run(args: argparse.Namespace) -> str:
    """Check or build as the options say; return the line to print."""
    if args.check:
        return check_coco(args.source or args.out, args.subset)
    if args.source is None:
        raise DataError('give --source FOLDER, the folder that holds your COCO; or --check to verify --out.')
    return make_coco(args.source, args.out, args.subset)


def make_coco(source: Path, out: Path, subset: bool = False) -> str:
    """Verify a COCO and link it together at `out`; whole or not at all.

    Args:
        source: folder with train2017/, val2017/ and annotations/, or with train2014/, val2014/ and the three annotation
            files of the protocol, in annotations/ or beside it.
        out: the folder to make; if it is `source`, only the manifest is written.
        subset: accept other numbers of images than COCO's; the manifest says so.

    Returns:
        One line saying what was done.

    Raises:
        DataError: something is missing or wrong, all of it in one message; or `out` is occupied.
        OSError: the disk refuses; nothing is left of `out`.
    """
    plan = plan_source(source)
    manifest = verify(plan, subset)
    summary = _summary(manifest)
    in_place = out.resolve() == source.resolve()
    if in_place:
        _require_in_place(plan, out)
    elif not is_vacant(out):
        _require_same(plan, manifest, out)
    if _read_manifest(out) == manifest:
        return f'{out}: already there: {summary}.'
    if in_place:
        _write_manifest(out / MANIFEST, manifest)
        return f'{out}: {summary}; nothing to link.'
    with new_folder(out) as part:
        _link(plan, part)
        _write_manifest(part / MANIFEST, manifest)
    return f'{out}: {summary}; linked to {source.resolve()}.'


def check_coco(folder: Path, subset: bool = False) -> str:
    """Verify a COCO and write nothing; a folder built with `subset` may stay one.

    Raises:
        DataError: something is missing or wrong, or the annotation files are not those that its manifest names.
    """
    recorded = _read_manifest(folder)
    manifest = verify(plan_source(folder), subset or bool(recorded and recorded.get('subset')))
    if recorded is not None and recorded != manifest:
        raise DataError(f'{folder}: the annotation files are no longer those that {MANIFEST} names.')
    return f'{folder}: {_summary(manifest)}; verified.'


def plan_source(source: Path) -> Plan:
    """Find a complete layout in a folder.

    Raises:
        DataError: neither layout is complete; the message lists what each lacks and where to get it.
    """
    if not source.is_dir():
        raise DataError(f'{source} is not a folder.')
    lacks = {}
    for layout in LAYOUTS:
        wanted = [path for split in LAYOUTS[layout].values() for part in split for path in part]
        places = {path: place for path in wanted if (place := _find(source, path))}
        missing = sorted(set(wanted) - places.keys())
        if not missing:
            return Plan(layout, places)
        lacks[layout] = missing
    lines = [f'{source} holds neither COCO 2014 with the minival files nor COCO 2017. Either would do.']
    for layout, missing in lacks.items():
        lines += [f'COCO {layout} lacks:', *(f'  {path:47s} from {ARCHIVES[path]}' for path in missing)]
    lines.append('COCO 2017 is the simpler: its train and val are the same images, and it needs no minival files.')
    raise DataError('\n'.join(lines))


def verify(plan: Plan, subset: bool) -> dict[str, Any]:
    """Hold a source against the protocol; return the manifest of what it is.

    Raises:
        DataError: every problem found, one line each.
    """
    records, problems = check_source(plan.layout, plan.places, subset)
    if problems:
        raise DataError('this COCO cannot serve the minival protocol:\n  ' + '\n  '.join(problems))
    files = {record.file: record for record in records}
    splits = LAYOUTS[plan.layout]
    return {
        'protocol': 'COCO minival',
        'layout': plan.layout,
        'subset': any(len(record.image_ids) != COUNTS[record.file] for record in records),
        'images': {split: sum(len(files[file].image_ids) for file, _ in parts) for split, parts in splits.items()},
        'files': {
            file: {'images': len(record.image_ids), 'annotations': record.annotations, 'sha256': record.sha256}
            for file, record in files.items()
        },
    }


def _find(source: Path, path: str) -> Path | None:
    """Where a file or folder of the layout is; annotation files may also lie beside annotations/."""
    place = source.resolve() / path
    if not path.endswith('.json'):
        return place if place.is_dir() else None
    beside = source.resolve() / place.name
    return next((found for found in (place, beside) if found.is_file()), None)


def _link(plan: Plan, part: Path) -> None:
    (part / 'annotations').mkdir()
    for path, place in plan.places.items():
        (part / path).symlink_to(place, target_is_directory=place.is_dir())


def _require_in_place(plan: Plan, out: Path) -> None:
    """With nothing to link, the annotation files must lie where the layout has them."""
    strays = [str(place) for path, place in plan.places.items() if place != out.resolve() / path]
    if strays:
        raise DataError(f'move {", ".join(strays)} into {out / "annotations"}; or give an --out that is not --source.')


def _require_same(plan: Plan, manifest: Mapping[str, Any], out: Path) -> None:
    linked = all((out / path).resolve() == place.resolve() for path, place in plan.places.items())
    if not linked or _read_manifest(out) != manifest:
        raise DataError(
            f'{out} is not empty and not what would be built from this source; it is left as it is. '
            f'Move it away, or give another folder with --out.'
        )


def _summary(manifest: Mapping[str, Any]) -> str:
    kind = 'a SUBSET of COCO' if manifest['subset'] else 'COCO'
    counts = ' and '.join(f'{count:,} {split}' for split, count in manifest['images'].items())
    return f'{kind} in the layout of {manifest["layout"]}, {counts} images'


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / MANIFEST).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None


def _write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write it whole or not at all."""
    part = path.with_name(f'.{path.name}.{uuid4().hex[:8]}')
    try:
        part.write_text(json.dumps(manifest, indent=1) + '\n', encoding='utf-8')
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
