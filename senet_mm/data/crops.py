"""What ten-crop and multi-crop tests need beside mmcv's CenterCrop, RandomFlip and TestTimeAug."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from senet_mm.registry import TRANSFORMS

CORNERS = ('top-left', 'top-right', 'bottom-left', 'bottom-right')


@TRANSFORMS.register_module()
class CornerCrop(BaseTransform):
    """img (H,W,C) → its corner, (crop_size,crop_size,C).

    Args:
        crop_size: Height and width of the crop.
        corner: 'top-left', 'top-right', 'bottom-left' or 'bottom-right'.
    """

    def __init__(self, crop_size: int, corner: str) -> None:
        if crop_size < 1:
            raise ValueError(f'crop_size={crop_size}: CornerCrop takes a size of 1 or more')
        if corner not in CORNERS:
            raise ValueError(f'corner={corner!r}: CornerCrop takes {", ".join(CORNERS)}')
        self.crop_size = crop_size
        self.corner = corner

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop `results['img']`.

        Raises:
            ValueError: The image is smaller than the crop; enlarge it first.
        """
        image, size = results['img'], self.crop_size
        height, width = image.shape[:2]
        if min(height, width) < size:
            raise ValueError(f'a corner of {size}×{size} does not fit into an image of {height}×{width}')
        vertical, horizontal = self.corner.split('-')
        top = 0 if vertical == 'top' else height - size
        left = 0 if horizontal == 'left' else width - size
        results['img'] = image[top : top + size, left : left + size]
        results['img_shape'] = (size, size)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size}, corner={self.corner!r})'


@TRANSFORMS.register_module()
class JoinViews(BaseTransform):
    """Lists of lists under each key → one list under each key: the views of a TestTimeAug inside another.

    Crops inside of scales resize an image once for each scale; one TestTimeAug with both would do it for each crop.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Join what every key has."""
        return {key: [view for inner in views for view in inner] for key, views in results.items()}
