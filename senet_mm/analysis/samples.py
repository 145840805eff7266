"""Pictures of what a data pipeline delivers, of detection and classification alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import Normalize
from mmengine.config import Config
from mmengine.registry import DATASETS, VISUALIZERS, init_default_scope
from mmengine.utils import track_iter_progress
from torch import Tensor

READABLE = 224  # pixels, about, that a classification picture is enlarged to, for the text on it
LOADERS = {'train': 'train_dataloader', 'val': 'val_dataloader', 'test': 'test_dataloader'}


def draw_samples(cfg: Config, phase: str, number: int | None, out: Path | None, show: bool, interval: float) -> int:
    """Draw the samples of a run's data set as the network gets them, with their annotation.

    Args:
        cfg: The run's config.
        phase: 'train', 'val' or 'test'.
        number: How many samples at most; None draws all.
        out: Folder for the pictures, named by number; None saves none.
        show: Whether to open a window.
        interval: Seconds that the window shows a sample.

    Returns:
        How many samples were drawn.
    """
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg[LOADERS[phase]].dataset)
    visualizer = VISUALIZERS.build(cfg.visualizer)
    visualizer.dataset_meta = dataset.metainfo
    count = len(dataset) if number is None else min(number, len(dataset))
    for index in track_iter_progress(list(range(count))):
        sample = dataset[index]
        image = as_picture(sample['inputs'], dataset)
        file = None if out is None else str(out / f'{index:06d}.jpg')
        options = dict(show=show, wait_time=interval, out_file=file)
        truth = sample['data_samples']
        if cfg.default_scope == 'mmdet':
            truth.gt_instances.bboxes = truth.gt_instances.bboxes.tensor  # the visualizer takes no box types
            visualizer.add_datasample(str(index), image, truth.numpy(), draw_pred=False, **options)
        else:
            enlarge = max(1, READABLE // min(image.shape[:2]))
            visualizer.visualize_cls(image, truth, draw_pred=False, rescale_factor=enlarge, name=str(index), **options)
    return count


def as_picture(inputs: Tensor, dataset: Any) -> np.ndarray:
    """A sample (3,H,W) of a data set → (H,W,3) uint8, red, green, blue, without the normalisation of the pipeline."""
    image, rgb = inputs.permute(1, 2, 0).numpy(), dataset.metainfo.get('channel_order') == 'rgb'
    while hasattr(dataset, 'dataset') or hasattr(dataset, 'datasets'):  # RepeatDataset, ConcatDataset
        dataset = dataset.dataset if hasattr(dataset, 'dataset') else dataset.datasets[0]
    for transform in dataset.pipeline.transforms:
        if isinstance(transform, Normalize):
            image, rgb = image * transform.std + transform.mean, rgb != transform.to_rgb
    return np.ascontiguousarray(np.rint(image).clip(0, 255).astype(np.uint8)[..., :: 1 if rgb else -1])
