"""ImageNet and Places365 as mmpretrain data sets, read from a folder or from a pack."""

from typing import Any, ClassVar

from mmpretrain.datasets import CustomDataset
from mmpretrain.datasets import ImageNet as FolderImageNet

import senet_mm.data.packs.backend  # noqa: F401  (a worker that was not forked must know packed://, too)
from senet_mm.data.errors import DataError
from senet_mm.data.packs.url import as_url
from senet_mm.data.places365.layout import read_class_names
from senet_mm.registry import DATASETS


class _Listed(CustomDataset):
    """What a wrong list says."""

    def load_data_list(self) -> list[dict[str, Any]]:
        """Samples with `img_path` and `gt_label`.

        Raises:
            DataError: a line of the list is not 'FILE LABEL', or a label is beyond the classes.
        """
        try:
            samples = super().load_data_list()
        except ValueError as error:
            raise DataError(f"{self.ann_file} is no list of lines 'FILE LABEL': {error}") from error
        labels = {sample['gt_label'] for sample in samples if 'gt_label' in sample}
        if labels and not 0 <= min(labels) <= max(labels) < len(self.CLASSES):
            raise DataError(
                f'{self.ann_file or self.img_prefix} has labels from {min(labels)} to {max(labels)}; '
                f'0 to {len(self.CLASSES) - 1} are allowed, one for each of the classes.'
            )
        return samples


@DATASETS.register_module()
class ImageNet(_Listed, FolderImageNet):
    """mmpretrain's ImageNet (train/<wnid>/…, val/…, meta/train.txt, meta/val.txt), packed or not.

    Args:
        data_root: the folder that `tools/prepare_data.py imagenet` makes, or a .zip, .tar or .lmdb of it.
        **kwargs: of mmpretrain's `ImageNet`.

    Raises:
        DataError: a list is wrong, or the pack is not there or damaged.
    """

    def __init__(self, data_root: str = '', **kwargs: Any) -> None:
        super().__init__(data_root=as_url(data_root), **kwargs)


@DATASETS.register_module()
class Places365(_Listed):
    """Places365 (train/<letter>/<class>/…, val/…, meta/train.txt, meta/val.txt), packed or not.

    Args:
        data_root: the folder that `tools/prepare_data.py places365` makes, or a .zip, .tar or .lmdb of it.
        split: 'train' or 'val'.
        **kwargs: of mmpretrain's `CustomDataset`, without `ann_file` and `data_prefix`.

    Raises:
        ValueError: no such split.
        DataError: a list is wrong, or the pack is not there or damaged.
    """

    METAINFO: ClassVar[dict[str, Any]] = {'classes': read_class_names()}

    def __init__(self, data_root: str, split: str, **kwargs: Any) -> None:
        if split not in ('train', 'val'):
            raise ValueError(f"split={split!r} of Places365: 'train' and 'val' are allowed.")
        super().__init__(data_root=as_url(data_root), ann_file=f'meta/{split}.txt', data_prefix=split, **kwargs)
