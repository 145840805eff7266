"""mmpretrain's random resized crop in a fraction of its time: the largest part of what a training image costs."""

from __future__ import annotations

from typing import Any

import mmcv
import numpy as np
import torch
from mmpretrain.datasets.transforms import RandomResizedCrop as MMPretrainRandomResizedCrop
from numpy.typing import NDArray

from senet_mm.registry import TRANSFORMS

BACKENDS = ('pillow', 'cv2', 'torch')
_TORCH = ('bilinear', 'bicubic')  # what PyTorch interpolates with antialiasing


@TRANSFORMS.register_module()
class RandomResizedCrop(MMPretrainRandomResizedCrop):
    """img (H,W,C) uint8 → a random part of it, resized to `scale`: mmpretrain's transform, with the same draws.

    mmpretrain gives Pillow a view into the image, which NumPy then copies value by value; a copy of the crop made
    before saves half of the time, and the pixels are the same. `backend='torch'` is PyTorch's antialiased resizing, for
    which Pillow-SIMD was the model: Pillow's filter in other fixed-point numbers, which round a few values otherwise.
    OpenCV's has no antialiasing, so other pixels come of it.

    Args:
        *args: of mmpretrain's `RandomResizedCrop`.
        backend: 'pillow', 'cv2', or 'torch' (bilinear or bicubic).
        **kwargs: likewise.

    Raises:
        ValueError: no such backend, or not with this interpolation.
    """

    def __init__(self, *args: Any, backend: str = 'pillow', **kwargs: Any) -> None:
        super().__init__(*args, backend=backend, **kwargs)
        if backend not in BACKENDS:
            raise ValueError(f'backend={backend!r} of RandomResizedCrop: allowed are {", ".join(map(repr, BACKENDS))}.')
        if backend == 'torch' and self.interpolation not in _TORCH:
            allowed = ' and '.join(map(repr, _TORCH))
            raise ValueError(f"interpolation={self.interpolation!r} with backend='torch': allowed are {allowed}.")

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop and resize `results['img']`."""
        top, left, height, width = self.rand_crop_params(results['img'])
        crop = np.ascontiguousarray(results['img'][top : top + height, left : left + width])
        if self.backend == 'torch':
            results['img'] = _resize(crop, self.scale, self.interpolation)
        else:
            size = tuple(self.scale[::-1])
            results['img'] = mmcv.imresize(crop, size, interpolation=self.interpolation, backend=self.backend)
        results['img_shape'] = results['img'].shape
        return results


def _resize(image: NDArray[np.uint8], size: tuple[int, int], mode: str) -> NDArray[np.uint8]:
    """Height and width as `size` says; channels stay last in memory, as PyTorch's fast path has them."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(pixels, tuple(size), mode=mode, antialias=True)
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())
