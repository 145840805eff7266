"""One place for the data of a whole run: what `--data-root` does to a config."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from senet_mm.data.presence import leaf_datasets

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')


def set_data_root(cfg: Mapping[str, Any], data_root: str) -> None:
    """Have every data set of a config, and every metric that reads annotations, look in one place.

    Args:
        cfg: an mmengine `Config`, or the like of it; changed in place.
        data_root: a folder, or a .zip, .tar or .lmdb that tools/pack_dataset.py made.
    """
    for name in _LOADERS:
        loader = cfg.get(name)
        for dataset in leaf_datasets(loader['dataset']) if loader else ():
            dataset['data_root'] = data_root
    for name in _EVALUATORS:
        evaluators = cfg.get(name) or []
        for evaluator in [evaluators] if isinstance(evaluators, MutableMapping) else evaluators:
            if 'data_root' in evaluator:
                evaluator['data_root'] = data_root
