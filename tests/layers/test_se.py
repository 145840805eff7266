"""SEBlock and SESpec against a NumPy restatement of the paper's equations 2–4."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from senet_mm.layers import SEBlock, SESpec, rename_openmmlab_keys
from senet_mm.registry import MODELS

NUMPY_GATES = {
    'sigmoid': lambda x: 1 / (1 + np.exp(-x)),
    'tanh': np.tanh,
    'relu': lambda x: np.maximum(x, 0),
}


def numpy_se(u, block, squeeze, gate):
    """u (N,C,H,W) rescaled, with the block's own weights; biases are zero where it has none."""
    w1, w2 = (fc.weight.detach().numpy()[:, :, 0, 0] for fc in (block.fc1, block.fc2))
    b1, b2 = (0 if fc.bias is None else fc.bias.detach().numpy() for fc in (block.fc1, block.fc2))
    n, c, h, w = u.shape
    if squeeze == 'none':
        z = u.transpose(0, 2, 3, 1).reshape(-1, c)
    else:
        z = (u.mean if squeeze == 'avg' else u.max)(axis=(2, 3))
    s = NUMPY_GATES[gate](np.maximum(z @ w1.T + b1, 0) @ w2.T + b2)
    s = s.reshape(n, h, w, c).transpose(0, 3, 1, 2) if squeeze == 'none' else s[:, :, None, None]
    return u * s


OPTIONS = list(itertools.product(('avg', 'max', 'none'), ('sigmoid', 'tanh', 'relu'), (True, False)))


def make(squeeze, gate, bias, channels=6, ratio=2):
    torch.manual_seed(0)
    block = SEBlock(channels, ratio=ratio, squeeze=squeeze, gate=gate, bias=bias).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    return block


@pytest.mark.parametrize(('squeeze', 'gate', 'bias'), OPTIONS)
def test_forward_is_the_papers(squeeze, gate, bias):
    block = make(squeeze, gate, bias)
    u = torch.randn(2, 6, 3, 4, dtype=torch.float64)
    np.testing.assert_allclose(block(u).detach().numpy(), numpy_se(u.numpy(), block, squeeze, gate), rtol=1e-12)


@pytest.mark.parametrize(('squeeze', 'gate', 'bias'), OPTIONS)
def test_gradient(squeeze, gate, bias):
    block = make(squeeze, gate, bias, channels=4)
    u = torch.randn(2, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: block(x), (u, *block.parameters()))


@given(channels=st.integers(1, 300), ratio=st.integers(1, 64), bias=st.booleans())
def test_parameter_count_is_the_closed_form(channels, ratio, bias):
    hidden = max(1, channels // ratio)
    expected = 2 * channels * hidden + (hidden + channels if bias else 0)
    assert sum(p.numel() for p in SEBlock(channels, ratio=ratio, bias=bias).parameters()) == expected


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_squeezes_in_float32(dtype):
    # 112·112 values of 10 sum to 125,440: beyond float16, and beyond what bfloat16 can count by tens.
    block = SEBlock(2, ratio=1, gate='relu', bias=False)
    for fc in (block.fc1, block.fc2):
        torch.nn.init.eye_(fc.weight.data[:, :, 0, 0])
        fc.weight.data = torch.eye(2)[:, :, None, None]
    u = torch.full((1, 2, 112, 112), 10.0, dtype=dtype).to(memory_format=torch.channels_last)
    out = block.to(dtype)(u)
    assert out.dtype == dtype
    assert torch.all(out == 100)


def test_default_initialisation_is_he_by_fan_in():
    block = SEBlock(4096, ratio=2)
    block.init_weights()
    assert block.fc1.weight.std().item() == pytest.approx((2 / 4096) ** 0.5, rel=0.02)
    assert block.fc2.weight.std().item() == pytest.approx((2 / 2048) ** 0.5, rel=0.02)
    assert not block.fc1.bias.any()


def test_registered_under_its_scope():
    block = MODELS.build(dict(type='senet_mm.SEBlock', in_channels=32, ratio=4))
    assert isinstance(block, SEBlock)
    assert block.fc1.out_channels == 8


def test_mmcv_builds_it_as_a_plugin_layer():
    from mmcv.cnn import build_plugin_layer

    name, layer = build_plugin_layer(dict(type='senet_mm.SEBlock', ratio=16), postfix='_after_conv3', in_channels=64)
    assert name == 'se_after_conv3'
    assert layer.fc1.weight.shape == (4, 64, 1, 1)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(ratio=0), 'ratio=0 is not a whole number of 1 or more'),
        (dict(ratio=2.0), 'ratio=2.0 is not a whole number'),
        (dict(ratio=True), 'ratio=True'),
        (dict(squeeze='mean'), "squeeze='mean' is not one of 'avg', 'max', 'none'"),
        (dict(gate='hsigmoid'), "gate='hsigmoid' is not one of 'sigmoid', 'tanh', 'relu'"),
        (dict(bias='yes'), "bias='yes' is not True or False"),
        (dict(position='after'), "position='after' is not one of 'standard', 'pre', 'post', 'identity', '3x3'"),
        (dict(stages=3), 'stages=3 is not a list of stage numbers'),
        (dict(stages=[]), r'stages=\[\] is not a list'),
        (
            dict(reduction=16),
            'unknown SE option reduction; the options are ratio, squeeze, gate, bias, position, stages',
        ),
    ],
)
def test_wrong_options_say_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        SESpec.parse(options)


def test_parse_takes_none_dict_and_spec_only():
    assert SESpec.parse(None) is None
    spec = SESpec.parse(dict(ratio=8, stages=[3, 4]))
    assert (spec.ratio, spec.stages) == (8, (3, 4))
    assert SESpec.parse(spec) is spec
    assert [stage for stage in range(1, 6) if spec.covers(stage)] == [3, 4]
    with pytest.raises(TypeError, match=r"se='16' is not None or a dict"):
        SESpec.parse('16')


def test_block_needs_channels():
    with pytest.raises(ValueError, match='in_channels=0'):
        SEBlock(0)


def test_openmmlab_keys_are_renamed_below_the_prefix_only():
    state = {
        'b.layer1.0.se_layer.conv1.conv.weight': 1,
        'b.layer1.0.se_layer.conv2.conv.bias': 2,
        'c.se_layer.conv1.conv.weight': 3,
    }
    rename_openmmlab_keys(state, 'b.')
    assert state == {'b.layer1.0.se.fc1.weight': 1, 'b.layer1.0.se.fc2.bias': 2, 'c.se_layer.conv1.conv.weight': 3}


def test_a_ratio_for_each_stage():
    spec = SESpec.parse(dict(ratio=[2, 4, 8]))
    spec.check_stages((2, 3, 4), 'Net')
    assert [spec.at(index).build(64).fc1.out_channels for index in range(3)] == [32, 16, 8]
    assert SESpec(ratio=4).at(7).ratio == 4
    with pytest.raises(ValueError, match=r'ratio=\[2, 4, 8\]: Net has 4 stages'):
        spec.check_stages((2, 3, 4, 5), 'Net')
    with pytest.raises(ValueError, match='the network has more stages'):
        spec.at(3)
    with pytest.raises(ValueError, match='one block has one ratio'):
        spec.build(64)
    with pytest.raises(ValueError, match='nor a list of them'):
        SESpec(ratio=[2, 0])
