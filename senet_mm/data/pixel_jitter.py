"""Pixel jitter, of the augmentation that the paper's released networks were trained with."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from senet_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PixelJitter(BaseTransform):
    """img (H,W,C) uint8 → the same with noise, drawn for each pixel and channel by itself, and cut off at 0 and 255.

    "Pixel Jitter −20 … 20" of the authors' README (hujie-frank/SENet), explained in their issue 38: H·W·C random values
    in that range, added to the pixels. Neither mmcv nor mmpretrain has such noise.

    Args:
        amount: The noise is one of the integers −amount … amount, each as likely as the others.
    """

    def __init__(self, amount: int = 20) -> None:
        if not isinstance(amount, int) or not 0 <= amount <= 255:
            raise ValueError(f'amount={amount!r}: PixelJitter takes an integer from 0 to 255')
        self.amount = amount

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add noise to `results['img']`.

        Raises:
            ValueError: The image is not uint8; jitter belongs before any normalisation.
        """
        image = results['img']
        if image.dtype != np.uint8:
            raise ValueError(f'PixelJitter takes images of type uint8, not {image.dtype}: put it before normalisation')
        # numpy's global generator is the one that mmengine seeds in every worker
        noise = np.random.randint(-self.amount, self.amount + 1, image.shape, dtype=np.int16)
        results['img'] = np.clip(image + noise, 0, 255).astype(np.uint8)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(amount={self.amount})'
