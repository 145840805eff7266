"""The demo's stand-in for Places365: the pictures of the demo's ImageNet anew, in Places365's folders and files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from senet_mm.data.demo.imagenet import ImagenetPart, write_split
from senet_mm.data.demo.sources import DIGIT_NAMES, Pool

PARTS = (ImagenetPart('train', 'train', 21), ImagenetPart('val', 'held_out', 22))
CLASS_FOLDERS = tuple(f'{name[0]}/{name}' for name in DIGIT_NAMES)  # z/zero, as Places365 has a/airfield


def write_places365(
    out: Path, pools: Mapping[str, Pool], sizes: Mapping[str, int], seed: int
) -> dict[str, dict[str, list[Any]]]:
    """Write train/<letter>/<class>/, a flat val/, and meta/{train,val}.txt below `out`.

    Args:
        out: the folder, made here.
        pools: what `load_pools` gives.
        sizes: number of images of 'train' and of 'val'.
        seed: of everything random.

    Returns:
        For each split, the photographs and the digits it was made from.
    """
    for folder in ('meta', 'val', *(f'train/{name}' for name in CLASS_FOLDERS)):
        (out / folder).mkdir(parents=True)
    return {part.name: write_split(out, part, pools[part.pool], sizes[part.name], seed, _file_name) for part in PARTS}


def _file_name(part: ImagenetPart, index: int, label: int) -> str:
    number = f'{index + 1:08d}.jpg'
    return f'{CLASS_FOLDERS[label]}/{number}' if part.name == 'train' else f'Places365_val_{number}'
