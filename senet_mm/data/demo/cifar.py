"""The demo's stand-in for CIFAR-10: scanned digits as 32×32 colour images, in the files that CIFAR-10 comes in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from senet_mm.data.cifar.files import SHAPE, CifarSplit, write_cifar
from senet_mm.data.cifar.layout import SplitName
from senet_mm.data.demo.sources import DIGIT_NAMES, Pool, used
from senet_mm.data.errors import DataError


@dataclass(frozen=True)
class CifarPart:
    """A split: its name, its pool, and a number that sets its randomness apart from the other demo parts."""

    name: SplitName
    pool: str
    stream: int


PARTS = (CifarPart('train', 'train', 21), CifarPart('test', 'held_out', 22))


def draw_order(pool: Pool, part: CifarPart, count: int, seed: int) -> NDArray[np.int64]:
    """Positions in the pool of the first `count` images of a split: random, and no scan twice.

    Raises:
        DataError: the pool has fewer scans.
    """
    if count > len(pool.labels):
        raise DataError(f'cifar10 {part.name}: {count} images wanted of the {len(pool.labels)} scans there are.')
    return np.random.default_rng([seed, part.stream]).permutation(len(pool.labels))[:count]


def enlarge(scan: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A scan (8,8), ink from 0 to 1, as a smooth grey image (3,32,32), ink white on black."""
    image = Image.fromarray(scan).resize(SHAPE[1:], Image.Resampling.BICUBIC)
    grey = np.rint(np.asarray(image) * 255).clip(0, 255).astype(np.uint8)
    return np.broadcast_to(grey, SHAPE)


def write_demo_cifar(
    out: Path, pools: Mapping[str, Pool], sizes: Mapping[str, int], seed: int
) -> dict[str, dict[str, list[Any]]]:
    """Write cifar-10-batches-py/ below `out`.

    Args:
        out: the folder, made here.
        pools: what `load_pools` gives.
        sizes: number of images of 'train' (at least five) and of 'test'.
        seed: of everything random.

    Returns:
        For each split, the digits it was made from.

    Raises:
        DataError: more images are wanted than there are scans.
    """
    splits: dict[SplitName, CifarSplit] = {}
    sources: dict[str, dict[str, list[Any]]] = {}
    for part in PARTS:
        pool = pools[part.pool]
        order = draw_order(pool, part, sizes[part.name], seed)
        images = np.stack([enlarge(pool.scans[scan]) for scan in order])
        splits[part.name] = CifarSplit(images, pool.labels[order], DIGIT_NAMES)
        sources[part.name] = used(pool, [], [int(scan) for scan in order])
    write_cifar(out, 'cifar10', splits)
    return sources
