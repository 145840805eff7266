"""The loss on the validation set, which OpenMMLab's classifiers do not report and plateau schedules watch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric

from senet_mm.registry import METRICS


@METRICS.register_module()
class ValidationLoss(BaseMetric):
    """Probabilities (C,) and label of each image → 'loss/cross_entropy', the mean of −log p(label), without smoothing.

    A probability that its type rounds to 0 counts as the type's smallest normal number, so the loss stays finite.
    """

    default_prefix = 'loss'

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Take the batch's losses from its samples' `pred_score` and `gt_label`."""
        for sample in data_samples:
            scores = sample['pred_score']
            (label,) = sample['gt_label'].tolist()
            probability = scores[label].clamp_min(torch.finfo(scores.dtype).tiny)
            self.results.append(-probability.double().log().item())

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """The mean over the set."""
        return dict(cross_entropy=sum(results) / len(results))
