"""The paper's released networks, as timm carries them ("legacy"): same weights, same logits. And SENet-154's parts."""

import re

import pytest
import torch

from senet_mm.models import ResNet, SEResNet, SEResNeXt

timm = pytest.importorskip('timm')

SENET_154 = dict(
    depth=152,
    groups=64,
    deep_stem=True,
    stem_channels=128,
    ceil_pool=True,
    halve_first=True,
    projection_kernel=3,
)
STEM = {'layer0.conv1.': 'conv1.', 'layer0.bn1.': 'bn1.'}
DEEP_STEM = {
    f'layer0.{kind}{number}.': f'stem.{3 * (number - 1) + (kind == "bn")}.'
    for number in (1, 2, 3)
    for kind in ('conv', 'bn')
}


def our_names(weights, stem):
    """timm's names → ours, without the classifier's."""
    names = {**stem, '.se_module.': '.se.'}
    pattern = re.compile('|'.join(map(re.escape, names)))
    renamed = {pattern.sub(lambda match: names[match[0]], key): value for key, value in weights.items()}
    return {key: value for key, value in renamed.items() if not key.startswith('last_linear.')}


def with_statistics(network):
    """`network` for evaluation, its normalisations far from the identity and its maps still of order one."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1)
            module.bias.data.normal_(0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.mark.parametrize(
    ('name', 'network', 'options'),
    [
        *[(f'legacy_seresnet{depth}', SEResNet, dict(depth=depth, style='caffe')) for depth in (50, 101, 152)],
        ('legacy_seresnext50_32x4d', SEResNeXt, dict(depth=50)),
        ('legacy_seresnext101_32x4d', SEResNeXt, dict(depth=101)),
        ('legacy_senet154', SEResNeXt, SENET_154),
    ],
)
@torch.no_grad()
def test_released_weights_give_the_released_logits(name, network, options):
    torch.manual_seed(0)
    theirs = with_statistics(timm.create_model(name, pretrained=False))
    ours = network(**{'ceil_pool': True, **options}).eval()
    ours.load_state_dict(our_names(theirs.state_dict(), DEEP_STEM if options.get('deep_stem') else STEM))
    x = torch.randn(2, 3, 64, 96)
    expected = theirs(x)
    logits = theirs.last_linear(ours(x)[-1].mean((2, 3)))
    assert expected.std() > 0.01
    assert (logits - expected).norm() <= 1e-5 * expected.norm()
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_ceil_pooling_drops_the_padding_only():
    """In ceil mode the last window starts inside and ends outside; sizes agree, values do not."""
    stem = ResNet(18).maxpool, ResNet(18, ceil_pool=True).maxpool
    column = torch.arange(8.0).expand(1, 1, 8, 8)
    padded, unpadded = (pool(column)[0, 0, 0].tolist() for pool in stem)
    assert padded == [1, 3, 5, 7]
    assert unpadded == [2, 4, 6, 7]


def test_senet154_has_the_appendixs_parts():
    with torch.device('meta'):
        network = SEResNeXt(**SENET_154)
    stem = [module.weight.shape for module in network.stem if isinstance(module, torch.nn.Conv2d)]
    assert stem == [(64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3)]
    block = network.layer2[0]
    assert (block.conv1.weight.shape, block.conv1.stride) == ((256, 256, 1, 1), (1, 1))
    assert (block.conv2.weight.shape, block.conv2.stride, block.conv2.groups) == ((512, 4, 3, 3), (2, 2), 64)
    assert block.downsample[0].weight.shape == (512, 256, 3, 3)
    assert block.downsample[0].stride == (2, 2)
    assert network.layer1[0].downsample[0].weight.shape == (256, 128, 1, 1)  # no stride: the projection stays 1×1
    layers = sum(isinstance(module, torch.nn.Conv2d) for name, module in network.named_modules() if '.se.' not in name)
    assert layers - 4 + 1 == 154  # 153 convolutions beside the four projections, and the classifier
    parameters = sum(parameter.numel() for parameter in network.parameters()) + 2048 * 1000 + 1000
    assert parameters == 115_088_984  # as timm's legacy_senet154


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(depth=50, projection_kernel=2), 'projection_kernel=2 is not 1 or, without avg_down, 3'),
        (dict(depth=50, projection_kernel=3, avg_down=True), 'projection_kernel=3 is not 1 or, without avg_down, 3'),
        (dict(depth=18, halve_first=True), 'halve_first=True: basic blocks'),
    ],
)
def test_wrong_arguments_say_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        ResNet(**options)
