"""How fast training data arrives, as whole batches and image by image, and how much of a training step waits for it.

An image counts when it is ready for the network: fetched, augmented, on the device. Every measurement is taken of both
ways in turn, round after round, so that what else the machine does meets both; the figures are medians.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from statistics import median
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

from senet_mm.data.errors import DataError

WAYS = {'whole batches': True, 'image by image': False}


@dataclass
class InputSpeed:
    """What was measured, round by round, of each way in `WAYS`.

    Attributes:
        images: a second.
        waiting: share of a step spent on fetching and preparing its batch, none of it hidden behind the network.
        step: seconds, waiting included.
    """

    images: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    waiting: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    step: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def __str__(self) -> str:
        lines = [
            f'{way:<15} {median(self.images[way]):>9,.0f} images/s, {median(self.waiting[way]):6.2%} of a step of '
            f'{median(self.step[way]) * 1000:,.1f} ms'
            for way in WAYS
        ]
        ratios = [whole / single for whole, single in zip(*self.images.values(), strict=True)]
        spread = f'{min(ratios):.1f} to {max(ratios):.1f} in {len(ratios)} pairs'
        return '\n'.join([*lines, f'Whole batches are {median(ratios):.1f} times as fast ({spread}).'])


class InputBenchmark:
    """A config's training data and network, on the GPU if there is one.

    Args:
        cfg: its data set has `whole_batch`.
        workers: processes that load image by image; whole batches are loaded as the config says.
        clock: seconds.

    Raises:
        DataError: the config has no whole-batch input pipeline.
    """

    def __init__(self, cfg: Config, workers: int = 0, clock: Callable[[], float] = time.perf_counter) -> None:
        if 'whole_batch' not in cfg.train_dataloader.dataset:
            raise DataError(
                f'{cfg.filename}: train_dataloader.dataset has no whole_batch; configs/*_cifar*.py have such data sets'
            )
        init_default_scope(cfg.default_scope)
        self.clock, self.device = clock, torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.loaders = {way: _loader(cfg, whole, workers) for way, whole in WAYS.items()}
        self.batches: dict[str, Iterator[Any]] = {
            way: chain.from_iterable(repeat(loader)) for way, loader in self.loaders.items()
        }
        preprocessor = cfg.get('data_preprocessor')
        self.model = MODELS.build(dict(cfg.model, **({'data_preprocessor': preprocessor} if preprocessor else {})))
        self.model.to(self.device).train()
        self.optim_wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)

    def run(self, rounds: int, seconds: float = 2.0, steps: int = 5) -> InputSpeed:
        """Measure loading for `seconds` and training for `steps`, each way, in every round."""
        speed = InputSpeed()
        for batches in self.batches.values():  # starts workers, fills caches
            self._step(batches)
        for _ in range(rounds):
            for way, batches in self.batches.items():
                speed.images[way].append(self._images_a_second(batches, seconds))
        for _ in range(rounds):
            for way, batches in self.batches.items():
                times = [self._step(batches) for _ in range(steps)]
                waiting, total = (sum(column) for column in zip(*times, strict=True))
                speed.waiting[way].append(waiting / total)
                speed.step[way].append(total / steps)
        return speed

    def _images_a_second(self, batches: Iterable[Any], seconds: float) -> float:
        start, images = self._now(), 0
        for batch in batches:
            images += len(self.model.data_preprocessor(batch, True)['inputs'])
            if self.clock() - start >= seconds:
                break
        return images / (self._now() - start)

    def _step(self, batches: Iterator[Any]) -> tuple[float, float]:
        """One training step: seconds spent waiting for its data, and in all."""
        start = self._now()
        data: Mapping[str, Any] = self.model.data_preprocessor(next(batches), True)
        ready = self._now()
        loss, _ = self.model.parse_losses(self.model(**data, mode='loss'))
        self.optim_wrapper.update_params(loss)
        return ready - start, self._now() - start

    def _now(self) -> float:
        """The time when the device is done with everything so far."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize()
        return self.clock()

    def machine(self) -> str:
        """What it runs on, in words."""
        name = torch.cuda.get_device_name() if self.device.type == 'cuda' else f'{platform.machine()} CPU'
        return f'{name}, {torch.get_num_threads()} CPU threads for PyTorch'


def _loader(cfg: Config, whole: bool, workers: int) -> Any:
    settings = cfg.train_dataloader.to_dict()
    settings['dataset']['whole_batch'] = whole
    settings['pin_memory'] = torch.cuda.is_available()
    if not whole:
        settings |= dict(num_workers=workers, persistent_workers=workers > 0)
    return Runner.build_dataloader(settings, seed=0)
