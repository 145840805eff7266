"""A trained network over a data set, in one process or several, without mmengine's Runner: no log, no work dir."""

from __future__ import annotations

import senet_mm.registry  # noqa: F401  # isort: skip  (first: it says what to do where OpenCV cannot be imported)

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size, init_dist
from mmengine.evaluator import Evaluator
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.data.errors import DataError
from senet_mm.engine.checkpoint import load_checkpoint, use_in_mmengine
from senet_mm.engine.checkpoint_fit import Fit


@contextmanager
def processes(launcher: str) -> Iterator[None]:
    """Join the processes that `launcher` started; 'none' is one process. Without a GPU they talk through gloo."""
    if launcher == 'none':
        yield
        return
    if torch.cuda.is_available():
        init_dist(launcher, backend='nccl')
    else:
        torch.distributed.init_process_group('gloo')
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def load_network(cfg: Config, checkpoint: str, trust: bool = False) -> nn.Module:
    """The model of a config with the weights of a checkpoint, for evaluation, on the GPU if there is one.

    Args:
        cfg: The config; its default scope becomes mmengine's.
        checkpoint: See senet_mm.engine.checkpoint.load_checkpoint, as for `trust`.
        trust: Read a checkpoint that holds more than weights.

    Raises:
        DataError: The checkpoint is not there, is refused, or does not fit the model exactly.
    """
    content = load_checkpoint(checkpoint, trust=trust)
    use_in_mmengine(trust=trust)
    if cfg.get('default_scope') == 'mmpretrain':
        import_without_mmdet()
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    preprocessor = cfg.get('data_preprocessor')
    network = MODELS.build({**(dict(data_preprocessor=preprocessor) if preprocessor else {}), **cfg.model})
    state = content.get('state_dict', content)
    fit = Fit.of(network, {re.sub(r'^module\.', '', name): value for name, value in state.items()})
    if not fit.whole:
        raise DataError(f'{checkpoint} does not fit the model of this config:\n{fit}\n{fit.likely()}')
    return network.to(get_device()).eval()


def build_loader(cfg: Config, split: str, padded: bool) -> DataLoader:
    """The images of a split in the order of the data set, this process's share of them.

    Args:
        cfg: The config.
        split: 'val' or 'test'.
        padded: Whether processes repeat images so that all have equally many, as mmengine's evaluators expect them; if
            not, every image comes once.

    Raises:
        DataError: The config has no such loader, or there are more processes than images.
    """
    settings = cfg.get(f'{split}_dataloader')
    if not settings:
        raise DataError(f'{cfg.filename} has no {split}_dataloader')
    settings = dict(
        settings,
        sampler=dict(type='DefaultSampler', shuffle=False, round_up=padded),
        batch_sampler=None,
        drop_last=False,
        persistent_workers=False,
        pin_memory=torch.cuda.is_available(),
    )
    loader = Runner.build_dataloader(settings)
    if len(loader.dataset) < get_world_size():
        raise DataError(f'{split}_dataloader: {len(loader.dataset)} images for {get_world_size()} processes')
    return loader


@torch.no_grad()
def evaluate(network: nn.Module, loader: DataLoader, evaluator: Evaluator) -> dict[str, Any]:
    """What the evaluator measures of the network on a padded loader's images, the same in every process."""
    dataset: Any = loader.dataset
    evaluator.dataset_meta = dataset.metainfo
    step: Any = network.test_step
    for batch in loader:
        evaluator.process(data_samples=step(batch), data_batch=batch)
    return evaluator.evaluate(len(dataset))
