"""Cutout (DeVries, Taylor, arXiv 1708.04552) as its authors run it; mmpretrain's `Cutout` is another recipe."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from senet_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Cutout(BaseTransform):
    """img (H,W,C) → img with one square of zeros; every image gets one, centred on any of its pixels alike.

    The square spans rows and columns centre − size/2 … centre + size/2 − 1 and is clipped at the border, so less than
    size² pixels may be lost. The zeros are the mean colour, since the transform comes after `Normalize`. As in
    uoguelph-mlrg/Cutout `util/cutout.py`, whose first revision took half the side for the side.

    Args:
        size: side of the square in pixels: 16 on CIFAR-10, 8 on CIFAR-100.

    Raises:
        ValueError: `size` is not a positive even number.
    """

    def __init__(self, size: int) -> None:
        if size < 2 or size % 2:
            raise ValueError(f'size={size}: Cutout cuts size/2 pixels on either side, so a positive even number is due')
        self.size = size

    @cache_randomness
    def draw_centre(self, height: int, width: int) -> tuple[int, int]:
        """Row and column of the centre, uniform over the image."""
        return np.random.randint(height), np.random.randint(width)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut the hole into a copy of `results['img']`."""
        image = results['img'].copy()
        row, column = self.draw_centre(*image.shape[:2])
        half = self.size // 2
        image[max(row - half, 0) : row + half, max(column - half, 0) : column + half] = 0
        results['img'] = image
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size})'
