"""Pictures of what a data pipeline delivers, of detection and classification alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, VISUALIZERS, init_default_scope
from mmengine.utils import track_iter_progress

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
        image = np.ascontiguousarray(sample['inputs'].permute(1, 2, 0).numpy()[..., ::-1])  # BGR → RGB
        file = None if out is None else str(out / f'{index:06d}.jpg')
        options = dict(show=show, wait_time=interval, out_file=file)
        truth = sample['data_samples']
        if cfg.default_scope == 'mmdet':
            truth.gt_instances.bboxes = truth.gt_instances.bboxes.tensor  # the visualizer takes no box types
            visualizer.add_datasample(str(index), image, truth.numpy(), draw_pred=False, **options)
        else:
            visualizer.visualize_cls(image, truth, draw_pred=False, name=str(index), **options)
    return count
