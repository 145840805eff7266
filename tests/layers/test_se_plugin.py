"""SEBlock as a plugin layer of mmdet's backbones: the same network as ours with `se`, by the same names."""

import pytest
import torch
from mmdet.registry import MODELS as MMDET_MODELS

from senet_mm.layers import SEBlock, insert_se
from senet_mm.models import ResNet, ResNeXt
from tests.models.contract import randomise_statistics


def plugged(name, *, position='after_conv3', stages=(True,) * 4, **options):
    """mmdet's backbone with SE plugins."""
    plugin = dict(cfg=dict(type='senet_mm.SEBlock', ratio=16), stages=stages, position=position)
    return MMDET_MODELS.build(
        dict(type=f'mmdet.{name}', depth=50, plugins=[plugin], out_indices=(0, 1, 2, 3), **options)
    )


def assert_same_network(theirs, ours, rename=str):
    """Equal maps and gradients in float64, with the parameters of `theirs` and their statistics as constants."""
    torch.manual_seed(0)
    randomise_statistics(theirs)
    ours.load_state_dict({rename(name): value for name, value in theirs.state_dict().items()}, strict=True)
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    for network in (theirs, ours):
        network.double().train()
    outputs = theirs(x), ours(x)
    for their_map, our_map in zip(*outputs, strict=True):
        torch.testing.assert_close(our_map, their_map, rtol=1e-9, atol=1e-9)
    for maps in outputs:
        sum(m.square().mean() for m in maps).backward()
    gradients = {rename(name): parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ('name', 'network', 'theirs', 'se'),
    [
        ('ResNet', ResNet, {}, dict(ratio=16)),
        ('ResNet', ResNet, dict(style='caffe', with_cp=True), dict(ratio=16)),
        ('ResNet', ResNet, dict(position='after_conv2'), dict(ratio=16, position='3x3')),
        ('ResNet', ResNet, dict(stages=(False, False, True, True)), dict(ratio=16, stages=[4, 5])),
        ('ResNeXt', ResNeXt, dict(groups=32, base_width=4), dict(ratio=16)),
    ],
    ids=['after_conv3', 'caffe, with_cp', 'after_conv2', 'last stages', 'ResNeXt'],
)
def test_mmdets_network_with_plugins_is_ours(name, network, theirs, se):
    options = {key: theirs[key] for key in ('style', 'with_cp') if key in theirs}
    ours = network(50, se=se, out_indices=(0, 1, 2, 3), norm_eval=True, **options)
    plugin = plugged(name, **theirs)
    assert plugin.state_dict().keys() == ours.state_dict().keys()  # checkpoints go both ways
    assert_same_network(plugin, ours)


def test_plugins_are_initialised_as_our_blocks():
    backbone = plugged('ResNet')
    backbone.init_weights()
    fc1 = backbone.layer4[0].se.fc1
    assert fc1.weight.std().item() == pytest.approx((2 / 2048) ** 0.5, rel=0.02)
    assert not fc1.bias.any()


def test_mmdets_regnet_takes_the_plugin():
    plugin = dict(cfg=dict(type='senet_mm.SEBlock', ratio=16), stages=(True,) * 4, position='after_conv3')
    backbone = MMDET_MODELS.build(dict(type='mmdet.RegNet', arch='regnetx_400mf', plugins=[plugin]))
    blocks = [module for module in backbone.modules() if isinstance(module, SEBlock)]
    assert [block.fc1.in_channels for block in blocks] == [32] + [64] * 2 + [160] * 7 + [384] * 12
    assert backbone(torch.zeros(1, 3, 64, 64))[-1].shape == (1, 384, 2, 2)


@pytest.mark.parametrize('with_cp', [False, True])
def test_insert_se_in_mmdets_network_is_the_plugin(with_cp):
    plain = MMDET_MODELS.build(dict(type='mmdet.ResNet', depth=50, with_cp=with_cp))
    assert_same_network(
        plugged('ResNet', with_cp=with_cp),
        insert_se(plain, 'layer*.*.bn3'),
        lambda name: name.replace('.se.', '.bn3.se.'),
    )


def test_with_se_in_a_detectors_config():
    theirs = dict(type='mmdet.RegNet', arch='regnetx_400mf', out_indices=(0, 1, 2, 3), frozen_stages=1)
    backbone = MMDET_MODELS.build(
        dict(type='senet_mm.WithSE', model=theirs, where='layer*.*.bn3', se=dict(ratio=16, bias=False))
    )
    assert type(backbone).__name__ == 'RegNet'
    blocks = {name: module for name, module in backbone.named_modules() if isinstance(module, SEBlock)}
    assert [block.fc1.in_channels for block in blocks.values()] == [32] + [64] * 2 + [160] * 7 + [384] * 12
    trained = {name for name, block in blocks.items() if block.fc1.weight.requires_grad}
    assert blocks.keys() - trained == {'layer1.0.bn3.se'}
    backbone(torch.zeros(1, 3, 64, 64))[-1].sum().backward()
    assert all(blocks[name].fc2.weight.grad is not None for name in trained)
