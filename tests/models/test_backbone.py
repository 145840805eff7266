"""The contract of every backbone, seen from the OpenMMLab side."""

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from senet_mm.models import SEResNet
from senet_mm.registry import MODELS


@pytest.mark.parametrize('name', ['ResNet', 'SEResNet', 'ResNeXt', 'SEResNeXt'])
def test_builds_from_other_scopes_and_says_what_it_returns(name):
    from mmdet.registry import MODELS as MMDET_MODELS

    backbone = MMDET_MODELS.build(dict(type=f'senet_mm.{name}', depth=50, out_indices=(0, 1, 2, 3)))
    maps = backbone(torch.randn(1, 3, 64, 96))
    assert tuple(m.shape[1] for m in maps) == backbone.out_channels == (256, 512, 1024, 2048)
    assert backbone.strides == (4, 8, 16, 32)
    assert [tuple(m.shape[2:]) for m in maps] == [(64 // s, 96 // s) for s in backbone.strides]


@pytest.mark.parametrize('frozen', [-1, 0, 1, 4])
def test_frozen_stages_have_no_gradient_and_fixed_statistics(frozen):
    backbone = SEResNet(50, frozen_stages=frozen, out_indices=(0, 1, 2, 3))
    frozen_names = [] if frozen < 0 else ['conv1', 'bn1', *[f'layer{k}' for k in range(1, frozen + 1)]]
    for name, parameter in backbone.named_parameters():
        assert parameter.requires_grad == (name.split('.')[0] not in frozen_names), name
    backbone.train()
    for name, module in backbone.named_modules():
        if isinstance(module, _BatchNorm):
            assert module.training == (name.split('.')[0] not in frozen_names), name


def test_norm_eval_keeps_statistics_while_weights_train():
    backbone = SEResNet(18, norm_eval=True).train()
    before = {k: v.clone() for k, v in backbone.state_dict().items() if 'running' in k or 'num_batches' in k}
    backbone(torch.randn(2, 3, 64, 64))[-1].mean().backward()
    after = backbone.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert backbone.bn1.weight.grad is not None
    assert backbone.layer1[0].se.training


def test_only_what_is_asked_for_is_computed():
    backbone = SEResNet(50, out_indices=(0, 2))
    seen = []
    for name in ('layer1', 'layer2', 'layer3', 'layer4'):
        getattr(backbone, name).register_forward_hook(lambda *_, name=name: seen.append(name))
    assert len(backbone(torch.randn(1, 3, 64, 64))) == 2
    assert seen == ['layer1', 'layer2', 'layer3']


def test_cfg_options_add_se_to_a_plain_config():
    from mmengine.config import Config

    cfg = Config.fromfile('configs/faster_rcnn_r50_2x_coco.py')
    cfg.merge_from_dict({'model.backbone.se.ratio': 8, 'model.backbone.init_cfg': None})
    assert MODELS.build(cfg.model.backbone).layer1[0].se.fc1.out_channels == 32


def test_serves_an_image_classifier():
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

    classifier = MMPRETRAIN_MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(type='senet_mm.SEResNet', depth=18),
            neck=dict(type='mmpretrain.GlobalAveragePooling'),
            head=dict(type='mmpretrain.LinearClsHead', num_classes=10, in_channels=512),
        )
    )
    assert classifier(torch.randn(2, 3, 64, 64)).shape == (2, 10)
