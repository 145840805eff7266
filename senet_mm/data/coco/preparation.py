"""COCO with the paper's minival protocol, from a COCO 2014 or 2017 that the user has, unpacked or not.

`tools/prepare_data.py coco --source FOLDER` makes data/coco in the layout that `CocoMinival` reads. Folders and
annotation files stay where they are, untouched, and are linked to; the official zip files are unpacked.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.data.coco.archives import ANNOTATIONS, ZIPS, archive_of, fill
from senet_mm.data.coco.check import COUNTS, PartRecord, check_source, scan_source
from senet_mm.data.coco.layout import LAYOUTS
from senet_mm.data.errors import DataError
from senet_mm.data.files.download import exclusive
from senet_mm.data.files.folder import is_vacant, new_folder
from senet_mm.data.files.manifest import read_manifest, write_manifest
from senet_mm.data.files.staging import staged_folder
from senet_mm.data.images import preparation
from senet_mm.data.images.preparation import Options
from senet_mm.data.images.scan import describe_corrupt

MANIFEST = 'minival_protocol.json'
_OCCUPIED = (
    '{} is not empty and not what would be built from this source; it is left as it is. '
    'Move it away, or give another folder with --out.'
)
_MINIVAL = (
    'https://dl.fbaipublicfiles.com/detectron/coco/coco_annotations_minival.tgz (Detectron; py-faster-rcnn had it '
    'as {}.zip)'
)
ARCHIVES = {  # where each file and folder of the layouts comes from
    'train2014': f'{ZIPS}/train2014.zip',
    'val2014': f'{ZIPS}/val2014.zip',
    'train2017': f'{ZIPS}/train2017.zip',
    'val2017': f'{ZIPS}/val2017.zip',
    'annotations/instances_train2014.json': f'{ANNOTATIONS}/annotations_trainval2014.zip',
    'annotations/instances_train2017.json': f'{ANNOTATIONS}/annotations_trainval2017.zip',
    'annotations/instances_val2017.json': f'{ANNOTATIONS}/annotations_trainval2017.zip',
    'annotations/instances_minival2014.json': _MINIVAL.format('instances_minival2014.json'),
    'annotations/instances_valminusminival2014.json': _MINIVAL.format('instances_valminusminival2014.json'),
}


@dataclass(frozen=True)
class Plan:
    """A layout, and for each of its annotation files and image folders where it is now: itself, or its zip."""

    layout: str
    places: dict[str, Path]

    @property
    def packed(self) -> bool:
        """Whether anything is still in its zip."""
        return any(place.suffix == '.zip' for place in self.places.values())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `prepare_data.py coco`."""
    parser.add_argument(
        '--source', type=Path, help='folder with COCO 2017, or COCO 2014 and the two minival files; zip files will do'
    )
    parser.add_argument('--out', type=Path, default=Path('data/coco'), help='folder to make (default: %(default)s)')
    parser.add_argument('--subset', action='store_true', help="accept other numbers of images than COCO's")
    preparation.add_scan_arguments(parser)
    parser.add_argument('--check', action='store_true', help='only verify --source, or --out without it')


def run(args: argparse.Namespace) -> str:
    """Check or build as the options say; return the line to print."""
    options = preparation.options_of(args)
    if args.check:
        return check_coco(args.source or args.out, options)
    if args.source is None:
        raise DataError('give --source FOLDER, the folder that holds your COCO; or --check to verify --out.')
    return make_coco(args.source, args.out, options)


def make_coco(source: Path, out: Path, options: Options | None = None) -> str:
    """Verify a COCO and put it together at `out`, whole or not at all.

    What was unpacked from zip files before an interruption is used by the next run.

    Args:
        source: folder with train2017/, val2017/ and annotations/, or with train2014/, val2014/ and the three annotation
            files of the protocol, in annotations/ or beside it; or with the official zip files in their place.
        out: the folder to make; if it is `source`, only the manifest is written.
        options: of the verification.

    Returns:
        One line saying what was done.

    Raises:
        DataError: something is missing or wrong, all of it in one message; or `out` is occupied.
        OSError: the disk refuses; nothing is left of `out`.
    """
    options = options or Options()
    plan = plan_source(source)
    if plan.packed:
        return _unpack(plan, out, options)
    manifest, records = verify(plan, options.subset)
    summary = _summary(manifest)
    in_place = out.resolve() == source.resolve()
    if in_place:
        _require_in_place(plan, out)
    elif not is_vacant(out):
        _require_same(plan, manifest, out)
    if read_manifest(out / MANIFEST) == manifest:
        return f'{out}: already there: {summary}.'
    if options.scan:
        require_readable(plan, records, options.workers)
    if in_place:
        write_manifest(out / MANIFEST, manifest)
        return f'{out}: {summary}; nothing to link.'
    with new_folder(out) as part:
        fill(part, plan.places, options.subset, options.workers)
        write_manifest(part / MANIFEST, manifest)
    return f'{out}: {summary}; linked to {source.resolve()}.'


def check_coco(folder: Path, options: Options | None = None) -> str:
    """Verify a COCO and write nothing; a folder built with `subset` may stay one.

    Raises:
        DataError: something is missing or wrong, or the annotation files are not those that its manifest names.
    """
    options = options or Options()
    recorded = read_manifest(folder / MANIFEST)
    subset = options.subset or bool(recorded and recorded.get('subset'))
    plan = plan_source(folder)
    if plan.packed:
        raise DataError(f'{folder} holds zip files; only what is unpacked can be verified. Build it without --check.')
    manifest, records = verify(plan, subset)
    if recorded is not None and any(recorded.get(key) != value for key, value in manifest.items()):
        raise DataError(f'{folder}: the annotation files are no longer those that {MANIFEST} names.')
    if options.scan:
        require_readable(plan, records, options.workers)
    return f'{folder}: {_summary(manifest)}; verified{"" if options.scan else ", images not read"}.'


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
    lines.append('images.cocodataset.org answers http:// only; mscoco.org, its former place, is gone.')
    raise DataError('\n'.join(lines))


def verify(plan: Plan, subset: bool) -> tuple[dict[str, Any], list[PartRecord]]:
    """Hold a source against the protocol; return the manifest of what it is, and what its files say.

    Raises:
        DataError: every problem found, one line each.
    """
    records, problems = check_source(plan.layout, plan.places, subset)
    if problems:
        raise DataError('this COCO cannot serve the minival protocol:\n  ' + '\n  '.join(problems))
    files = {record.file: record for record in records}
    splits = LAYOUTS[plan.layout]
    manifest = {
        'protocol': 'COCO minival',
        'layout': plan.layout,
        'subset': any(len(record.image_ids) != COUNTS[record.file] for record in records),
        'images': {split: sum(len(files[file].image_ids) for file, _ in parts) for split, parts in splits.items()},
        'files': {
            file: {'images': len(record.image_ids), 'annotations': record.annotations, 'sha256': record.sha256}
            for file, record in files.items()
        },
    }
    return manifest, records


def require_readable(plan: Plan, records: Sequence[PartRecord], workers: int | None) -> None:
    """Read every image that the annotation files list.

    Raises:
        DataError: some cannot be read; the message names them.
    """
    corrupt = describe_corrupt(scan_source(records, plan.places, workers))
    if corrupt:
        raise DataError('\n  '.join(corrupt))


def _find(source: Path, path: str) -> Path | None:
    """Where a file or folder of the layout is, or its zip; annotation files may also lie beside annotations/."""
    place = source.resolve() / path
    if place.is_dir() and not path.endswith('.json'):
        return place
    files = [place, source.resolve() / place.name] if path.endswith('.json') else []
    archive = archive_of(path)
    files += [source.resolve() / archive] if archive else []
    return next((found for found in files if found.is_file()), None)


def _unpack(plan: Plan, out: Path, options: Options) -> str:
    made_from = preparation.identity(plan.places)
    out.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(out):
        recorded = read_manifest(out / MANIFEST)
        if recorded and recorded.get('made_from') == made_from:
            return f'{out}: already there: {_summary(recorded)}. --check verifies it.'
        if not is_vacant(out):
            raise DataError(_OCCUPIED.format(out))
        with staged_folder(out, made_from) as part:
            fill(part, plan.places, options.subset, options.workers)
            unpacked = Plan(plan.layout, {path: part / path for path in plan.places})
            manifest, records = verify(unpacked, options.subset)
            if options.scan:
                require_readable(unpacked, records, options.workers)
            manifest['made_from'] = made_from
            write_manifest(part / MANIFEST, manifest)
    return f'{out}: {_summary(manifest)}; unpacked.'


def _require_in_place(plan: Plan, out: Path) -> None:
    """With nothing to link, the annotation files must lie where the layout has them."""
    strays = [str(place) for path, place in plan.places.items() if place != out.resolve() / path]
    if strays:
        raise DataError(f'move {", ".join(strays)} into {out / "annotations"}; or give an --out that is not --source.')


def _require_same(plan: Plan, manifest: Mapping[str, Any], out: Path) -> None:
    linked = all((out / path).resolve() == place.resolve() for path, place in plan.places.items())
    if not linked or read_manifest(out / MANIFEST) != manifest:
        raise DataError(_OCCUPIED.format(out))


def _summary(manifest: Mapping[str, Any]) -> str:
    kind = 'a SUBSET of COCO' if manifest['subset'] else 'COCO'
    counts = ' and '.join(f'{count:,} {split}' for split, count in manifest['images'].items())
    return f'{kind} in the layout of {manifest["layout"]}, {counts} images'
