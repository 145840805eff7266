"""How large images are: what a command line says, and what a config tests on. Imports nothing heavy."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

from senet_mm.data.errors import DataError

FIXED = {'CIFAR10': (32, 32), 'CIFAR100': (32, 32)}  # data sets that are not resized


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from '224' or '1333x800', for argparse."""
    match = re.fullmatch(r'([1-9]\d*)(?:x([1-9]\d*))?', text)
    if match is None:
        raise argparse.ArgumentTypeError(f'{text!r} is not a size, e.g. 224, or WIDTHxHEIGHT, e.g. 1333x800')
    return int(match[1]), int(match[2] or match[1])


def image_size(cfg: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of the images that a config tests on: its centre crop, or else what it resizes to.

    Raises:
        DataError: The test pipeline has neither, and the data set does not say.
    """
    dataset = cfg.get('test_dataloader', {}).get('dataset', {})
    for step in reversed(dataset.get('pipeline', [])):
        size = {'CenterCrop': step.get('crop_size'), 'Resize': step.get('scale')}.get(step['type'].split('.')[-1])
        if size is not None:
            width, height = (size, size) if isinstance(size, int) else size
            return width, height
    size = FIXED.get(str(dataset.get('type')).split('.')[-1])
    if size is not None:
        return size
    name = getattr(cfg, 'filename', 'the config')
    raise DataError(f'{name} does not say how large its test images are: give --input-size')
