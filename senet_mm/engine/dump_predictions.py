"""Predictions of a test run, on their way to the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from senet_mm.data.files.whole_file import whole_file
from senet_mm.engine.predictions import NO_LABEL, Predictions, common_folder_removed


class DumpPredictions(BaseMetric):
    """A metric that measures nothing and writes a test run's Predictions.

    Args:
        path: The .npz file.
        source: Of the Predictions.
    """

    default_prefix = 'predictions'

    def __init__(self, path: str, source: Mapping[str, Any]) -> None:
        super().__init__()
        self.path = Path(path)
        self.source = source

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Take the batch's samples."""
        for sample in data_samples:
            label = sample['gt_label'].item() if 'gt_label' in sample else NO_LABEL
            self.results.append((sample['pred_score'].float().cpu().numpy(), label, sample.get('img_path')))

    def compute_metrics(self, results: list[tuple[np.ndarray, int, str | None]]) -> dict[str, float]:
        """Write the file; mmengine calls this in the main process, with all results in the order of the data set."""
        scores, labels, paths = zip(*results, strict=True)
        if None in paths:  # CIFAR's images are no files
            images = np.array([f'{index:08}' for index in range(len(paths))])
        else:
            images = common_folder_removed(paths)
        Predictions(np.stack(scores), np.array(labels, np.int64), images, self.source).save(self.path)
        return {}


class DumpDetections(BaseMetric):
    """A metric that measures nothing and writes what a detector found, image by image, as COCO's results are written.

    Args:
        path: The .json file: a list of dicts with image_id, category_id, bbox (x, y, width, height in pixels), score.
        categories: A class's number → COCO's category_id.
    """

    default_prefix = 'predictions'

    def __init__(self, path: str, categories: Sequence[int]) -> None:
        super().__init__()
        self.path = Path(path)
        self.categories = categories

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Take the batch's samples."""
        for sample in data_samples:
            found = sample['pred_instances']
            boxes, scores = (found[name].float().cpu().numpy().astype(np.float64) for name in ('bboxes', 'scores'))
            boxes[:, 2:] -= boxes[:, :2]
            self.results.append((sample['img_id'], found['labels'].tolist(), boxes.tolist(), scores.tolist()))

    def compute_metrics(self, results: list[tuple[int, list[int], list[list[float]], list[float]]]) -> dict[str, float]:
        """Write the file; mmengine calls this in the main process, with all results in the order of the data set."""
        content = [
            dict(image_id=image, category_id=self.categories[label], bbox=box, score=score)
            for image, *found in results
            for label, box, score in zip(*found, strict=True)
        ]
        with whole_file(self.path) as part:
            part.write_text(json.dumps(content), encoding='utf-8')
        return {}
