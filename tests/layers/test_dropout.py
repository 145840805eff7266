"""Dropout before the classifier, by itself and in mmpretrain's ImageClassifier."""

import torch

from senet_mm.layers import FeatureDropout
from senet_mm.registry import MODELS


def test_it_drops_a_share_of_each_feature_while_training_and_nothing_in_evaluation():
    torch.manual_seed(0)
    dropout = MODELS.build(dict(type='senet_mm.FeatureDropout', p=0.2))
    features = (torch.ones(8, 1000), torch.ones(8, 1000))
    for dropped in dropout(features):
        assert set(dropped.unique().tolist()) == {0.0, 1.25}
        assert abs((dropped == 0).float().mean().item() - 0.2) < 0.02
    for kept, feature in zip(dropout.eval()(features), features, strict=True):
        assert torch.equal(kept, feature)


def test_it_is_the_last_step_of_a_classifiers_neck():
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

    classifier = MMPRETRAIN_MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(type='senet_mm.ResNet', depth=18),
            neck=[dict(type='mmpretrain.GlobalAveragePooling'), dict(type='senet_mm.FeatureDropout', p=0.2)],
            head=dict(type='mmpretrain.LinearClsHead', num_classes=10, in_channels=512),
        )
    ).train()
    assert isinstance(classifier.neck[1], FeatureDropout)
    pooled = []
    classifier.neck[0].register_forward_hook(lambda _, __, output: pooled.append(output[0]))
    (features,) = classifier.extract_feat(torch.rand(2, 3, 64, 64))
    kept = features != 0
    assert kept.any()
    assert (~kept).any()
    torch.testing.assert_close(features[kept], pooled[0][kept] / 0.8)
    assert classifier.eval()(torch.rand(2, 3, 64, 64)).shape == (2, 10)
