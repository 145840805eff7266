"""Which crops of an image a classifier is tested on: `tools/test.py --crops`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from senet_mm.data.crops import CORNERS
from senet_mm.data.errors import DataError

# Crop → the shorter side that the image is resized to. For 320 the paper gives none; 352 is the one of its 299.
EDGES = {224: 256, 299: 352, 320: 352}
PROTOCOLS = {f'{kind}-{size}': (kind, size) for kind in ('center', 'ten', 'multi') for size in EDGES}
PROTOCOLS['places365'] = ('places365', 224)
FLIPS = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]
GEOMETRY = ('ResizeEdge', 'Resize', 'CenterCrop')

Step = dict[str, Any]


@dataclass(frozen=True)
class Crops:
    """A test pipeline, and how many crops of an image it yields.

    Attributes:
        pipeline: Of mmpretrain's transforms; with several crops it ends in lists, as TestTimeAug's do.
        count: Crops of an image.
    """

    pipeline: list[Step]
    count: int


def make_crops(protocol: str, pipeline: Sequence[Step], scales: Sequence[int] | None = None) -> Crops:
    """A test pipeline with the crops of `protocol` in place of its own.

    center-S: shorter side as in EDGES, centre crop S. ten-S: the four corners and the centre of that, each also
    mirrored (Krizhevsky et al., 2012). multi-S: the same ten at each of six scales; the paper's ILSVRC entry fused
    "multi-scale multi-crop" results and does not say which, so these are S·7/7 … S·12/7, from 224 to 384 for 224.
    places365: both sides 256, centre crop 224.

    Args:
        protocol: One of PROTOCOLS.
        pipeline: The config's: an image is loaded, resized and cropped, and packed.
        scales: Shorter sides for multi-S.

    Raises:
        DataError: There is no such protocol, the pipeline has other steps, or a scale is smaller than the crop.
    """
    if protocol not in PROTOCOLS:
        raise DataError(f'--crops {protocol}: there are {", ".join(PROTOCOLS)}')
    kind, size = PROTOCOLS[protocol]
    load, pack, backend = _around_geometry(pipeline)
    if kind == 'multi':
        resizes = [_resize(edge, backend) for edge in _scales(size, scales)]
    elif scales:
        raise DataError(f'--crops {protocol} has one scale; crop_scales is for multi-…')
    elif kind == 'places365':
        resizes = [dict(type='Resize', scale=(256, 256), **backend)]
    else:
        resizes = [_resize(EDGES[size], backend)]
    center = dict(type='CenterCrop', crop_size=size)
    if kind in ('center', 'places365'):
        return Crops([load, *resizes, center, pack], 1)
    corners = [dict(type='senet_mm.CornerCrop', crop_size=size, corner=corner) for corner in CORNERS]
    ten = _views([*corners, center], copy.deepcopy(FLIPS), [pack])
    if kind == 'ten':
        return Crops([load, *resizes, ten], 10)
    return Crops([load, _views(resizes, [ten]), dict(type='senet_mm.JoinViews')], 10 * len(resizes))


def _views(*choices: list[Step]) -> Step:
    """All combinations of one step of each list, carried out in the lists' order."""
    return dict(type='TestTimeAug', transforms=list(choices))


def _around_geometry(pipeline: Sequence[Step]) -> tuple[Step, Step, Step]:
    """The steps before and after those that resize and crop, and the library that resizes, as an argument."""
    load, *geometry, pack = copy.deepcopy(list(pipeline))
    kinds = [step['type'] in GEOMETRY for step in (load, *geometry, pack)]
    if kinds != [False, *[True] * len(geometry), False] or 'Load' not in load['type']:
        raise DataError(
            f'--crops is for networks whose images are loaded, resized and cropped, as those of ImageNet: it replaces '
            f'{", ".join(GEOMETRY)} between loading and packing. The test pipeline has '
            f'{", ".join(step["type"] for step in pipeline)}'
        )
    backends = [step['backend'] for step in geometry if 'backend' in step]
    return load, pack, {'backend': backends[0]} if backends else {}


def _resize(edge: int, backend: Step) -> Step:
    return dict(type='ResizeEdge', scale=edge, edge='short', **backend)


def _scales(size: int, scales: Sequence[int] | None) -> Sequence[int]:
    if not scales:
        return [round(size * part / 7) for part in range(7, 13)]
    if not all(isinstance(scale, int) and scale >= size for scale in scales):
        raise DataError(f'crop_scales={list(scales)}: each is an integer of {size} or more, the size of the crops')
    return scales
