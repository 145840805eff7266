"""The released Caffe networks: files in their names and layout, random weights, against timm and a literal reading.

Names are those of models/*.prototxt of github.com/hujie-frank/SENet; what the files hold is written by caffe_file.py.
"""

import re

import pytest
import torch

from senet_mm.models import SEBNInception, SEResNeXt
from senet_mm.models.resnet import ARCHITECTURES
from senet_mm.registry import MODELS
from senet_mm.weights.architecture import infer_backbone
from senet_mm.weights.caffe import convert_layers
from senet_mm.weights.caffemodel import read_caffemodel
from senet_mm.weights.convert import convert, write
from senet_mm.weights.source import WeightsError
from tests.weights.caffe_file import layer, net
from tests.weights.helpers import check_conversion, logits, trained

timm = pytest.importorskip('timm')

FACTOR = 999.9823  # what a moving average of 0.999 converges to: sums of that many are stored
# timm's name of a block's convolution → the prototxt's, and its normalisation's.
UNIT = {
    'conv1': ('1x1_reduce', 'bn1'),
    'conv2': ('3x3', 'bn2'),
    'conv3': ('1x1_increase', 'bn3'),
    'downsample.0': ('1x1_proj', 'downsample.1'),
    'se_module.fc1': ('1x1_down', ''),
    'se_module.fc2': ('1x1_up', ''),
}
STEM = {'layer0.conv1': ('conv1/7x7_s2', 'layer0.bn1')}
DEEP_STEM = {
    f'layer0.conv{number}': (name, f'layer0.bn{number}')
    for number, name in enumerate(('conv1_1/3x3_s2', 'conv1_2/3x3', 'conv1_3/3x3'), 1)
}


def caffe_layers(name, conv, norm, factor=FACTOR):
    """A convolution or fully-connected layer with what follows it; `conv` and `norm` are torch modules."""
    kind = 'InnerProduct' if isinstance(conv, torch.nn.Linear) else 'Convolution'
    blobs = [conv.weight] if conv.bias is None else [conv.weight, conv.bias]
    options = dict(stride=conv.stride[0]) if kind == 'Convolution' else {}
    yield layer(name, kind, blobs, **options)
    if norm is not None:
        sums = [norm.running_mean * factor, norm.running_var * factor, torch.tensor([factor])]
        yield layer(f'{name}/bn', 'BatchNorm', sums)
        yield layer(f'{name}/bn/scale', 'Scale', [norm.weight, norm.bias])


def caffe_net(network, skip=()):
    """The file of one of timm's legacy networks."""
    modules = dict(network.named_modules())
    layers = [layer('data', 'Input', [])]
    stem = DEEP_STEM if 'layer0.conv3' in modules else STEM
    places = [(conv, name, norm) for conv, (name, norm) in stem.items()]
    for module in modules:
        if found := re.fullmatch(r'(layer(\d)\.(\d+))\.(.*)', module):
            block, stage, unit, part = found.groups()
            if part in UNIT:
                name, norm = UNIT[part]
                places.append((module, f'conv{int(stage) + 1}_{int(unit) + 1}_{name}', norm and f'{block}.{norm}'))
    for conv, name, norm in places:
        if name not in skip:
            layers += caffe_layers(name, modules[conv], modules[norm] if norm else None)
            layers.append(layer(f'{name}/relu', 'ReLU', []))
    layers.append(layer('pool1/3x3_s2', 'Pooling', []))
    layers += caffe_layers('classifier', network.last_linear, None)
    return net('SE-Net', layers)


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('legacy_seresnet50', dict(type='senet_mm.ResNet', depth=50, style='caffe')),
        ('legacy_seresnext50_32x4d', dict(type='senet_mm.ResNeXt', depth=50, groups=32, base_width=4, style='pytorch')),
        *[
            pytest.param(name, dict(type='senet_mm.' + kind, depth=depth), marks=pytest.mark.slow)
            for name, kind, depth in (
                ('legacy_seresnet101', 'ResNet', 101),
                ('legacy_seresnet152', 'ResNet', 152),
                ('legacy_seresnext101_32x4d', 'ResNeXt', 101),
                ('legacy_senet154', 'ResNeXt', 152),
            )
        ],
    ],
)
def test_the_residual_networks(tmp_path, name, expected):
    torch.manual_seed(0)
    network = trained(timm.create_model(name, pretrained=False))
    file = tmp_path / 'released.caffemodel'
    file.write_bytes(caffe_net(network))
    provenance = check_conversion(network, file, tmp_path)
    assert expected.items() <= provenance['backbone'].items()
    assert provenance['backbone']['ceil_pool'] is True
    assert provenance['backbone']['se'] == dict(ratio=16)
    assert provenance['architecture'] == name.replace('legacy_se', '' if 'senet' in name else 'se_').replace(
        'net154', 'senet154'
    )
    assert provenance['source'] == 'caffe'
    assert provenance['input'] == dict(channels='BGR', mean=[104, 117, 123], std=[1, 1, 1], shorter_side=256, crop=224)


INCEPTION = {
    'conv1': 'conv1/7x7_s2',
    'conv2.0': 'conv2/3x3_reduce',
    'conv2.1': 'conv2/3x3',
    'conv1x1': '1x1',
    'conv3x3_reduce': '3x3_reduce',
    'conv3x3': '3x3',
}


def inception_net(network, weight, bias):
    """The file of a BN-Inception. Its definition as released is written out in tests/models/test_bn_inception.py."""
    layers = []
    for name, module in network.named_modules():
        block, _, part = name.rpartition('.')
        if hasattr(module, 'conv') and hasattr(module, 'bn'):
            unit = block.rpartition('.')[2]
            theirs = INCEPTION.get(name) or f'{unit}/{INCEPTION.get(part, part)}'
            layers += caffe_layers(theirs, module.conv, module.bn)
        elif part == 'se':
            unit = block.rpartition('.')[2]
            layers += caffe_layers(f'{unit}_1x1_down', module.fc1, None)
            layers += caffe_layers(f'{unit}_1x1_up', module.fc2, None)
    # In older files a fully-connected layer's shape is 1×1×O×I.
    layers.append(layer('classifier', 'InnerProduct', [weight, bias], layout='legacy'))
    return net('SE-BN-Inception', layers)


@torch.no_grad()
def test_the_inception_network(tmp_path):
    from tests.models.test_bn_inception import literal_forward

    torch.manual_seed(0)
    network = trained(SEBNInception())
    weight, bias = torch.randn(30, 1024), torch.randn(30)
    file = tmp_path / 'SE-BN-Inception.caffemodel'
    file.write_bytes(inception_net(network, weight, bias))
    x = torch.randn(1, 3, 64, 96)
    expected = literal_forward(network.state_dict(), x, se=True)[-1].mean((2, 3)) @ weight.T + bias
    converted = write(convert(file), tmp_path)
    assert re.fullmatch(r'se_bn_inception_caffe-[0-9a-f]{8}\.pth', converted.name)
    torch.testing.assert_close(logits(converted, x), expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    provenance = torch.load(converted, weights_only=True)['meta']['provenance']
    assert provenance['backbone'] == dict(type='senet_mm.BNInception', se=dict(ratio=16))
    assert provenance['classes'] == 30


def prototxt(units, deep=False):
    """Every layer with parameters of a released residual network, as (name, number of blobs), in order."""
    layers = []

    def conv(name):
        layers.extend([(name, 1), (f'{name}/bn', 3), (f'{name}/bn/scale', 2)])

    for name in ('conv1_1/3x3_s2', 'conv1_2/3x3', 'conv1_3/3x3') if deep else ('conv1/7x7_s2',):
        conv(name)
    for stage, count in enumerate(units, 2):
        for unit in range(1, count + 1):
            for name in ('1x1_reduce', '3x3', '1x1_increase'):
                conv(f'conv{stage}_{unit}_{name}')
            layers.extend([(f'conv{stage}_{unit}_1x1_down', 2), (f'conv{stage}_{unit}_1x1_up', 2)])
            if unit == 1:
                conv(f'conv{stage}_{unit}_1x1_proj')
    return [*layers, ('classifier', 2)]


@pytest.mark.parametrize(('depth', 'deep'), [(50, False), (101, False), (152, False), (152, True)])
def test_every_name_of_every_depth_is_known(tmp_path, depth, deep):
    layers = [
        layer(name, 'Convolution', [torch.ones(1)] * count) for name, count in prototxt(ARCHITECTURES[depth][1], deep)
    ]
    file = tmp_path / 'names.caffemodel'
    file.write_bytes(net('n', layers))
    names = convert_layers(read_caffemodel(file))
    with torch.device('meta'):
        network = SEResNeXt(depth, deep_stem=deep, stem_channels=128 if deep else 64)
    expected = {key for key in network.state_dict() if 'num_batches_tracked' not in key}
    assert set(names) == expected | {'head.fc.weight', 'head.fc.bias'}


def small_file(folder, change=lambda layers: layers):
    """A released SE-ResNet-50 of one layer's worth of detail that a test changes."""
    torch.manual_seed(0)
    norm = [torch.ones(64) * 2, torch.ones(64) * 4, torch.tensor([2.0])]
    layers = {
        'conv1/7x7_s2': dict(kind='Convolution', tensors=[torch.ones(64, 3, 7, 7)]),
        'conv1/7x7_s2/bn': dict(kind='BatchNorm', tensors=norm),
        'conv1/7x7_s2/bn/scale': dict(kind='Scale', tensors=[torch.ones(64), torch.zeros(64)]),
        'pool1/3x3_s2': dict(kind='Pooling', tensors=[]),
    }
    change(layers)
    file = folder / 'small.caffemodel'
    file.write_bytes(net('n', [layer(name, **options) for name, options in layers.items()]))
    return file


@pytest.mark.parametrize(('factor', 'mean', 'variance'), [(2.0, 1.0, 2.0), (1.0, 2.0, 4.0), (0.0, 0.0, 0.0)])
def test_statistics_are_divided_by_their_factor(tmp_path, factor, mean, variance):
    def change(layers):
        layers['conv1/7x7_s2/bn']['tensors'][2] = torch.tensor([factor])

    state = convert_layers(read_caffemodel(small_file(tmp_path, change)))
    assert torch.equal(state['bn1.running_mean'], torch.full((64,), mean))
    assert torch.equal(state['bn1.running_var'], torch.full((64,), variance))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda layers: layers['conv1/7x7_s2/bn'].update(eps=1e-3), r'conv1/7x7_s2/bn has eps=0.001, .* it is 1e-05'),
        (lambda layers: layers['conv1/7x7_s2/bn']['tensors'].append(torch.ones(64)), 'has 4 parameters, not mean, var'),
        (lambda layers: layers['conv1/7x7_s2/bn/scale']['tensors'].append(torch.ones(64)), 'has 3 parameters'),
        (lambda layers: layers['pool1/3x3_s2'].update(pad=1), 'pool1/3x3_s2: its padding is 1'),
    ],
)
def test_what_the_released_networks_do_not_have_is_refused(tmp_path, change, message):
    with pytest.raises(WeightsError, match=message):
        convert_layers(read_caffemodel(small_file(tmp_path, change)))


def test_missing_and_unknown_layers_are_listed(tmp_path):
    network = timm.create_model('legacy_seresnet50', pretrained=False)
    file = tmp_path / 'net.caffemodel'
    extra = layer('aux_loss', 'InnerProduct', [torch.ones(3, 4)]) + layer('conv6_1_1x1', 'Convolution', [torch.ones(2)])
    file.write_bytes(caffe_net(network, skip=('conv3_2_3x3', 'conv5_3_1x1_up')) + extra)
    with pytest.raises(WeightsError) as error:
        convert(file)
    message = str(error.value)
    assert (
        'missing from the file: layer2.1.conv2.weight, layer2.1.bn2.{weight,bias,running_mean,running_var}' in message
    )
    assert 'layer4.2.se.fc2.{weight,bias}' in message
    assert '2 left over in the file: aux_loss[0], conv6_1_1x1[0]' in message


def test_the_stride_in_the_file_decides_the_style(tmp_path):
    """A re-trained SE-ResNet-50 with the stride in its 3×3 convolutions has the same names and shapes."""
    network = timm.create_model('legacy_seresnet50', pretrained=False)
    for stage in (network.layer2, network.layer3, network.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (1, 1), (2, 2)
    torch.manual_seed(0)
    file = tmp_path / 'net.caffemodel'
    file.write_bytes(caffe_net(trained(network)))
    assert check_conversion(network, file, tmp_path)['backbone']['style'] == 'pytorch'


def test_options_are_those_of_the_released_configs():
    """The networks of configs/*_released_imagenet.py are what the weights are found to be for."""
    from pathlib import Path

    from mmengine.config import Config

    configs = sorted(Path('configs').glob('*_released_imagenet.py'))
    assert len(configs) == 7
    for path in configs:
        cfg = Config.fromfile(path)
        with torch.device('meta'):
            ours = MODELS.build(cfg.model.backbone)
        options = {} if 'inception' in path.stem else dict(style=ours.style, ceil_pool=ours.maxpool.ceil_mode)
        found = infer_backbone(ours.state_dict(), options)
        with torch.device('meta'):
            theirs = MODELS.build(found)
        shapes = {key: value.shape for key, value in ours.state_dict().items()}
        assert shapes == {key: value.shape for key, value in theirs.state_dict().items()}
        if options:
            assert options == dict(style='caffe' if 'se_resnet' in path.stem else 'pytorch', ceil_pool=True)
        assert cfg.data_preprocessor.mean == [104, 117, 123]
        assert cfg.data_preprocessor.std == [1, 1, 1]
        assert cfg.data_preprocessor.to_rgb is False
