"""mmpretrain's random resized crop in half of its time: with decoding it is most of what a training image costs."""

from __future__ import annotations

from typing import Any

import mmcv
import numpy as np
from mmpretrain.datasets.transforms import RandomResizedCrop as MMPretrainRandomResizedCrop

from senet_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomResizedCrop(MMPretrainRandomResizedCrop):
    """img (H,W,C) uint8 → a random part of it, resized to `scale`: mmpretrain's, with the same draws and pixels.

    mmpretrain gives Pillow a view into the image, which NumPy then copies value by value; here the crop is copied
    before, row by row.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop and resize `results['img']`."""
        top, left, height, width = self.rand_crop_params(results['img'])
        crop = np.ascontiguousarray(results['img'][top : top + height, left : left + width])
        size = tuple(self.scale[::-1])
        results['img'] = mmcv.imresize(crop, size, interpolation=self.interpolation, backend=self.backend)
        results['img_shape'] = results['img'].shape
        return results
