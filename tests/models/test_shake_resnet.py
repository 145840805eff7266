"""Shake-Shake networks against the original definition, their counts, SE's places, and the contract."""

import functools
import math

import pytest
import torch
from torch.nn import functional as F

from senet_mm.models import SEShakeResNet, ShakeResNet
from senet_mm.registry import MODELS
from tests.layers.test_se import numpy_se
from tests.models import contract

NETWORKS = {
    'basic': functools.partial(SEShakeResNet, 8, 16),
    'bottleneck': functools.partial(SEShakeResNet, 11, 8, groups=2, backward_shake='even', se_on='branches'),
}
SHAKE_SHAKE = functools.partial(ShakeResNet, 26, 96)
SHAKE_EVEN = functools.partial(ShakeResNet, 29, 64, groups=4, backward_shake='even')


def with_one_draw(build, **options):
    """A network that draws the same coefficients whenever it runs."""
    backbone = build(**options)
    backbone.register_forward_pre_hook(lambda *_: torch.manual_seed(0) and None)
    return backbone


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize('name', NETWORKS)
def test_contract(check, name):
    build = NETWORKS[name]
    if check is contract.check_checkpointing_changes_no_gradient:  # it compares two networks' draws
        build = functools.partial(with_one_draw, build)
    check(build, size=(32, 48))


class Weights:
    """The original definition's layers, over the weights of a network of ours."""

    def __init__(self, network):
        self.network = network
        self.values = network.state_dict()

    def conv(self, x, name, stride=1, groups=1):
        weight = self.values[f'{name}.weight']
        return F.conv2d(x, weight, None, stride, {1: 0, 3: 1}[weight.shape[-1]], groups=groups)

    def norm(self, x, name):
        mean, var, weight, bias = (
            self.values[f'{name}.{part}'] for part in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return F.batch_norm(x, mean, var, weight, bias, eps=1e-5)

    def conv_norm(self, x, name, stride=1, groups=1):
        return self.norm(self.conv(x, f'{name}.conv', stride, groups), f'{name}.bn')

    def se(self, u, name):
        """u, rescaled if there is an SE block."""
        block = self.network.get_submodule(name).se
        return u if block is None else torch.from_numpy(numpy_se(u.numpy(), block, 'avg', 'sigmoid'))

    def mix(self, branches, name):
        """Half of each of two branches, as at test time."""
        first, second = (self.se(branch, f'{name}.branch{k}') for k, branch in enumerate(branches, 1))
        return self.se(0.5 * first + 0.5 * second, name)


def shake_shake_block(x, w, name, outputs, stride):
    """models/shakeshakeblock.lua."""
    branches = []
    for k in (1, 2):
        u = w.conv_norm(x.relu(), f'{name}.branch{k}.conv1', stride).relu()
        branches.append(w.conv_norm(u, f'{name}.branch{k}.conv2'))
    skip = x
    if x.shape[1] != outputs:
        activated = x.relu()
        shifted = torch.zeros_like(activated)
        shifted[:, :, 1:, 1:] = activated[:, :, :-1, :-1]
        paths = (
            w.conv(F.avg_pool2d(path, 1, stride), f'{name}.downsample.conv{k}')
            for k, path in enumerate((activated, shifted), 1)
        )
        skip = w.norm(torch.cat(list(paths), 1), f'{name}.downsample.bn')
    return skip + w.mix(branches, name)


def shake_shake_26(x, w, n, k):
    """models/shakeshake.lua for CIFAR-10."""
    x = w.conv_norm(x, 'stem')
    for stage, outputs in enumerate((k, 2 * k, 4 * k), 1):
        for index in range(n):
            x = shake_shake_block(x, w, f'layer{stage}.{index}', outputs, 2 if stage > 1 and index == 0 else 1)
        yield x.relu() if stage == 3 else x


def shake_shake_29(x, w, n, groups):
    """models/shakeshake.lua for CIFAR-100: resnext_bottleneck_C, shortcut B."""
    x = w.conv_norm(x, 'stem').relu()
    for stage, outputs in enumerate((256, 512, 1024), 1):
        for index in range(n):
            name, stride = f'layer{stage}.{index}', 2 if stage > 1 and index == 0 else 1
            branches = []
            for k in (1, 2):
                u = w.conv_norm(x, f'{name}.branch{k}.conv1').relu()
                u = w.conv_norm(u, f'{name}.branch{k}.conv2', stride, groups).relu()
                branches.append(w.conv_norm(u, f'{name}.branch{k}.conv3'))
            shortcut = x if x.shape[1] == outputs else w.conv_norm(x, f'{name}.downsample', stride)
            x = (shortcut + w.mix(branches, name)).relu()
        yield x


@pytest.mark.parametrize(
    'se', [{}, dict(se=dict(ratio=16)), dict(se=dict(ratio=4), se_on='branches')], ids=['plain', 'se', 'branches']
)
@pytest.mark.parametrize(
    ('build', 'original', 'size'),
    [
        (SHAKE_SHAKE, functools.partial(shake_shake_26, n=4, k=96), (16, 8)),
        (functools.partial(ShakeResNet, 8, 16), functools.partial(shake_shake_26, n=1, k=16), (17, 22)),
        (SHAKE_EVEN, functools.partial(shake_shake_29, n=3, groups=4), (16, 8)),
        (functools.partial(ShakeResNet, 11, 8, groups=2), functools.partial(shake_shake_29, n=1, groups=2), (17, 22)),
    ],
    ids=['26 2x96d', '8 2x16d', '29 2x4x64d', '11 2x2x8d'],
)
def test_maps_are_those_of_the_original_definition(build, original, size, se):
    torch.manual_seed(0)
    ours = build(out_indices=(0, 1, 2), **se).eval()
    contract.randomise_statistics(ours)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        for our_map, expected in zip(ours(x), original(x, Weights(ours)), strict=True):
            torch.testing.assert_close(our_map, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_a_bottlenecks_branch_and_projection_are_torchvisions():
    """With two equal branches the unit is a ResNeXt bottleneck, whatever the coefficients."""
    from torchvision.models.resnet import Bottleneck

    torch.manual_seed(0)
    unit = ShakeResNet(29, 64, groups=4, norm_eval=True).train().layer2[0]
    contract.randomise_statistics(unit)
    unit.branch2.load_state_dict(unit.branch1.state_dict())
    projection = torch.nn.Sequential(unit.downsample.conv, unit.downsample.bn)
    theirs = Bottleneck(256, 128, 2, projection, groups=4, base_width=64).eval()
    for k in (1, 2, 3):
        layer = getattr(unit.branch1, f'conv{k}')
        getattr(theirs, f'conv{k}').load_state_dict(layer.conv.state_dict())
        getattr(theirs, f'bn{k}').load_state_dict(layer.bn.state_dict())
    x = torch.randn(3, 256, 9, 6)
    torch.testing.assert_close(unit(x), theirs(x), rtol=1e-4, atol=1e-5)


def parameters(backbone):
    return sum(parameter.numel() for parameter in backbone.parameters())


def on_meta(build, **options):
    with torch.device('meta'):
        return build(**options)


def basic_units(n, k):
    """Two branches of two 3×3 convolutions and norms; shortcuts of two halves of a 1×1 convolution, and a norm."""
    total = 0
    for inputs, outputs in ((16, k), (k, 2 * k), (2 * k, 4 * k)):
        total += 2 * (9 * inputs * outputs + (2 * n - 1) * 9 * outputs**2 + 2 * n * 2 * outputs)
        total += inputs * outputs + 2 * outputs
    return total


def bottlenecks(n, groups, width):
    total = 0
    for inputs, outputs in ((64, 256), (256, 512), (512, 1024)):
        inner = outputs // 256 * width * groups
        for index in range(n):
            u = outputs if index else inputs
            total += 2 * ((u + 9 * inner // groups + outputs) * inner + 2 * (inner + inner + outputs))
        total += inputs * outputs + 2 * outputs
    return total


@pytest.mark.parametrize(
    ('build', 'expected', 'n', 'widths', 'classes', 'millions'),
    [
        (SHAKE_SHAKE, 3 * 9 * 16 + 2 * 16 + basic_units(4, 96), 4, (96, 192, 384), 10, 26.2),
        (
            functools.partial(ShakeResNet, 26, 32),
            3 * 9 * 16 + 2 * 16 + basic_units(4, 32),
            4,
            (32, 64, 128),
            10,
            2.9,
        ),
        (SHAKE_EVEN, 3 * 9 * 64 + 2 * 64 + bottlenecks(3, 4, 64), 3, (256, 512, 1024), 100, 34.4),
    ],
    ids=['26 2x96d', '26 2x32d', '29 2x4x64d'],
)
def test_parameters(build, expected, n, widths, classes, millions):
    """Closed forms, and the millions of the paper's tables."""
    assert parameters(on_meta(build)) == expected
    total = expected + classes * widths[-1] + classes
    assert total / 1e6 == pytest.approx(millions, rel=0.015)
    block = sum(n * (2 * c * (c // 16) + c + c // 16) for c in widths)
    assert parameters(on_meta(build, se=dict(ratio=16))) - expected == block
    assert parameters(on_meta(build, se=dict(ratio=16), se_on='branches')) - expected == 2 * block


def test_operations():
    """Those of the convolutions at 32×32, 16×16 and 8×8; of the bottlenecks' 1×1 the first is at the input's size."""
    counted = 32 * 32 * 9 * (3 * 16 + 2 * (16 * 96 + 7 * 96 * 96)) + 32 * 32 * 16 * 96
    counted += 16 * 16 * (9 * 2 * (96 * 192 + 7 * 192 * 192) + 96 * 192)
    counted += 8 * 8 * (9 * 2 * (192 * 384 + 7 * 384 * 384) + 192 * 384)
    assert contract.macs(SHAKE_SHAKE(), (32, 32)) == (counted, 0)
    total, in_se = contract.macs(SHAKE_SHAKE(se=dict(ratio=16)), (32, 32))
    assert in_se == total - counted == 4 * 2 * (96 * 6 + 192 * 12 + 384 * 24)


@pytest.mark.parametrize('position', ['standard', 'pre', 'post', 'identity'])
@pytest.mark.parametrize('index', [0, 1])
@pytest.mark.parametrize('depth', [14, 20])
def test_se_sits_where_it_is_told(depth, index, position):
    torch.manual_seed(0)
    block = 'bottleneck' if depth == 20 else 'basic'
    unit = ShakeResNet(depth, 8, block=block, se=dict(position=position)).eval().layer2[index]
    contract.randomise_statistics(unit)
    activate = torch.relu if depth == 20 else torch.nn.Identity()

    def place(name, u):
        return u * unit.se.excite(u) if name == position else u

    x = torch.randn(2, unit.branch1.conv1.conv.in_channels, 6, 6)
    with torch.no_grad():
        u = place('pre', x) if depth == 20 else place('pre', x).relu()
        mix = (unit.branch1(u) + unit.branch2(u)) / 2
        shortcut = x if unit.downsample is None else unit.downsample(x)
        expected = place('post', activate(place('standard', mix) + place('identity', shortcut)))
        torch.testing.assert_close(unit(x), expected)


def test_se_on_each_branch():
    torch.manual_seed(0)
    unit = ShakeResNet(11, 8, groups=2, se=dict(ratio=4), se_on='branches').eval().layer1[0]
    assert unit.se is None
    x = torch.randn(2, 64, 6, 6)
    with torch.no_grad():
        first, second = (branch.conv3(branch.conv2(branch.conv1(x))) for branch in (unit.branch1, unit.branch2))
        mix = (unit.branch1.se(first) + unit.branch2.se(second)) / 2
        torch.testing.assert_close(unit(x), (mix + unit.downsample(x)).relu())


def test_se_inside_each_branch():
    torch.manual_seed(0)
    unit = ShakeResNet(11, 8, groups=2, se=dict(position='3x3'), se_on='branches').eval().layer2[0]
    assert unit.branch1.se.fc2.out_channels == 32
    x = torch.randn(2, 256, 6, 6)
    with torch.no_grad():
        for branch in (unit.branch1, unit.branch2):
            u = branch.conv2(branch.conv1(x))
            torch.testing.assert_close(branch(x), branch.conv3(u * branch.se.excite(u)))


def test_initialisation_is_by_fan_out_also_of_groups():
    backbones = ShakeResNet(8, 96), ShakeResNet(11, 64, groups=4)
    for backbone in backbones:
        backbone.init_weights()
    layers = [backbones[0].layer2[0].branch1.conv1.conv, backbones[0].layer3[0].downsample.conv1]
    layers += [backbones[1].layer2[0].branch2.conv2.conv, backbones[1].layer2[0].downsample.conv]
    for layer in layers:
        fan_out = layer.out_channels * layer.kernel_size[0] ** 2
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.03)
        assert layer.bias is None


def test_depth_says_which_block():
    shake, even = on_meta(SHAKE_SHAKE), on_meta(SHAKE_EVEN)
    assert (shake.block, len(shake.layer1)) == ('basic', 4)
    assert (even.block, len(even.layer3)) == ('bottleneck', 3)


def test_pyramid():
    backbone = MODELS.build(dict(type='senet_mm.SEShakeResNet', depth=8, base_width=8, out_indices=(0, 1, 2)))
    assert backbone.out_channels == (8, 16, 32)
    assert backbone.strides == (1, 2, 4)
    assert ShakeResNet(11, 8, out_indices=(0, 1, 2)).out_channels == (256, 512, 1024)


@pytest.mark.parametrize(
    ('args', 'options', 'message'),
    [
        ((27, 96), {}, r"depth=27: ShakeResNet has depths 6n\+2 \(8, 14, 20, …\) with block='basic' or 9n\+2"),
        ((26, 95), {}, 'base_width=95: ShakeResNet allows even numbers of 2 or more'),
        ((26, 96), dict(groups=4), 'groups=4: ShakeResNet allows 1 or more with bottlenecks, 1 with basic units'),
        ((29, 64), dict(groups=0), 'groups=0: ShakeResNet allows 1 or more'),
        ((26, 96), dict(forward_shake='Shake'), "forward_shake='Shake' is not one of 'shake', 'even'"),
        ((26, 96), dict(se_on='sum'), "se_on='sum' is not one of 'mix', 'branches'"),
        ((29, 64), dict(se=dict(position='3x3')), "position='3x3' is inside the branches: it needs se_on='branches'"),
        ((26, 96), dict(se=dict(position='3x3')), "position='3x3': ShakeUnit allows 'standard', 'pre'"),
        ((26, 96), dict(se=dict(position='3x3'), se_on='branches'), "ShakeBranch allows 'standard'"),
        ((29, 64), dict(se=dict(position='pre'), se_on='branches'), "ShakeBranch allows 'standard', '3x3'"),
        ((26, 96), dict(se=dict(stages=[1])), r'stages=\[1\]: ShakeResNet has stages \[2, 3, 4\]'),
    ],
)
def test_wrong_arguments_say_what_is_allowed(args, options, message):
    with torch.device('meta'), pytest.raises(ValueError, match=message):
        ShakeResNet(*args, **options)
