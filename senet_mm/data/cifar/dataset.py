"""CIFAR-10 and CIFAR-100 as data sets of the MM tools, image by image or a batch at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from mmcv.transforms import TestTimeAug
from mmengine.dataset import force_full_init
from mmpretrain.datasets import BaseDataset

from senet_mm.data.cifar.files import read_cifar
from senet_mm.data.errors import DataError
from senet_mm.data.whole_batch import BatchPipeline
from senet_mm.registry import DATASETS


class CifarDataset(BaseDataset):
    """The files of a split → samples with `img` (32,32,3) uint8, red, green, blue, and `gt_label`; all in memory.

    With `whole_batch`, a loader gets its batches in one piece: uint8 images, labels, and the pipeline in the form of
    `BatchPipeline`. It takes `collate_fn=dict(type='senet_mm.whole_batch_collate')` and
    `data_preprocessor=dict(type='senet_mm.WholeBatchPreprocessor')`, and no workers: a batch costs less than its way
    from another process. Indexing still gives single samples, as `tools/browse_dataset.py` and wrapped data sets
    (RepeatDataset, …) use it, and a pipeline with TestTimeAug runs image by image.

    Args:
        data_root: the folder that `tools/prepare_data.py cifar10` or `cifar100` makes.
        split: 'train' or 'test'.
        whole_batch: whether a loader gets whole batches.
        **options: of mmpretrain's `BaseDataset`, without `ann_file`, `data_prefix` and `serialize_data`.

    Raises:
        DataError: the data is missing or damaged, `classes` do not fit it, or a transform has no whole-batch form.
    """

    METAINFO: ClassVar[dict[str, Any]] = {'channel_order': 'rgb'}
    NAME: ClassVar[Literal['cifar10', 'cifar100']]

    def __init__(
        self, data_root: str, split: Literal['train', 'test'] = 'train', whole_batch: bool = False, **options: Any
    ) -> None:
        self.split = split
        super().__init__(ann_file='', data_root=data_root, data_prefix='', serialize_data=False, **options)
        transforms = self.pipeline.transforms
        self.whole_batch = whole_batch and not any(isinstance(transform, TestTimeAug) for transform in transforms)
        self.batch_pipeline = BatchPipeline.of(transforms) if self.whole_batch else None

    def load_data_list(self) -> list[int]:
        """Read the files. A sample's entry is its row in `images` (N,3,32,32) and `labels` (N,)."""
        content = read_cifar(Path(self.data_root), self.NAME, self.split)
        self.images, self.labels = torch.from_numpy(content.images), torch.from_numpy(content.labels)
        classes = self._metainfo.setdefault('classes', content.classes)
        if len(classes) != len(content.classes):
            raise DataError(f'classes: {len(classes)} names are given, {self.data_root} has {len(content.classes)}')
        return list(range(len(content.labels)))

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """A sample before the pipeline."""
        row = self.data_list[idx]
        image = np.ascontiguousarray(self.images[row].permute(1, 2, 0))  # a copy: transforms may write into it
        return dict(img=image, gt_label=int(self.labels[row]), sample_idx=idx % len(self))

    @force_full_init
    def get_batch(self, indices: Sequence[int]) -> dict[str, Any]:
        """The samples at `indices` in one piece, for `WholeBatchPreprocessor`."""
        rows = torch.tensor([self.data_list[index] for index in indices])
        return dict(
            inputs=self.images.index_select(0, rows),
            gt_label=self.labels.index_select(0, rows),
            sample_idx=torch.tensor(indices),
            batch_pipeline=self.batch_pipeline,
        )

    @property
    def __getitems__(self) -> Callable[[Sequence[int]], dict[str, Any]] | None:
        """How torch's loaders fetch a batch; where it is None they ask for single samples."""
        return self.get_batch if self.whole_batch else None

    def extra_repr(self) -> list[str]:
        """Lines of the data set's description."""
        return [f'Root of data: \t{self.data_root}', f'Split: \t{self.split}', f'Whole batches: \t{self.whole_batch}']


@DATASETS.register_module()
class CIFAR10(CifarDataset):
    """50,000 training and 10,000 test images in 10 classes."""

    NAME = 'cifar10'


@DATASETS.register_module()
class CIFAR100(CifarDataset):
    """50,000 training and 10,000 test images in 100 classes; the labels are the fine ones."""

    NAME = 'cifar100'
