"""COCO with the minival protocol as an mmdet dataset, whichever official release the folder holds."""

from collections import defaultdict
from typing import Any

from mmdet.datasets import CocoDataset

import senet_mm.data.packs.backend  # noqa: F401  (a worker that was not forked must know packed://, too)
from senet_mm.data.coco.layout import find_parts
from senet_mm.data.packs.url import as_url
from senet_mm.registry import DATASETS


@DATASETS.register_module()
class CocoMinival(CocoDataset):
    """annotation files of a split (one or two) → samples of mmdet's `CocoDataset`, joined and ordered by image id.

    The order, and with it what a seed stands for, is the same from the layout of 2014 as from that of 2017.

    Args:
        data_root: folder, pack or URL that holds COCO, see `find_parts`.
        split: 'train' (118,287 images) or 'minival' (5,000).
        **kwargs: of mmdet's `CocoDataset`, without `ann_file` and `data_prefix`.

    Raises:
        TypeError: `ann_file` or `data_prefix` is given.
        FileNotFoundError: the data is not there; the message says how to make it.
        ValueError: an image is in two annotation files, their categories differ, or none of them is a wanted class.
    """

    cat_img_map: dict[int, list[int]]  # category id → ids of the images that have it

    def __init__(self, data_root: str, split: str, **kwargs: Any) -> None:
        given = sorted({'ann_file', 'data_prefix'} & kwargs.keys())
        if given:
            raise TypeError(
                f'CocoMinival finds its files from data_root and split; remove {" and ".join(given)} '
                f'(in a config that inherits: _delete_=True).'
            )
        self.split = split
        super().__init__(data_root=as_url(data_root), **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load every part of the split and join them."""
        parts = find_parts(self.data_root, self.split, self.backend_args)
        samples: dict[int, dict] = {}
        images_of_category: dict[int, list[int]] = defaultdict(list)
        categories: list[int] = []
        for ann_file, folder in parts:
            self.ann_file, self.data_prefix = ann_file, {'img': folder}
            for sample in super().load_data_list():
                if sample['img_id'] in samples:
                    raise ValueError(
                        f'image {sample["img_id"]} of {ann_file} is also in another annotation file of this split, '
                        f'or twice in this one: the parts of the minival protocol share no image.'
                    )
                samples[sample['img_id']] = sample
            self._check_categories(categories)
            categories = self.cat_ids
            for category, images in self.cat_img_map.items():
                images_of_category[category] += images
        self.cat_img_map = images_of_category
        return [samples[img_id] for img_id in sorted(samples)]

    def _check_categories(self, earlier: list[int]) -> None:
        if not self.cat_ids:
            raise ValueError(
                f'{self.ann_file} has none of the {len(self.metainfo["classes"])} classes of this dataset '
                f"(first: {self.metainfo['classes'][0]!r}); give the file's own as metainfo=dict(classes=…)."
            )
        if earlier and earlier != self.cat_ids:
            raise ValueError(f'{self.ann_file} numbers the categories otherwise than the other part of the split.')
