"""Is the data of a run there? Asked before anything slow starts, answered in one message."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from senet_mm.data.coco_layout import CocoNotFoundError, find_parts, is_remote
from senet_mm.data.errors import DataError


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
            problems += [problem for leaf in _datasets(loader['dataset']) for problem in _missing(leaf, bool(command))]
    if not problems:
        return
    advice = f'To make it: {command}' if command else 'Put it there, or point data_root at where it is.'
    raise DataError('The data of this config is missing.\n' + '\n'.join(dict.fromkeys(problems)) + f'\n{advice}')


def _datasets(dataset: Any) -> Iterator[Mapping[str, Any]]:
    """The datasets inside wrappers such as RepeatDataset and ConcatDataset."""
    if not isinstance(dataset, Mapping):  # already built: it has found its data
        return
    inner = [dataset['dataset']] if 'dataset' in dataset else dataset.get('datasets')
    if inner is None:
        yield dataset
        return
    for wrapped in inner:
        yield from _datasets(wrapped)


def _missing(dataset: Mapping[str, Any], helped: bool) -> list[str]:
    root, annotations = dataset.get('data_root') or '', dataset.get('ann_file') or ''
    kind = dataset.get('type')
    if getattr(kind, '__name__', str(kind)).rpartition('.')[2] == 'CocoMinival':
        return _missing_coco(root, dataset, helped)
    if dataset.get('download') or dataset.get('backend_args') or is_remote(root) or is_remote(annotations):
        return []
    if root and not os.path.isdir(root):
        return [f'Expected the folder {os.path.abspath(root)}']
    path = os.path.join(root, annotations)
    if annotations and not os.path.exists(path):
        return [f'Expected the file {os.path.abspath(path)}']
    return []


def _missing_coco(root: str, dataset: Mapping[str, Any], helped: bool) -> list[str]:
    try:
        find_parts(root, dataset.get('split', ''), dataset.get('backend_args'))
    except CocoNotFoundError as error:
        return [error.args[0] if helped else str(error)]
    return []
