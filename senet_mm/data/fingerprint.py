"""Which data a run had: how much of it, a hash of its list, and whether it is the published set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine import fileio

from senet_mm.data.cifar.layout import LAYOUTS, CifarName, SplitName, find_folder
from senet_mm.data.coco.layout import find_parts
from senet_mm.data.imagenet.layout import FACTS as IMAGENET
from senet_mm.data.places365.layout import FACTS as PLACES365

# How many images the sets of the paper's tables have; of COCO's training images 117,266 have an object in them.
EXPECTED: dict[str, dict[str, tuple[int, ...]]] = {
    'ImageNet': {split: (facts.images,) for split, facts in IMAGENET.items()},
    'Places365': {split: (facts.images,) for split, facts in PLACES365['challenge'].items()},
    'CocoMinival': {'train': (118_287, 117_266), 'minival': (5_000,)},
}
CIFAR: dict[str, CifarName] = {'CIFAR10': 'cifar10', 'CIFAR100': 'cifar100'}


def fingerprint(dataset: Any) -> dict[str, Any]:
    """Describe a data set that was built.

    Args:
        dataset: Of mmengine's kind; wrappers such as RepeatDataset are looked through.

    Returns:
        `name`, `split`, `images`, `classes`; `sha256`, and of what (`of`); `expected` (how many images the published
        set has; None where that is not known) and whether this is it (`official`).
    """
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    name, images = type(dataset).__name__, len(dataset)
    # mmpretrain's ImageNet keeps its split in the name of the folder only
    split: Any = getattr(dataset, 'split', '') or os.path.basename(getattr(dataset, 'img_prefix', ''))
    classes = getattr(dataset, 'metainfo', {}).get('classes') or ()
    found = dict(name=name, split=split, images=images, classes=len(classes) or None)
    if name in CIFAR:
        return found | _cifar(Path(dataset.data_root), CIFAR[name], split, images)
    expected = EXPECTED.get(name, {}).get(split, ())
    official = dict(expected=expected[0] if expected else None, official=images in expected)
    if name == 'CocoMinival':
        parts = find_parts(dataset.data_root, split, dataset.backend_args)
        return found | official | _hash_files([file for file, _ in parts], dataset.backend_args)
    if getattr(dataset, 'ann_file', ''):
        return found | official | _hash_files([dataset.ann_file], getattr(dataset, 'backend_args', None))
    return found | official | _hash_list(dataset)


def _cifar(root: Path, name: CifarName, split: SplitName, images: int) -> dict[str, Any]:
    """CIFAR's files have checksums of their own."""
    layout = LAYOUTS[name]
    contents = {file: (find_folder(root, layout, (split,)) / file).read_bytes() for file in layout.splits[split]}
    same = all(hashlib.md5(content).hexdigest() == layout.md5[file] for file, content in contents.items())
    expected = layout.images[split]
    return dict(
        sha256=_hash(contents.values()),
        of=', '.join(contents),
        expected=expected,
        official=same and images == expected,
    )


def _hash_files(paths: list[str], backend_args: Any) -> dict[str, Any]:
    contents = (fileio.get(path, backend_args=backend_args) for path in paths)
    return dict(sha256=_hash(contents), of=', '.join(map(os.path.basename, paths)))


def _hash_list(dataset: Any) -> dict[str, Any]:
    """Images found in folders: their names and labels, in order, wherever the folder is."""
    prefix = getattr(dataset, 'img_prefix', '') or getattr(dataset, 'data_root', '') or ''
    lines = []
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        path = sample.get('img_path') if isinstance(sample, dict) else None
        if path is None:
            return dict(sha256=None, of=None)
        lines.append(f'{os.path.relpath(path, prefix or ".")} {sample.get("gt_label")}\n')
    return dict(sha256=_hash(line.encode() for line in sorted(lines)), of='files and labels')


def _hash(chunks: Iterable[bytes]) -> str:
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()
