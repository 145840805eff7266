"""Tests with several crops of each image: one network, one batch, the mean of the crops' probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseTTAModel

from senet_mm.registry import MODELS


@MODELS.register_module()
class CropAverage(BaseTTAModel):
    """V crops of N images, each (N,3,H,W) → one batch (V·N,3,H,W) → probabilities (V·N,C) → their mean (N,C).

    mmpretrain's AverageClsScoreTTA has the same mean. It runs the network once for each crop, and leaves the first
    crop's class as the predicted one.

    Args:
        module: The classifier, or its config.
        data_preprocessor: As in BaseTTAModel.
    """

    def test_step(self, data: dict[str, Any]) -> list[Any]:
        """Samples of the images with the mean probabilities, from what TestTimeAug and a collate function make.

        Args:
            data: inputs, for each crop a batch (N,3,H,W) or a list of images; data_samples, for each crop a list.
        """
        inputs = torch.cat([torch.stack(list(images)) for images in data['inputs']])
        samples = [sample for of_crop in data['data_samples'] for sample in of_crop]
        predictions = self.module.test_step(dict(inputs=inputs, data_samples=samples))
        images = len(predictions) // len(data['inputs'])
        return self.merge_preds([predictions[image::images] for image in range(images)])

    def merge_preds(self, data_samples_list: Sequence[Sequence[Any]]) -> list[Any]:
        """One sample for each list of the crops' samples."""
        merged = []
        for crops in data_samples_list:
            scores = torch.stack([crop.pred_score for crop in crops]).mean(0)
            merged.append(crops[0].new().set_pred_score(scores).set_pred_label(scores.argmax(0, keepdim=True)))
        return merged
