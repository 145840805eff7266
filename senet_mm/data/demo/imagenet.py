"""The demo's stand-in for ImageNet: one digit on a photograph, in the folders and files that mmpretrain reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from senet_mm.data.demo.render import MARGIN, Scene, render_scene
from senet_mm.data.demo.sources import DIGIT_NAMES, Pool, used

IMAGE_SIZES = (48, 64)
SMALLEST_SHARE = 0.65  # of the image's side: as in ImageNet, the object fills most of its picture
WNIDS = tuple(f'n{digit:08d}' for digit in range(len(DIGIT_NAMES)))  # folder names of the shape of ImageNet's


@dataclass(frozen=True)
class ImagenetPart:
    """A split: its name, its pool, and a number that sets its randomness apart from the other demo parts."""

    name: str
    pool: str
    stream: int


PARTS = (ImagenetPart('train', 'train', 11), ImagenetPart('val', 'held_out', 12))


def imagenet_scene(pool: Pool, part: ImagenetPart, index: int, seed: int) -> Scene:
    """Image number `index` of a split: the digit `index % 10`, most of a square of 48 to 64 pixels."""
    rng = np.random.default_rng([seed, part.stream, index])
    size = int(rng.integers(IMAGE_SIZES[0], IMAGE_SIZES[1] + 1))
    largest = size - 2 * MARGIN - 2
    return render_scene(rng, pool, size, [index % len(DIGIT_NAMES)], (round(SMALLEST_SHARE * size), largest))


def write_imagenet(
    out: Path, pools: Mapping[str, Pool], sizes: Mapping[str, int], seed: int
) -> dict[str, dict[str, list[Any]]]:
    """Write train/<wnid>/, a flat val/, and meta/{train,val,classes}.txt below `out`.

    Args:
        out: the folder, made here.
        pools: what `load_pools` gives.
        sizes: number of images of 'train' and of 'val'.
        seed: of everything random.

    Returns:
        For each split, the photographs and the digits it was made from.
    """
    (out / 'meta').mkdir(parents=True)
    for wnid in WNIDS:
        (out / 'train' / wnid).mkdir(parents=True)
    (out / 'val').mkdir()
    sources = {
        part.name: write_split(out, part, pools[part.pool], sizes[part.name], seed, _file_name) for part in PARTS
    }
    (out / 'meta' / 'classes.txt').write_text('\n'.join(DIGIT_NAMES) + '\n', encoding='utf-8')
    return sources


def write_split(
    out: Path, part: ImagenetPart, pool: Pool, number: int, seed: int, name: Callable[[ImagenetPart, int, int], str]
) -> dict[str, list[Any]]:
    """Write the images of a split below `out`/<split>, whose folders are there, and meta/<split>.txt.

    Args:
        out: the data set's folder.
        part: the split.
        pool: to draw from.
        number: of images.
        seed: of everything random.
        name: split, index and label → file below the split's folder.

    Returns:
        The photographs and the digits it was made from.
    """
    lines, photographs, scans = [], [], []
    for index in range(number):
        scene = imagenet_scene(pool, part, index, seed)
        (placement,) = scene.placements
        file = name(part, index, placement.label)
        Image.fromarray(scene.image).save(out / part.name / file, format='JPEG', quality=90)
        lines.append(f'{file} {placement.label}')
        photographs.append(scene.photograph)
        scans.append(placement.scan)
    (out / 'meta' / f'{part.name}.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return used(pool, photographs, scans)


def _file_name(part: ImagenetPart, index: int, label: int) -> str:
    if part.name == 'train':
        return f'{WNIDS[label]}/{WNIDS[label]}_{index + 1}.JPEG'
    return f'ILSVRC2012_val_{index + 1:08d}.JPEG'
