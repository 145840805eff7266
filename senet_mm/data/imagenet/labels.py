"""Labels of ImageNet's validation images, from what is there: the development kit, Kaggle's table, or a list.

A label is the place of a class's WordNet id among the 1,000 in alphabetical order; only the kit numbers them otherwise.
"""

import csv
import io
import re
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from senet_mm.data.errors import DataError
from senet_mm.data.imagenet.layout import DEVKIT, FACTS, FIRST_LABELS
from senet_mm.data.images.tree import Sample, read_list

_TRUTH, _META = 'ILSVRC2012_validation_ground_truth.txt', 'meta.mat'


@dataclass(frozen=True)
class Labels:
    """What a source of labels says.

    Attributes:
        of_image: number of the validation image, from 1 → label.
        wnids: of the classes in the order of their labels; none if the source does not say.
        train_counts: label → number of training images; none if the source does not say.
    """

    of_image: dict[int, int]
    wnids: tuple[str, ...] = ()
    train_counts: dict[int, int] = field(default_factory=dict)


def read_labels(place: Path, subset: bool = False) -> Labels:
    """Read the kit (a folder or .tar.gz), Kaggle's LOC_val_solution.csv, or a list 'ILSVRC2012_val_00000001.JPEG 65'.

    Args:
        place: of the source.
        subset: accept a list whose first labels are not ImageNet's.

    Raises:
        DataError: it is not what it should be; the message says what is wrong.
    """
    if place.is_dir() or place.suffix == '.gz':
        return _read_kit(place)
    return _read_kaggle(place) if place.suffix == '.csv' else _read_val_list(place, subset)


def image_number(file: str) -> int:
    """Of a validation image: 1 to 50,000.

    Raises:
        DataError: the name is not of the form ILSVRC2012_val_00000001.JPEG.
    """
    match = re.fullmatch(r'ILSVRC2012_val_(\d{8})(?:_n\d{8})?', PurePosixPath(file).stem)
    if match is None:
        raise DataError(f'{file} is no name of an ImageNet validation image, such as ILSVRC2012_val_00000001.JPEG.')
    return int(match[1])


def label_files(files: Iterable[str], labels: Labels, source: Path) -> list[Sample]:
    """The list of the validation images in a folder, in the order of their numbers.

    Raises:
        DataError: an image has no label.
    """
    numbered = sorted((image_number(file), file) for file in files)
    unknown = [file for number, file in numbered if number not in labels.of_image]
    if unknown:
        raise DataError(f'{source} has no label for {len(unknown):,} of the images in val, the first {unknown[0]}.')
    return [(file, labels.of_image[number]) for number, file in numbered]


def _read_val_list(path: Path, subset: bool) -> Labels:
    of_image = {image_number(file): label for file, label in read_list(path)}
    first = tuple(of_image.get(number, label) for number, label in enumerate(FIRST_LABELS, 1))
    if first != FIRST_LABELS and not subset:
        classes, published = len({*of_image.values()}), FACTS['val'].classes
        counts = f'{classes:,} classes, where {published:,} are published'
        cut_down = f' Or, if this is a cut-down set (it has {counts}), add --subset.' if classes != published else ''
        raise DataError(
            f'{path}: the first validation images have the labels {first}, where {FIRST_LABELS} are expected: the '
            f'classes are in another order than that of their WordNet ids (the development kit has one of its own). '
            f'Give {DEVKIT}.tar.gz instead.{cut_down}'
        )
    return Labels(of_image)


def _read_kaggle(path: Path) -> Labels:
    """ImageId,PredictionString: ILSVRC2012_val_00048981,n03995372 85 1 499 272."""
    wnid_of_image = {}
    with path.open(encoding='utf-8', newline='') as lines:
        for row in csv.DictReader(lines):
            boxes = (row.get('PredictionString') or '').split()
            if not boxes or not re.fullmatch(r'n\d{8}', boxes[0]):
                raise DataError(f"{path}: {row} is no line of Kaggle's LOC_val_solution.csv.")
            wnid_of_image[image_number(row['ImageId'])] = boxes[0]
    wnids = tuple(sorted(set(wnid_of_image.values())))
    label = {wnid: number for number, wnid in enumerate(wnids)}
    return Labels({number: label[wnid] for number, wnid in wnid_of_image.items()}, wnids)


def _read_kit(place: Path) -> Labels:
    """The kit numbers the classes in its own way; meta.mat says which id each has, and how many training images."""
    from scipy.io import loadmat

    try:
        files = _files_of_kit(place)
        classes = loadmat(io.BytesIO(files[_META]), squeeze_me=True, variable_names=['synsets'])['synsets']
        leaves = [synset for synset in classes if synset['num_children'] == 0]
        wnid_of_id = {int(synset['ILSVRC2012_ID']): str(synset['WNID']) for synset in leaves}
        wnids = tuple(sorted(wnid_of_id.values()))
        label = {wnid: number for number, wnid in enumerate(wnids)}
        ids = [int(line) for line in files[_TRUTH].decode().split()]
        return Labels(
            {number: label[wnid_of_id[identity]] for number, identity in enumerate(ids, 1)},
            wnids,
            {label[str(synset['WNID'])]: int(synset['num_train_images']) for synset in leaves},
        )
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{place} is not the development kit of ILSVRC 2012, or damaged ({type(error).__name__}: {error}); '
            f'fetch {DEVKIT}.tar.gz again.'
        ) from error


def _files_of_kit(place: Path) -> dict[str, bytes]:
    """Contents of the two files, by name."""
    wanted = [f'{DEVKIT}/data/{name}' for name in (_TRUTH, _META)]
    if place.is_dir():
        return {name: (place / 'data' / name).read_bytes() for name in (_TRUTH, _META)}
    with tarfile.open(place, 'r:gz') as kit:
        return {PurePosixPath(name).name: _content(kit.extractfile(name)) for name in wanted}


def _content(stream: IO[bytes] | None) -> bytes:
    if stream is None:
        raise KeyError('a folder has the name of a file')
    return stream.read()
