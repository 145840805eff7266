"""Dropout between a network's pooling and its classifier."""

from __future__ import annotations

from torch import Tensor, nn

from senet_mm.registry import MODELS


@MODELS.register_module()
class FeatureDropout(nn.Dropout):
    """Tuple of features, each (N,C) → the same with dropout (SENet-154: p = 0.2).

    OpenMMLab passes features on as tuples, which its Dropout does not take. For the end of a classifier's neck:
    `neck=[dict(type='GlobalAveragePooling'), dict(type='senet_mm.FeatureDropout', p=0.2)]`.
    """

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Drop entries while training; in evaluation the features pass unchanged."""
        return tuple(super(FeatureDropout, self).forward(feature) for feature in features)
