"""CIFAR-10 and CIFAR-100 in the Python version that is published: read into memory, checked, and written alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from senet_mm.data.cifar.layout import CifarLayout, CifarName, SplitName, find_folder, find_layout
from senet_mm.data.cifar.pickles import dump_pickle, load_pickle
from senet_mm.data.errors import DataError

SHAPE = (3, 32, 32)  # of an image: red, green, blue; rows from the top
_ROW = 3 * 32 * 32


@dataclass(frozen=True, eq=False)
class CifarSplit:
    """A split, whole in memory.

    Attributes:
        images: (N,3,32,32) uint8, red, green, blue.
        labels: (N,) int64; CIFAR-100's are the fine ones.
        classes: their names, in the order of the labels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def read_cifar(root: Path, name: CifarName, split: SplitName) -> CifarSplit:
    """Read a split in the order of its files. Any number of images will do; checksums are `prepare_data.py`'s concern.

    Args:
        root: the folder that holds cifar-10-batches-py/ or cifar-100-python/, or that folder itself.
        name: of the set.
        split: of the set.

    Raises:
        DataError: a file is missing, damaged, or not what CIFAR's is; nothing in it is ever run.
        OSError: a file cannot be read.
    """
    layout = find_layout(name)
    if split not in layout.splits:
        raise DataError(f'split={split!r} of {layout.title}: allowed are {", ".join(map(repr, layout.splits))}.')
    folder = find_folder(Path(root), layout, (split,))
    classes = _read_classes(folder / layout.meta, layout)
    parts = [_read_part(folder / file, layout) for file in layout.splits[split]]
    images = np.concatenate([data for data, _ in parts]).reshape(-1, *SHAPE)
    return CifarSplit(images, np.concatenate([labels for _, labels in parts]), classes)


def write_cifar(root: Path, name: CifarName, splits: Mapping[SplitName, CifarSplit]) -> None:
    """Write both splits below `root` as the set is published (without CIFAR-100's coarse labels).

    Raises:
        FileExistsError: the set's folder is already there.
        ValueError: a split has fewer images than files.
    """
    layout = find_layout(name)
    folder = Path(root) / layout.folder
    folder.mkdir(parents=True)
    sizes = []
    for split, files in layout.splits.items():
        count = len(splits[split].labels)
        if count < len(files):
            raise ValueError(f'{count} {split} images are too few for {len(files)} files.')
        for number, indices in enumerate(np.array_split(np.arange(count), len(files))):
            title = f'{split}ing batch {number + 1} of {len(files)}'
            part = _part(splits[split], indices, title, layout.labels_key)
            (folder / files[number]).write_bytes(dump_pickle(part))
            sizes.append(len(indices))
    meta = {'num_cases_per_batch': max(sizes), layout.names_key: list(splits['train'].classes), 'num_vis': _ROW}
    (folder / layout.meta).write_bytes(dump_pickle(meta))


def _part(split: CifarSplit, indices: NDArray[np.int64], title: str, labels_key: str) -> dict[str, Any]:
    labels = split.labels[indices].tolist()
    return {
        'batch_label': title,
        labels_key: labels,
        'data': split.images[indices].reshape(len(indices), _ROW),
        'filenames': [f'{split.classes[label]}_s_{i:06d}.png' for i, label in zip(indices, labels, strict=True)],
    }


def _read_classes(path: Path, layout: CifarLayout) -> tuple[str, ...]:
    names = _list(_load(path, layout), layout.names_key, str, path, layout)
    if len(names) != layout.classes or len(set(names)) != len(names):
        raise _damaged(path, layout, f'{len(set(names))} class names, where {layout.classes} are expected')
    return tuple(names)


def _read_part(path: Path, layout: CifarLayout) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The rows (N,3072) and the labels (N,) of a file."""
    content = _load(path, layout)
    data, labels = content.get('data'), _list(content, layout.labels_key, int, path, layout)
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != _ROW:
        found = f'of shape {data.shape}' if isinstance(data, np.ndarray) else 'no array'
        raise _damaged(path, layout, f"'data' is {found}, where rows of {_ROW} (N,{_ROW}) are expected")
    if len(labels) != len(data):
        raise _damaged(path, layout, f'{len(data):,} images but {len(labels):,} labels')
    least, most = min(labels), max(labels)
    if least < 0 or most >= layout.classes:
        raise _damaged(path, layout, f'labels from {least} to {most}; 0 to {layout.classes - 1} are allowed')
    return data, np.array(labels, np.int64)


def _load(path: Path, layout: CifarLayout) -> dict[str, Any]:
    try:
        return load_pickle(path.read_bytes())
    except ValueError as error:
        raise _damaged(path, layout, str(error)) from None


def _list(content: Mapping[str, Any], key: str, kind: type, path: Path, layout: CifarLayout) -> list[Any]:
    items = content.get(key)
    if not isinstance(items, list) or not items or any(type(item) is not kind for item in items):  # a bool is no label
        raise _damaged(path, layout, f'{key!r} is not a list of {kind.__name__}')
    return items


def _damaged(path: Path, layout: CifarLayout, problem: str) -> DataError:
    return DataError(
        f"{path}: {problem}. It is not a file of {layout.title}'s Python version as published; move its folder away "
        f'and make it anew: tools/prepare_data.py {layout.name}'
    )
