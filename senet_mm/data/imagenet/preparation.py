"""ImageNet (ILSVRC 2012) from the official archives or from a copy: labelled, counted, every image read, or not there.

`tools/prepare_data.py imagenet --source FOLDER` makes data/imagenet: train/<wnid>/…, val/…, meta/train.txt and
meta/val.txt. Archives are unpacked; folders stay where they are and are linked to.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError
from senet_mm.data.files.download import exclusive
from senet_mm.data.files.folder import is_vacant
from senet_mm.data.files.manifest import write_manifest
from senet_mm.data.files.staging import is_staged
from senet_mm.data.files.unpack import unpack, unpack_nested
from senet_mm.data.imagenet.labels import Labels, label_files, read_labels
from senet_mm.data.imagenet.layout import (
    ARCHIVES,
    CMYK,
    DEVKIT,
    FACTS,
    FOLDERS,
    LABEL_FILES,
    PNG,
    WHERE,
    read_synsets,
)
from senet_mm.data.images import preparation
from senet_mm.data.images.preparation import Options
from senet_mm.data.images.scan import ScanReport
from senet_mm.data.images.tree import Sample, check_counts_per_class, list_images, read_list, some, write_list

MANIFEST = 'imagenet.json'
TITLE = 'ImageNet'


@dataclass(frozen=True)
class Plan:
    """Where everything is now: an archive or a folder for each split, and what says the validation labels.

    Attributes:
        train: ILSVRC2012_img_train.tar, or a folder with a folder for each class.
        val: ILSVRC2012_img_val.tar, or a folder.
        labels: a development kit or a list; None where val has a folder for each class.
    """

    train: Path
    val: Path
    labels: Path | None

    @property
    def sources(self) -> dict[str, Path]:
        """All of them, by what they give."""
        return {name: path for name, path in vars(self).items() if path is not None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `prepare_data.py imagenet`."""
    preparation.add_arguments(parser, Path('data/imagenet'))


def run(args: argparse.Namespace) -> str:
    """Check or build as the options say; return the line to print."""
    options = preparation.options_of(args)
    if args.check:
        return check_imagenet(args.out, options)
    if args.source is None:
        raise DataError(f'give --source FOLDER, where your ImageNet is; or --check to verify --out.\n{WHERE}')
    return make_imagenet(args.source, args.out, options)


def make_imagenet(source: Path, out: Path, options: Options | None = None) -> str:
    """Build ImageNet at `out`, whole or not at all; what was unpacked before an interruption is used by the next run.

    Args:
        source: folder with the archives, or with train/, val/ and the labels, as unpacked or as Kaggle has them; never
            changed. If it is `out`, only lists and manifest are written.
        out: the folder to make; absent, empty, or made from the same source.
        options: of the verification.

    Returns:
        One line saying what was done.

    Raises:
        DataError: something is missing, damaged or not ImageNet's, all of it in one message; or `out` is occupied, or
            the disk is full.
    """
    options = options or Options()
    plan = find_source(source)
    in_place = out.resolve() == source.resolve()
    if in_place:
        _require_in_place(plan, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(out):
        if (out / MANIFEST).exists() or not (in_place or is_vacant(out)):
            return preparation.found_there(out, out / MANIFEST, TITLE, None if in_place else plan.sources)
        with preparation.building(out, plan.sources, in_place) as part:
            manifest, reports = _build(plan, part, options)
    return preparation.built(out, manifest, reports) + _strange(reports)


def check_imagenet(folder: Path, options: Options | None = None) -> str:
    """Verify an ImageNet that was built, and write nothing.

    Raises:
        DataError: every problem found.
    """
    return preparation.check_tree(folder, folder / MANIFEST, FACTS, None, options or Options())


def find_source(source: Path) -> Plan:
    """Find both splits and the labels in a folder.

    Raises:
        DataError: something is missing; the message says what, and where to get it.
    """
    if not source.is_dir():
        raise DataError(f'{source} is not a folder.')
    places: dict[str, Path | None] = {split: _find_split(source, split) for split in FOLDERS}
    labels = [source / path for path in (DEVKIT, _name('labels'), *LABEL_FILES)]
    places['labels'] = next((path for path in labels if path.exists()), None)
    val = places['val']
    in_class_folders = val is not None and val.is_dir() and '/' in next(list_images(val), '')
    missing = [name for name, place in places.items() if place is None and not (name == 'labels' and in_class_folders)]
    if missing or not places['train'] or not val:
        lines = [f'  {_wanted(name)}\n      {ARCHIVES[name].url}' for name in missing]
        raise DataError('\n'.join([f'{source} holds no whole ImageNet. It lacks', *lines, WHERE]))
    return Plan(places['train'], val, None if in_class_folders else places['labels'])


def _find_split(source: Path, split: str) -> Path | None:
    folders = [source / folder for folder in FOLDERS[split]]
    folder = next((folder for folder in folders if folder.is_dir() and any(folder.iterdir())), None)
    archive = source / _name(split)
    return folder or (archive if archive.is_file() else None)


def _name(what: str) -> str:
    return ARCHIVES[what].url.rpartition('/')[2]


def _wanted(name: str) -> str:
    if name == 'labels':
        return f'{_name(name)}, or {", or ".join(map(str, LABEL_FILES))}'
    return f'{_name(name)}, or the folder {" or ".join(map(str, FOLDERS[name]))}'


def _require_in_place(plan: Plan, out: Path) -> None:
    """With nothing to unpack or to link, the images must lie where the layout has them."""
    images = (plan.train, plan.val)
    strays = [str(place) for place in images if place.is_file() or place.parent.resolve() != out.resolve()]
    if strays:
        raise DataError(f'{" and ".join(strays)} cannot stay in {out}: give an --out that is not --source.')


def _build(plan: Plan, part: Path, options: Options) -> tuple[dict[str, Any], dict[str, ScanReport]]:
    """Fill the folder, verify it; return the manifest and what the scan found."""
    for name, place in plan.sources.items():
        if place.is_file() and place.name == _name(name) and not options.subset:
            preparation.require_official(place, ARCHIVES[name], part if is_staged(part) else None)
    labels = read_labels(plan.labels, options.subset) if plan.labels else Labels({})
    for split in FOLDERS:
        _place_split(split, plan.sources[split], part / split, options.workers)
    files = sorted(list_images(part / 'train'))
    folders = sorted({file.rpartition('/')[0] for file in files})
    wnids = labels.wnids or _classes_of(folders)
    problems = _check_classes(folders, labels, wnids, plan, options.subset)
    lists = {'train': _by_folder(files, wnids), 'val': _val_list(part, labels, wnids, plan)}
    if labels.train_counts and not options.subset:
        problems += check_counts_per_class(part / 'train', lists['train'], labels.train_counts, wnids)
    names = wnids if len(wnids) == FACTS['train'].classes else None
    reports = preparation.verify_tree(part, FACTS, lists, names, options, problems)
    for split, samples in lists.items():
        if not _is(plan.labels, part / 'meta' / f'{split}.txt'):
            write_list(part / 'meta' / f'{split}.txt', samples)
    manifest = preparation.describe(TITLE, part, lists, plan.sources, reports, _is_subset(lists))
    write_manifest(part / MANIFEST, manifest)
    return manifest, reports


def _place_split(split: str, place: Path, target: Path, workers: int | None) -> None:
    if place.is_dir():
        preparation.link(target, place)
    elif split == 'train':
        unpack_nested(place, target, lambda path: path if path.endswith('.JPEG') else None, workers)
    else:
        unpack(place, target, lambda path: Path(path).name if path.endswith('.JPEG') else None, workers)


def _by_folder(files: Sequence[str], wnids: Sequence[str]) -> list[Sample]:
    label = {wnid: number for number, wnid in enumerate(wnids)}
    return [(file, label[file.rpartition('/')[0]]) for file in files if file.rpartition('/')[0] in label]


def _val_list(part: Path, labels: Labels, wnids: Sequence[str], plan: Plan) -> list[Sample]:
    if plan.labels is not None and _is(plan.labels, part / 'meta' / 'val.txt'):  # in place: it stays as it is
        return read_list(plan.labels)
    if plan.labels is not None:
        return label_files(list_images(part / 'val'), labels, plan.labels)
    by_folder = dict(_by_folder(list(list_images(part / 'val')), wnids))
    return sorted(by_folder.items(), key=lambda sample: sample[0].rpartition('/')[2])  # as without folders


def _is(labels: Path | None, path: Path) -> bool:
    return labels is not None and labels.resolve() == path.resolve()


def _classes_of(folders: Sequence[str]) -> tuple[str, ...]:
    """In the order of their labels: ImageNet's, or the folders themselves if they are others."""
    official = tuple(read_synsets())
    return official if {*folders} <= {*official} else tuple(folders)


def _check_classes(folders: Sequence[str], labels: Labels, wnids: Sequence[str], plan: Plan, subset: bool) -> list[str]:
    """Are the folders of train the classes of the labels?"""
    problems = []
    if '' in folders:
        problems.append(f'{plan.train} has images that are in no class folder')
    if not folders and plan.train.is_dir() and next(plan.train.glob('*.tar'), None):
        problems.append(
            f'{plan.train} has .tar files in the place of class folders: unpack each into a folder with its name, or '
            f'give {_name("train")}, which they came in'
        )
    classes, whose = labels.wnids or (() if subset else tuple(read_synsets())), plan.labels if labels.wnids else TITLE
    strange = sorted({*folders} - {*classes, ''}) if classes else []
    if strange:
        problems.append(f'{plan.train} has folders that are no class of {whose}: {some(strange)}')
    highest = max(labels.of_image.values(), default=0)
    if highest >= len(wnids):
        problems.append(f'{plan.labels} has labels up to {highest}, {plan.train} has {len(folders):,} class folders')
    return problems


def _strange(reports: Mapping[str, ScanReport]) -> str:
    """A note on images that are no plain JPEGs, and not among those of ImageNet's that are known to be none."""
    odd = [f'{split}/{file} ({kind})' for split, report in reports.items() for file, kind in report.odd.items()]
    unknown = sorted(one for one in odd if Path(one.partition(' ')[0]).name not in CMYK | PNG)
    return f" Not known of ImageNet's: {some(unknown)}." if unknown else ''


def _is_subset(lists: dict[str, list[Sample]]) -> bool:
    return any(len(samples) != FACTS[split].images for split, samples in lists.items())
