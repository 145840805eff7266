"""The network found from names and shapes is the one that they are of: ours of every kind, built and taken apart."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from senet_mm.registry import MODELS
from senet_mm.weights.architecture import SENET_154, architecture_name, infer_backbone
from senet_mm.weights.source import WeightsError


def state_of(backbone):
    with torch.device('meta'):
        return MODELS.build(dict(backbone)).state_dict()


@pytest.mark.parametrize(
    ('name', 'backbone'),
    [
        ('resnet18', dict(type='senet_mm.ResNet', depth=18)),
        ('se_resnet34', dict(type='senet_mm.ResNet', depth=34, se=dict(ratio=8))),
        ('se_resnet50', dict(type='senet_mm.ResNet', depth=50, se=dict(ratio=16, bias=False))),
        ('se_resnet101', dict(type='senet_mm.ResNet', depth=101, se=dict(ratio=32, stages=[3, 4]))),
        ('resnet152d', dict(type='senet_mm.ResNet', depth=152, deep_stem=True, stem_channels=64, avg_down=True)),
        ('resnet50c', dict(type='senet_mm.ResNet', depth=50, deep_stem=True, stem_channels=96)),
        ('resnet50_w128', dict(type='senet_mm.ResNet', depth=50, base_width=128)),
        ('se_resnext50_32x4d', dict(type='senet_mm.ResNeXt', depth=50, groups=32, base_width=4, se=dict(ratio=16))),
        ('resnext101_64x4d', dict(type='senet_mm.ResNeXt', depth=101, groups=64, base_width=4)),
        ('senet154', dict(type='senet_mm.ResNeXt', se=dict(ratio=16), **SENET_154)),
        ('se_bn_inception', dict(type='senet_mm.BNInception', se=dict(ratio=16))),
        ('bn_inception', dict(type='senet_mm.BNInception')),
        ('vgg11', dict(type='senet_mm.VGG', depth=11)),
        ('se_vgg16', dict(type='senet_mm.VGG', depth=16, se=dict(ratio=16))),
        ('vgg19', dict(type='senet_mm.VGG', depth=19)),
        ('densenet169', dict(type='senet_mm.DenseNet', depth=169)),
        ('densenet161', dict(type='senet_mm.DenseNet', depth=161)),
        ('se_densenet121', dict(type='senet_mm.DenseNet', depth=121, se=dict(ratio=16))),
    ],
)
def test_the_network_is_found_and_named(name, backbone):
    assert infer_backbone(state_of(backbone), {}) == backbone
    assert architecture_name(backbone) == name


def test_what_shapes_do_not_tell_is_taken_as_given():
    backbone = dict(type='senet_mm.ResNet', depth=50, style='caffe', ceil_pool=True, se=dict(ratio=16, gate='tanh'))
    options = dict(style='caffe', ceil_pool=True, se=dict(ratio=16, gate='tanh'))
    assert infer_backbone(state_of(backbone), options) == backbone


@pytest.mark.parametrize(
    ('backbone', 'change', 'message'),
    [
        (dict(type='senet_mm.ResNet', depth=50), ('layer3.5.', 'x.'), 'stages of 3, 4, 5, 3 bottlenecks: no ResNet of'),
        (dict(type='senet_mm.VGG', depth=16), ('features.40.', 'x.'), '12 convolutions: no VGG of ours; its depths'),
        (dict(type='senet_mm.DenseNet', depth=121), ('features.denseblock4.denselayer16.', 'x.'),
         r'blocks of \(6, 12, 24, 15\) layers, growth rate 32: no DenseNet of ours'),
        (dict(type='senet_mm.MobileNetV1'), ('', ''), 'for none of the networks that are known here; .* --config'),
    ],
)  # fmt: skip
def test_other_networks_are_refused_with_the_reason(backbone, change, message):
    state = {key.replace(*change) if change[0] else key: value for key, value in state_of(backbone).items()}
    with pytest.raises(WeightsError, match=message):
        infer_backbone(state, {})


STATES = {
    name: state_of(dict(type=f'senet_mm.{name}', **options))
    for name, options in dict(SEResNet=dict(depth=50, num_stages=4), SEDenseNet={}, SEVGG={}, SEBNInception={}).items()
}


@settings(deadline=None, max_examples=200)
@given(
    name=st.sampled_from(sorted(STATES)),
    change=st.dictionaries(st.integers(0, 2000), st.none() | st.lists(st.integers(0, 300), max_size=5), max_size=4),
)
def test_damaged_weights_are_refused_or_taken_but_never_a_crash(name, change):
    state = dict(STATES[name])
    keys = list(state)
    for number, shape in change.items():
        key = keys[number % len(keys)]
        if shape is None:
            state.pop(key, None)
        else:
            state[key] = torch.empty(shape, device='meta')
    try:
        backbone = infer_backbone(state, {})
    except WeightsError:
        assert change
    else:
        assert backbone['type'] in {'senet_mm.ResNet', 'senet_mm.ResNeXt', f'senet_mm.{name[2:]}'}
