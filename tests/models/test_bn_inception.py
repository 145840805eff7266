"""BN-Inception against a literal reading of the released definition, the paper's counts, and the contract."""

import math

import pytest
import torch
from mmengine.config import Config
from torch.nn import functional as F

from senet_mm.models import BNInception, SEBNInception
from senet_mm.registry import MODELS
from tests.models import contract

# num_output of every convolution in models/SE-BN-Inception.prototxt (github.com/hujie-frank/SENet), in its order:
# 1x1, 3x3_reduce, 3x3, double3x3_reduce, double3x3a, double3x3b, pool_proj; then the kind of its pooling.
RELEASED = {
    '3a': (64, 64, 64, 64, 96, 96, 32, 'AVE'),
    '3b': (64, 64, 96, 64, 96, 96, 64, 'AVE'),
    '3c': (None, 128, 160, 64, 96, 96, None, 'MAX/2'),
    '4a': (224, 64, 96, 96, 128, 128, 128, 'AVE'),
    '4b': (192, 96, 128, 96, 128, 128, 128, 'AVE'),
    '4c': (160, 128, 160, 128, 160, 160, 128, 'AVE'),
    '4d': (96, 128, 192, 160, 192, 192, 128, 'AVE'),
    '4e': (None, 128, 192, 192, 256, 256, None, 'MAX/2'),
    '5a': (352, 192, 320, 160, 224, 224, 128, 'AVE'),
    '5b': (352, 192, 320, 192, 224, 224, 128, 'MAX'),
}
STAGE = {'3a': 3, '3b': 3, '3c': 4, '4a': 4, '4b': 4, '4c': 4, '4d': 4, '4e': 5, '5a': 5, '5b': 5}
# num_output of inception_*_1x1_up and inception_*_1x1_down there.
RELEASED_SE = {
    '3a': (256, 16),
    '3b': (320, 20),
    '3c': (576, 36),
    '4a': (576, 36),
    '4b': (576, 36),
    '4c': (608, 38),
    '4d': (608, 38),
    '4e': (1056, 66),
    '5a': (1024, 64),
    '5b': (1024, 64),
}


def windows(x, stride, left, value):
    """3×3 windows (N,C,H',W',9) as Caffe's Pooling layer takes them: ⌈(H + 2·pad − 3) / stride⌉ + 1 rows."""
    rows, columns = (math.ceil((size + 2 * left - 3) / stride) + 1 for size in x.shape[2:])
    below = (rows - 1) * stride + 3 - left - x.shape[2]
    right = (columns - 1) * stride + 3 - left - x.shape[3]
    padded = F.pad(x, (left, right, left, below), value=value)
    assert padded.shape[2] >= (rows - 1) * stride + 3
    return padded.unfold(2, 3, stride).unfold(3, 3, stride).flatten(4)


def caffe_max(x, stride, pad=0):
    return windows(x, stride, pad, -math.inf).amax(-1)


def caffe_average(x):
    return windows(x, 1, 1, 0.0).sum(-1) / 9


def literal_forward(state, x, se):
    """The released definition with the weights of `state`, the SE layers left out or not."""

    def conv(name, x, outputs, kernel, stride=1):
        weight = state[f'{name}.conv.weight']
        assert weight.shape == (outputs, x.shape[1], kernel, kernel)
        assert f'{name}.conv.bias' not in state
        y = F.conv2d(x, weight, None, stride, kernel // 2)
        mean, var = state[f'{name}.bn.running_mean'], state[f'{name}.bn.running_var']
        scale = state[f'{name}.bn.weight'] / (var + 1e-5).sqrt()
        shift = state[f'{name}.bn.bias'] - mean * scale
        return (y * scale[:, None, None] + shift[:, None, None]).clamp(min=0)

    def module(block, x):
        name = f'stage{STAGE[block]}.inception_{block}'
        one, reduce, three, double_reduce, a, b, projection, pool = RELEASED[block]
        stride = 2 if pool == 'MAX/2' else 1
        parts = [conv(f'{name}.conv1x1', x, one, 1)] if one else []
        parts.append(conv(f'{name}.conv3x3', conv(f'{name}.conv3x3_reduce', x, reduce, 1), three, 3, stride))
        y = conv(f'{name}.double3x3a', conv(f'{name}.double3x3_reduce', x, double_reduce, 1), a, 3)
        parts.append(conv(f'{name}.double3x3b', y, b, 3, stride))
        y = caffe_average(x) if pool == 'AVE' else caffe_max(x, stride, pad=0 if stride == 2 else 1)
        parts.append(conv(f'{name}.pool_proj', y, projection, 1) if projection else y)
        u = torch.cat(parts, 1)
        if not se:
            return u
        up, down = RELEASED_SE[block]
        assert state[f'{name}.se.fc1.weight'].shape == (down, up, 1, 1)
        z = u.mean((2, 3))
        hidden = (z @ state[f'{name}.se.fc1.weight'][:, :, 0, 0].T + state[f'{name}.se.fc1.bias']).clamp(min=0)
        gate = torch.sigmoid(hidden @ state[f'{name}.se.fc2.weight'][:, :, 0, 0].T + state[f'{name}.se.fc2.bias'])
        return u * gate[:, :, None, None]

    x = caffe_max(conv('conv1', x, 64, 7, 2), 2)
    maps = [conv('conv2.1', conv('conv2.0', x, 64, 1), 192, 3)]
    x = caffe_max(maps[0], 2)
    for block in RELEASED:
        x = module(block, x)
        if block in ('3b', '4d', '5b'):
            maps.append(x)
    return maps


def classifier(stem):
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

    return MMPRETRAIN_MODELS.build(Config.fromfile(f'configs/{stem}_imagenet.py').model)


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(SEBNInception, size=(64, 96))


def test_se_sits_on_the_output_only():
    contract.check_standard_position_only(BNInception, size=None)


@pytest.mark.parametrize('se', [False, True])
def test_is_the_released_definition(se):
    torch.manual_seed(0)
    backbone = (SEBNInception if se else BNInception)(out_indices=(0, 1, 2, 3)).eval()
    contract.randomise_statistics(backbone)
    state = backbone.state_dict()
    with torch.no_grad():
        for size in ((64, 96), (224, 224)):
            x = torch.randn(1, 3, *size)
            for ours, literal in zip(backbone(x), literal_forward(state, x, se), strict=True):
                assert ours.shape == literal.shape
                assert (ours - literal).norm() / literal.norm() < 1e-5
                torch.testing.assert_close(ours, literal, rtol=1e-4, atol=1e-4)


def test_operations_and_parameters_are_the_papers():
    plain, se = classifier('bn_inception'), classifier('se_bn_inception')
    total, _ = contract.macs(plain)
    assert total / 1e9 == pytest.approx(2.03, rel=0.005)
    total, in_se = contract.macs(se)
    assert total / 1e9 == pytest.approx(2.04, rel=0.005)
    assert in_se == sum(2 * up * down for up, down in RELEASED_SE.values())
    counted = dict(plain=0, se=0)
    inputs = 192
    counted['plain'] += 3 * 64 * 49 + 64 * 64 + 64 * 192 * 9 + 2 * (64 + 64 + 192) + 1024 * 1000 + 1000
    for block, (one, reduce, three, double_reduce, a, b, projection, _) in RELEASED.items():
        wide = [width for width in (one, reduce, three, double_reduce, a, b, projection) if width]
        from_input = (one or 0) + reduce + double_reduce + (projection or 0)
        counted['plain'] += inputs * from_input + 9 * (reduce * three + double_reduce * a + a * b) + 2 * sum(wide)
        inputs = (one or 0) + three + b + (projection or inputs)
        assert inputs == RELEASED_SE[block][0]
        counted['se'] += sum(2 * up * down + up + down for up, down in [RELEASED_SE[block]])
    assert sum(p.numel() for p in plain.parameters()) == counted['plain']
    assert sum(p.numel() for p in se.parameters()) == counted['plain'] + counted['se']


def test_every_module_has_se_the_strided_ones_too():
    blocks = contract.se_blocks(SEBNInception())
    assert blocks == {f'stage{STAGE[block]}.inception_{block}.se': up for block, (up, _) in RELEASED_SE.items()}


def test_pyramid():
    backbone = MODELS.build(dict(type='senet_mm.SEBNInception', out_indices=(0, 1, 2, 3)))
    assert backbone.out_channels == (192, 320, 608, 1024)
    assert backbone.strides == (4, 8, 16, 32)


@pytest.mark.parametrize('size', [(35, 35), (65, 97), (71, 63), (100, 129)])
def test_odd_maps_keep_every_row(size):
    """An odd map is halved to ⌈H/2⌉ by all branches; the extra window sees what is there, never the padding."""
    torch.manual_seed(0)
    module = BNInception().stage4.inception_3c.eval()
    x = -torch.rand(1, 320, *size)  # below 0: padding with zeros would win
    with torch.no_grad():
        u = module(x)
    assert u.shape[2:] == tuple(math.ceil(side / 2) for side in size)
    pooled = u[:, 256:]
    assert (pooled < 0).all()
    assert pooled[0, 0, -1, -1] == x[0, 0, 2 * (u.shape[2] - 1) :, 2 * (u.shape[3] - 1) :].max()


def test_a_stage_without_inception_modules_has_no_se():
    with pytest.raises(ValueError, match=r'stages=\[2\]: SE in BNInception has stages \[3, 4, 5\]'):
        BNInception(se=dict(stages=[2]))
