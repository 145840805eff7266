"""How fast training data arrives, by each of several ways, and how much of a training step waits for it.

An image counts when it is ready for the network: fetched, decoded, augmented, on the device. Every way is measured in
turn, round after round, on the same images in the same order, so that what else the machine does meets them all; the
figures are medians, and ratios are taken within a round. From the second round on, the files come from memory.
"""

from __future__ import annotations

import copy
import os
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner
from mmengine.utils.dl_utils import set_multi_processing
from tabulate import tabulate

from senet_mm.data.data_root import set_data_root
from senet_mm.data.errors import DataError
from senet_mm.data.presence import leaf_datasets, type_name

FORMS = {'image by image': False, 'whole batches': True}
DECODERS = ('cv2', 'turbojpeg', 'pillow')  # mmcv's, for JPEG


@dataclass
class InputSpeed:
    """What was measured, round by round: way → figures. The first way is what the others are compared with.

    Attributes:
        images: a second.
        waiting: share of a training step until its batch is there and prepared; empty if no steps were asked for.
        step: seconds, waiting included; likewise.
    """

    images: dict[str, list[float]] = field(default_factory=dict)
    waiting: dict[str, list[float]] = field(default_factory=dict)
    step: dict[str, list[float]] = field(default_factory=dict)

    def __str__(self) -> str:
        headers = ['', 'images/s', 'times the first (middle half)', 'waiting', 'of a step of']
        rows = [
            [way, f'{median(images):,.0f}', self._ratio(way), *self._steps(way)] for way, images in self.images.items()
        ]
        align = ('left', *['right'] * (len(rows[0]) - 1))
        return tabulate(rows, headers[: len(rows[0])], disable_numparse=True, colalign=align)

    def _ratio(self, way: str) -> str:
        first = next(iter(self.images.values()))
        ratios = [images / other for images, other in zip(self.images[way], first, strict=True)]
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        return f'{middle:.2f} ({low:.2f} to {high:.2f})'

    def _steps(self, way: str) -> list[str]:
        if way not in self.step:
            return []
        return [f'{median(self.waiting[way]):.2%}', f'{median(self.step[way]) * 1000:,.1f} ms']


def variants(cfg: Config, data_roots: Sequence[str] = (), decoders: Sequence[str] = ()) -> dict[str, Config]:
    """A config in every combination of what is to be compared, named after what differs.

    Args:
        cfg: of a training; stays as it is. If its data set has `whole_batch`, that is compared, too.
        data_roots: folders and packs; the config's own if empty.
        decoders: of `DECODERS`; likewise.

    Raises:
        DataError: no such decoder, or the config decodes nothing.
    """
    forms = tuple(FORMS) if any('whole_batch' in dataset for dataset in _datasets(cfg)) else ()
    axes: list[tuple[Sequence[str], Callable[[Config, str], None]]] = [
        (data_roots, set_data_root),
        (decoders, _set_decoder),
        (forms, _set_form),
    ]
    found = {}
    for choice in product(*(options or [''] for options, _ in axes)):
        variant = copy.deepcopy(cfg)
        for option, (_, change) in zip(choice, axes, strict=True):
            if option:
                change(variant, option)
        found[', '.join(filter(None, choice)) or Path(cfg.filename).stem] = variant
    return found


class InputBenchmark:
    """Training data by each of several ways, and a network, on the GPU if there is one.

    Args:
        ways: name → config; the network is the first one's.
        workers: processes that load image by image; whole batches are loaded as the config says.
        clock: seconds.
    """

    def __init__(
        self, ways: Mapping[str, Config], workers: int = 0, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        cfg = next(iter(ways.values()))
        init_default_scope(cfg.default_scope)
        set_multi_processing(**cfg.env_cfg.get('mp_cfg', {}))  # as a Runner does
        self.clock, self.device = clock, torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.loaders = {way: _loader_settings(one, workers) for way, one in ways.items()}
        preprocessor = cfg.get('data_preprocessor')
        self.model = MODELS.build(dict(cfg.model, **({'data_preprocessor': preprocessor} if preprocessor else {})))
        self.model.to(self.device).train()
        self.optim_wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)

    def run(self, rounds: int, seconds: float = 2.0, steps: int = 5) -> InputSpeed:
        """Measure loading for `seconds` and training for `steps`, each way, in every round."""
        speed = InputSpeed()
        for _ in range(rounds):
            for way in self.loaders:
                speed.images.setdefault(way, []).append(self._images_a_second(self._batches(way), seconds))
        for _ in range(rounds if steps else 0):
            for way in self.loaders:
                batches = self._batches(way)
                self._step(batches)  # the first one of a network takes longer
                times = [self._step(batches) for _ in range(steps)]
                waiting, total = (sum(column) for column in zip(*times, strict=True))
                speed.waiting.setdefault(way, []).append(waiting / total)
                speed.step.setdefault(way, []).append(total / steps)
        return speed

    def _batches(self, way: str) -> Iterator[Any]:
        """Batches without end. Those that workers have fetched before anybody waits for them are left out.

        Every call has workers of its own, which end with the iterator: no way's work in another's time.
        """
        loader = Runner.build_dataloader(copy.copy(self.loaders[way]), seed=0)
        batches = iter(loader)
        for _ in range(1 + loader.num_workers * (loader.prefetch_factor or 0)):
            next(batches)
        return batches

    def _images_a_second(self, batches: Iterator[Any], seconds: float) -> float:
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
        return f'{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads for PyTorch; OpenCV with {jpeg()}'


def jpeg() -> str:
    """By what OpenCV decodes JPEG, as its build says: 'libjpeg-turbo (ver 3.1.0-70)'."""
    match = re.search(r'^\s*JPEG:\s*(?:build-)?(.+)$', cv2.getBuildInformation(), re.MULTILINE)
    return match[1].strip() if match else 'no JPEG'


def _datasets(cfg: Config) -> list[Any]:
    return list(leaf_datasets(cfg.train_dataloader.dataset))


def _set_decoder(cfg: Config, decoder: str) -> None:
    if decoder not in DECODERS:
        raise DataError(f'decoder {decoder!r}: allowed are {", ".join(DECODERS)}.')
    if decoder == 'turbojpeg':
        try:
            mmcv.use_backend(decoder)  # or there is no decoder yet
        except (ImportError, RuntimeError, OSError) as error:
            raise DataError(
                f'decoder turbojpeg: {error}. It needs PyTurboJPEG and the library libturbojpeg, which the package '
                f'does not bring: 3 for PyTurboJPEG 2, or 2 for PyTurboJPEG<2.'
            ) from error
        finally:
            mmcv.use_backend('cv2')  # it is set before it is found missing; and resizing knows no turbojpeg
    steps = [step for dataset in _datasets(cfg) for step in dataset.get('pipeline', [])]
    loading = [step for step in steps if type_name(step) == 'LoadImageFromFile']
    if not loading:
        raise DataError(
            f'{cfg.filename}: its training pipeline has no LoadImageFromFile, so there is nothing to decode.'
        )
    for step in loading:
        step['imdecode_backend'] = decoder


def _set_form(cfg: Config, form: str) -> None:
    for dataset in _datasets(cfg):
        dataset['whole_batch'] = FORMS[form]


def _loader_settings(cfg: Config, workers: int) -> dict[str, Any]:
    """Of `Runner.build_dataloader`; the data set in it is built, once."""
    settings = cfg.train_dataloader.to_dict()
    if not any(dataset.get('whole_batch') for dataset in _datasets(cfg)):
        settings['num_workers'] = workers
    dataset = DATASETS.build(settings['dataset'])
    dataset.full_init()
    endless = dict(type='InfiniteSampler', shuffle=True)  # no epoch ends, and starts its workers anew, meanwhile
    pinned = torch.cuda.is_available()
    return settings | dict(dataset=dataset, sampler=endless, persistent_workers=False, pin_memory=pinned)
