"""Is the data of a run there? Asked before anything slow starts, answered in one message."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from senet_mm.data.cifar.layout import LAYOUTS, find_folder
from senet_mm.data.coco.layout import CocoNotFoundError, find_parts, is_remote
from senet_mm.data.errors import DataError
from senet_mm.data.packs.url import is_packed, split_url

# mmpretrain's data sets of the same names download by themselves.
CIFAR = {'senet_mm.CIFAR10': LAYOUTS['cifar10'], 'senet_mm.CIFAR100': LAYOUTS['cifar100']}

LISTED = ('ImageNet', 'Places365')  # a folder for each split


def require_data(cfg: Mapping[str, Any], splits: Sequence[str] = ('train', 'val', 'test')) -> None:
    """Check that the data of a run's loaders is on disk; what lies behind a URL or a file backend is trusted.

    The command that makes the data is the config's own `data_help`, a string such as 'tools/prepare_data.py demo'.

    Args:
        cfg: an mmengine `Config`, or the like of it, with `train_dataloader` and so on.
        splits: the loaders that will be used.

    Raises:
        DataError: something is missing; one message names every place expected and the command.
    """
    command = cfg.get('data_help')
    problems: list[str] = []
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        if loader:
            for leaf in leaf_datasets(loader['dataset']):
                problems += _missing(leaf, bool(command))
    if not problems:
        return
    advice = f'To make it: {command}' if command else 'Put it there, or point data_root at where it is.'
    raise DataError('The data of this config is missing.\n' + '\n'.join(dict.fromkeys(problems)) + f'\n{advice}')


def leaf_datasets(dataset: Any) -> Iterator[Any]:
    """The datasets inside wrappers such as RepeatDataset and ConcatDataset."""
    if not isinstance(dataset, Mapping):  # already built: it has found its data
        return
    inner = [dataset['dataset']] if 'dataset' in dataset else dataset.get('datasets')
    if inner is None:
        yield dataset
        return
    for wrapped in inner:
        yield from leaf_datasets(wrapped)


def _missing(dataset: Mapping[str, Any], helped: bool) -> list[str]:
    root, kind = dataset.get('data_root') or '', dataset.get('type')
    if type_name(dataset) == 'CocoMinival':
        return _missing_coco(root, dataset, helped)
    if kind in CIFAR:
        return _missing_cifar(root, dataset, helped)
    return _missing_path(root, dataset)


def _missing_path(root: str, dataset: Mapping[str, Any]) -> list[str]:
    annotations = dataset.get('ann_file') or ''
    if is_packed(root):
        root, annotations = '', split_url(root)[0]  # one file
    if dataset.get('download') or dataset.get('backend_args') or is_remote(root) or is_remote(annotations):
        return []
    if root and not os.path.isdir(root):
        return [f'Expected the folder {os.path.abspath(root)}']
    path = os.path.join(root, annotations)
    if annotations and not os.path.exists(path):
        return [f'Expected the file {os.path.abspath(path)}']
    images = dataset.get('data_prefix') or dataset.get('split')
    if (
        root
        and type_name(dataset) in LISTED
        and isinstance(images, str)
        and not os.path.isdir(os.path.join(root, images))
    ):
        return [f'Expected the folder {os.path.abspath(os.path.join(root, images))}']
    return []


def type_name(settings: Mapping[str, Any]) -> str:
    """The name of a data set's or a transform's type, without the scope."""
    kind = settings.get('type')
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]


def _missing_coco(root: str, dataset: Mapping[str, Any], helped: bool) -> list[str]:
    try:
        find_parts(root, dataset.get('split', ''), dataset.get('backend_args'))
    except CocoNotFoundError as error:
        return [error.args[0] if helped else str(error)]
    return []


def _missing_cifar(root: str, dataset: Mapping[str, Any], helped: bool) -> list[str]:
    layout, split = CIFAR[dataset['type']], dataset.get('split', 'train')
    if split not in layout.splits:  # the data set says what is allowed
        return []
    try:
        find_folder(Path(root), layout, (split,))
    except DataError as error:
        return [str(error).partition(' To make it: ')[0] if helped else str(error)]
    return []
