"""The last part of a whole-batch input pipeline, on the training device."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmpretrain.models.utils import ClsDataPreprocessor
from mmpretrain.structures import DataSample

from senet_mm.registry import MODELS


@MODELS.register_module()
class WholeBatchPreprocessor(ClsDataPreprocessor):
    """Whole batch of a data set with `whole_batch=True` → its pipeline on the device → inputs (N,C,H,W), data samples.

    Anything else a loader delivers, and all arguments, are `ClsDataPreprocessor`'s: Mixup and the like work either way.

    The random numbers come from a generator of its own on the device, seeded from torch's seed and the process's rank
    when the first batch arrives: they depend neither on the loaders' workers nor on what the network draws, and no two
    processes share them. A resumed run starts the generator anew.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._non_blocking = True  # a pinned batch is copied while the previous step still computes
        self._generator: torch.Generator | None = None

    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepare a batch for the network."""
        if 'batch_pipeline' not in data:
            return super().forward(data, training)
        images = self.cast_data(data['inputs'])
        inputs = data['batch_pipeline'](images, self._generator_on(images.device))
        samples = _data_samples(self.cast_data(data['gt_label']), data['sample_idx'])
        if self.to_onehot:  # as all batch augmentations ask for
            return super().forward(dict(inputs=inputs, data_samples=samples), training)
        return dict(super().forward(dict(inputs=inputs), training), data_samples=samples)

    def _generator_on(self, device: torch.device) -> torch.Generator:
        if self._generator is None or self._generator.device != device:
            (seed,) = np.random.SeedSequence([torch.initial_seed(), get_rank()]).generate_state(1, np.uint64)
            self._generator = torch.Generator(device).manual_seed(int(seed))
        return self._generator


def _data_samples(labels: torch.Tensor, indices: torch.Tensor) -> list[DataSample]:
    """One for each image. Their labels are views of `labels` (N,): no copies, one by one, to the device."""
    samples = []
    for label, index in zip(labels.split(1), indices.tolist(), strict=True):
        sample = DataSample()
        sample.set_field(label, 'gt_label', dtype=torch.Tensor)
        sample.set_field(index, 'sample_idx', field_type='metainfo')
        samples.append(sample)
    return samples
