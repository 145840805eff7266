"""Pre-activation and Wide ResNets against their original definitions and timm, their counts, and the contract."""

import functools
import math

import pytest
import torch
from torch.nn import functional as F

from senet_mm.models import PreActResNet, SEPreActResNet, SEWideResNet, WideResNet
from senet_mm.registry import MODELS
from tests.layers.test_se import numpy_se
from tests.models import contract

NETWORKS = {
    'basic': functools.partial(SEPreActResNet, 14),
    'bottleneck': functools.partial(SEPreActResNet, 20, block='bottleneck'),
    'wide': functools.partial(SEWideResNet, 10, 2),
}


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize('network', NETWORKS)
def test_contract(check, network):
    check(NETWORKS[network], size=(32, 48))


class Weights:
    """The original definitions' layers, over the weights of a network of ours."""

    def __init__(self, network):
        self.network = network
        self.values = network.state_dict()

    def conv(self, x, name, stride=1):
        weight = self.values[f'{name}.weight']
        return F.conv2d(x, weight, None, stride, {1: 0, 3: 1}[weight.shape[-1]])

    def norm_relu(self, x, name):
        mean, var, weight, bias = (
            self.values[f'{name}.{part}'] for part in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return F.batch_norm(x, mean, var, weight, bias, eps=1e-5).relu()

    def se(self, u, name):
        """The branch as it enters the sum: rescaled, if there is an SE block."""
        block = self.network.get_submodule(name).se
        return u if block is None else torch.from_numpy(numpy_se(u.numpy(), block, 'avg', 'sigmoid'))


def fb_resnet_torch(x, w, n):
    """models/preresnet.lua: basicblock, shortcut A; a stage's first block is 'both_preact'."""
    x = w.conv(x, 'conv1')
    for stage, planes in enumerate((16, 32, 64), 1):
        for index in range(n):
            name, stride = f'layer{stage}.{index}', 2 if stage > 1 and index == 0 else 1
            activated = w.norm_relu(x, f'{name}.bn1')
            u = w.conv(activated, f'{name}.conv1', stride)
            u = w.conv(w.norm_relu(u, f'{name}.bn2'), f'{name}.conv2')
            shortcut = activated if index == 0 else x
            if shortcut.shape[1] != planes:
                shortcut = F.avg_pool2d(shortcut, 1, stride)
                shortcut = torch.cat((shortcut, shortcut * 0), 1)
            x = shortcut + w.se(u, name)
        yield x
    yield w.norm_relu(x, 'bn')


def resnet_1k_layers(x, w, n):
    """resnet-pre-act.lua: bottleneck."""
    x = w.conv(x, 'conv1')
    for stage, planes in enumerate((64, 128, 256), 1):
        for index in range(n):
            name, stride = f'layer{stage}.{index}', 2 if stage > 1 and index == 0 else 1
            activated = w.norm_relu(x, f'{name}.bn1')
            u = w.conv(activated, f'{name}.conv1', stride)
            u = w.conv(w.norm_relu(u, f'{name}.bn2'), f'{name}.conv2')
            u = w.conv(w.norm_relu(u, f'{name}.bn3'), f'{name}.conv3')
            x = w.se(u, name) + (x if x.shape[1] == planes else w.conv(activated, f'{name}.downsample', stride))
        yield x
    yield w.norm_relu(x, 'bn')


def wide_residual_networks(x, w, n, k):
    """models/wide-resnet.lua: wide_basic."""
    x = w.conv(x, 'conv1')
    for stage, planes in enumerate((16 * k, 32 * k, 64 * k), 1):
        for index in range(n):
            name, stride = f'layer{stage}.{index}', 2 if stage > 1 and index == 0 else 1
            activated = w.norm_relu(x, f'{name}.bn1')
            u = w.conv(activated, f'{name}.conv1', stride)
            u = w.conv(w.norm_relu(u, f'{name}.bn2'), f'{name}.conv2')
            x = w.se(u, name) + (x if x.shape[1] == planes else w.conv(activated, f'{name}.downsample', stride))
        yield x
    yield w.norm_relu(x, 'bn')


@pytest.mark.parametrize('se', [None, dict(ratio=16)], ids=['plain', 'se'])
@pytest.mark.parametrize(
    ('build', 'original'),
    [
        (functools.partial(PreActResNet, 110), functools.partial(fb_resnet_torch, n=18)),
        (functools.partial(PreActResNet, 20), functools.partial(fb_resnet_torch, n=3)),
        (functools.partial(PreActResNet, 164), functools.partial(resnet_1k_layers, n=18)),
        (functools.partial(WideResNet, 16, 8), functools.partial(wide_residual_networks, n=2, k=8)),
        (functools.partial(WideResNet, 10, 1), functools.partial(wide_residual_networks, n=1, k=1)),
    ],
    ids=['110', '20', '164', 'WRN-16-8', 'WRN-10-1'],
)
def test_maps_are_those_of_the_original_definition(build, original, se):
    torch.manual_seed(0)
    ours = build(se=se, out_indices=(0, 1, 2)).eval()
    contract.randomise_statistics(ours)
    x = torch.randn(2, 3, 16, 24)
    with torch.no_grad():
        sums = list(original(x, Weights(ours)))
        for our_map, expected in zip(ours(x), (sums[0], sums[1], sums[3]), strict=True):
            torch.testing.assert_close(our_map, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def timm_network(n, channels, basic):
    """timm's pre-activation network for ImageNet with the first convolution of CIFAR's."""
    from timm.layers import BatchNormAct2d, create_conv2d
    from timm.models.resnetv2 import ResNetV2

    network = ResNetV2([n] * 3, channels, stem_chs=16, basic=basic, bottle_ratio=1.0 if basic else 0.25,
                       conv_layer=create_conv2d, norm_layer=BatchNormAct2d)  # fmt: skip
    network.stem = torch.nn.Conv2d(3, 16, 3, padding=1, bias=False)
    if not basic:  # timm has a bottleneck's stride on the 3×3 convolution, the original on the first
        for stage in network.stages:
            block = stage.blocks[0]
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return network.eval()


def timm_name(name):
    """The name in timm's network of a parameter of ours."""
    for ours, theirs in (('.bn', '.norm'), ('.downsample.', '.downsample.conv.')):
        name = name.replace(ours, theirs)
    if name.startswith('layer'):
        stage, rest = name[len('layer')], name[len('layer1.') :]
        return f'stages.{int(stage) - 1}.blocks.{rest}'
    return {'conv1': 'stem', 'bn': 'norm'}[name.split('.')[0]] + '.' + name.split('.', 1)[1]


@pytest.mark.parametrize(
    ('build', 'n', 'channels', 'basic'),
    [
        (functools.partial(WideResNet, 16, 8), 2, (128, 256, 512), True),
        (functools.partial(WideResNet, 22, 2), 3, (32, 64, 128), True),
        (functools.partial(PreActResNet, 164), 18, (64, 128, 256), False),
    ],
    ids=['WRN-16-8', 'WRN-22-2', '164'],
)
def test_timms_weights_give_timms_maps(build, n, channels, basic):
    torch.manual_seed(0)
    theirs = timm_network(n, channels, basic)
    contract.randomise_statistics(theirs)
    ours = build(out_indices=(2,)).eval()
    weights = theirs.state_dict()
    ours.load_state_dict({name: weights[timm_name(name)] for name in ours.state_dict()})
    x = torch.randn(2, 3, 17, 24)
    with torch.no_grad():
        expected = theirs.forward_features(x)
        torch.testing.assert_close(ours(x)[0], expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def parameters(backbone):
    return sum(parameter.numel() for parameter in backbone.parameters())


def on_meta(build, *args, **options):
    with torch.device('meta'):
        return build(*args, **options)


def basic_units(n, widths, projections):
    """Parameters of stages of n basic units: 3×3 convolutions, scale and shift of two norms, 1×1 projections."""
    total = 0
    for inputs, outputs in zip((16, *widths[:-1]), widths, strict=True):
        total += 9 * inputs * outputs + (2 * n - 1) * 9 * outputs**2 + 2 * inputs + (2 * n - 1) * 2 * outputs
        total += inputs * outputs if projections and inputs != outputs else 0
    return total


def bottlenecks(n):
    total = 0
    for inputs, outputs in ((16, 64), (64, 128), (128, 256)):
        inner = outputs // 4
        first = (inputs + 9 * inner + outputs) * inner + inputs * outputs + 2 * (inputs + 2 * inner)
        total += first + (n - 1) * ((outputs + 9 * inner + outputs) * inner + 2 * (outputs + 2 * inner))
    return total


def se_parameters(n, widths):
    return sum(n * (2 * c * max(1, c // 16) + c + max(1, c // 16)) for c in widths)


@pytest.mark.parametrize(
    ('build', 'stages', 'n', 'widths', 'millions'),
    [
        ((PreActResNet, 20), basic_units(3, (16, 32, 64), False), 3, (16, 32, 64), 0.27),
        ((PreActResNet, 110), basic_units(18, (16, 32, 64), False), 18, (16, 32, 64), 1.7),
        ((PreActResNet, 164), bottlenecks(18), 18, (64, 128, 256), 1.7),
        ((WideResNet, 16, 8), basic_units(2, (128, 256, 512), True), 2, (128, 256, 512), 11.0),
        ((WideResNet, 28, 10), basic_units(4, (160, 320, 640), True), 4, (160, 320, 640), 36.5),
        ((WideResNet, 40, 4), basic_units(6, (64, 128, 256), True), 6, (64, 128, 256), 8.9),
    ],
    ids=['20', '110', '164', 'WRN-16-8', 'WRN-28-10', 'WRN-40-4'],
)
def test_parameters(build, stages, n, widths, millions):
    """Closed forms, and the millions that the papers give for CIFAR-10."""
    backbone = on_meta(*build)
    expected = 3 * 9 * 16 + stages + 2 * widths[-1]
    assert parameters(backbone) == expected
    assert (expected + 10 * widths[-1] + 10) / 1e6 == pytest.approx(millions, rel=0.02)
    assert parameters(on_meta(*build, se=dict(ratio=16))) - expected == se_parameters(n, widths)


def test_operations():
    """One 3×3 convolution on 3 channels and two a unit; SE adds its two layers."""
    counted = 32 * 32 * 9 * (3 * 16 + 36 * 16 * 16)
    counted += 16 * 16 * 9 * (16 * 32 + 35 * 32 * 32) + 8 * 8 * 9 * (32 * 64 + 35 * 64 * 64)
    assert contract.macs(PreActResNet(110), (32, 32)) == (counted, 0)
    in_se = 18 * 2 * (16 * 1 + 32 * 2 + 64 * 4)
    assert contract.macs(SEPreActResNet(110), (32, 32)) == (counted + in_se, in_se)


def place(unit, position, u):
    return u * unit.se.excite(u) if unit.se_position == position else u


@pytest.mark.parametrize('position', ['standard', 'pre', 'post', 'identity'])
@pytest.mark.parametrize('index', [0, 1])
@pytest.mark.parametrize('build', [functools.partial(PreActResNet, 14), functools.partial(WideResNet, 16, 2)])
def test_se_sits_where_it_is_told_in_basic_units(build, position, index):
    torch.manual_seed(0)
    unit = build(se=dict(position=position)).eval().layer2[index]
    contract.randomise_statistics(unit)
    x = torch.randn(2, unit.conv1.in_channels, 8, 8)
    with torch.no_grad():
        if index == 0:  # branch and shortcut share the first norm and ReLU
            activated = unit.bn1(x).relu()
            u, shortcut = place(unit, 'pre', activated), unit.shortcut(activated)
        else:
            u, shortcut = unit.bn1(place(unit, 'pre', x)).relu(), x
        u = unit.conv2(unit.bn2(unit.conv1(u)).relu())
        expected = place(unit, 'post', place(unit, 'standard', u) + place(unit, 'identity', shortcut))
        torch.testing.assert_close(unit(x), expected)


def test_se_inside_a_bottleneck_rescales_what_its_3x3_gives():
    torch.manual_seed(0)
    unit = PreActResNet(164, se=dict(position='3x3')).eval().layer2[1]
    x = torch.randn(2, 128, 8, 8)
    with torch.no_grad():
        u = unit.bn3(unit.conv2(unit.bn2(unit.conv1(unit.bn1(x).relu())).relu())).relu()
        torch.testing.assert_close(unit(x), unit.conv3(u * unit.se.excite(u)) + x)
    with pytest.raises(ValueError, match="PreActUnit allows 'standard', 'pre', 'post', 'identity'"):
        PreActResNet(110, se=dict(position='3x3'))


def test_projection_and_padding_are_free_to_choose():
    padded = PreActResNet(164, shortcut='pad').eval()
    assert padded.layer1[0].downsample is None
    a = torch.randn(1, 16, 5, 7)
    shortcut = padded.layer2[0].shortcut(a)
    assert torch.equal(shortcut[:, :16], a[:, :, ::2, ::2])
    assert shortcut.shape == (1, 128, 3, 4)
    assert not shortcut[:, 16:].any()
    projected = PreActResNet(20, shortcut='projection')
    assert projected.layer1[0].downsample is None
    assert not projected.layer1[0].shares_first  # which has no projection
    assert projected.layer2[0].downsample.weight.shape == (32, 16, 1, 1)


def test_dropout_is_before_the_last_convolution_of_a_unit_in_training():
    torch.manual_seed(0)
    network = WideResNet(16, 2, drop_rate=0.3, norm_eval=True).train()
    unit = network.layer2[1]
    x = torch.randn(2, 64, 8, 8)
    u = unit.bn2(unit.conv1(unit.bn1(x).relu())).relu()
    torch.manual_seed(1)
    expected = unit.conv2(F.dropout(u, 0.3)) + x
    torch.manual_seed(1)
    torch.testing.assert_close(unit(x), expected)
    network.eval()
    torch.testing.assert_close(unit(x), unit.conv2(u) + x)


def test_initialisation():
    networks = PreActResNet(110), PreActResNet(164), WideResNet(10, 4)
    for network in networks:
        network.init_weights()
    # by fan-out: a square 3×3 convolution cannot tell, one that doubles the channels can
    for layer in (networks[0].layer3[0].conv1, networks[1].layer3[0].conv1, networks[1].layer3[0].downsample):
        fan_out = layer.out_channels * layer.kernel_size[0] ** 2
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
    for layer in (networks[2].layer3[0].conv1, networks[2].layer3[0].downsample):
        fan_in = layer.in_channels * layer.kernel_size[0] ** 2
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
    for network in networks:
        for name, parameter in network.named_parameters():
            if 'bn' in name:
                assert torch.equal(parameter, torch.full_like(parameter, float(name.endswith('weight'))))
            assert not (name.endswith('bias') and 'conv' in name)


def test_depth_says_which_block():
    blocks = {depth: PreActResNet(depth).block for depth in (20, 29, 56, 110, 164)}
    assert blocks == {20: 'basic', 29: 'bottleneck', 56: 'basic', 110: 'basic', 164: 'bottleneck'}
    assert PreActResNet(20, block='bottleneck').out_channels == (256,)
    assert len(PreActResNet(164, block='basic').layer1) == 27
    assert len(PreActResNet(164).layer1) == 18
    assert len(WideResNet(16, 8).layer1) == 2


def test_pyramid():
    backbone = MODELS.build(dict(type='senet_mm.SEWideResNet', depth=10, widen_factor=2, out_indices=(0, 1, 2)))
    assert backbone.out_channels == (32, 64, 128)
    assert backbone.strides == (1, 2, 4)


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (
            lambda: PreActResNet(21),
            r"depth=21: PreActResNet has depths 6n\+2 \(8, 14, 20, …\) with block='basic' or "
            r"9n\+2 \(11, 20, 29, …\) with block='bottleneck'",
        ),
        (
            lambda: PreActResNet(110, block='bottlenecks'),
            r"block='bottlenecks' is not one of 'basic', 'bottleneck'",
        ),
        (
            lambda: PreActResNet(26, block='bottleneck'),
            r"depth=26: PreActResNet has depths 9n\+2 \(11, 20, 29, …\) with block='bottleneck'",
        ),
        (lambda: PreActResNet('110'), r"depth='110': PreActResNet has depths"),
        (lambda: PreActResNet(2), r'depth=2: PreActResNet has depths 6n\+2'),
        (lambda: WideResNet(18, 8), r'depth=18: WideResNet has depths 6n\+4 \(10, 16, 22, …\)'),
        (lambda: WideResNet(16, 0), r'widen_factor=0: WideResNet allows whole numbers of 1 or more'),
        (lambda: WideResNet(16, 1.5), r'widen_factor=1.5: WideResNet allows whole numbers'),
        (lambda: WideResNet(16, 8, drop_rate=1), r'drop_rate=1: WideResNet allows 0 or more and less than 1'),
        (lambda: PreActResNet(20, shortcut='A'), r"shortcut='A' is not one of 'pad', 'projection'"),
        (lambda: PreActResNet(20, se=dict(stages=[5])), r'stages=\[5\]: PreActResNet has stages \[2, 3, 4\]'),
    ],
)
def test_wrong_arguments_say_what_is_allowed(build, message):
    with pytest.raises(ValueError, match=message):
        build()
