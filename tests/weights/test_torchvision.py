"""torchvision's networks: same weights, same logits; and a reason where the network is not ours."""

import pytest
import torch
import torchvision

from senet_mm.weights.convert import convert
from senet_mm.weights.source import WeightsError
from tests.weights.helpers import check_conversion, trained


@pytest.mark.parametrize(
    ('name', 'ours'),
    [
        ('resnet18', 'resnet18'),
        ('resnet50', 'resnet50'),
        ('resnext50_32x4d', 'resnext50_32x4d'),
        ('densenet121', 'densenet121'),
        pytest.param('resnet152', 'resnet152', marks=pytest.mark.slow),
        pytest.param('wide_resnet50_2', 'resnet50_w128', marks=pytest.mark.slow),
        pytest.param('resnext101_64x4d', 'resnext101_64x4d', marks=pytest.mark.slow),
        pytest.param('densenet161', 'densenet161', marks=pytest.mark.slow),
        pytest.param('vgg16_bn', 'vgg16', marks=pytest.mark.slow),
    ],
)
def test_logits_are_the_same(tmp_path, name, ours):
    torch.manual_seed(0)
    network = trained(torchvision.models.get_model(name, weights=None, num_classes=30))
    torch.save(network.state_dict(), tmp_path / 'file.pth')
    provenance = check_conversion(network, tmp_path / 'file.pth', tmp_path)
    assert (provenance['source'], provenance['architecture'], provenance['classes']) == ('torchvision', ours, 30)
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1.transforms()
    assert provenance['input']['mean'] == pytest.approx([255 * value for value in weights.mean])
    assert provenance['input']['std'] == pytest.approx([255 * value for value in weights.std])


def vgg(name):
    """torchvision's VGG with narrower layers behind its maps, which are most of its weights."""
    with torch.device('meta'):
        network = torchvision.models.get_model(name, weights=None)
    network.classifier[0] = torch.nn.Linear(512 * 7 * 7, 24)
    network.classifier[3] = torch.nn.Linear(24, 16)
    network.classifier[6] = torch.nn.Linear(16, 10)
    network.features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs['A'], batch_norm='bn' in name)
    return network


def test_vgg_with_its_three_layer_head(tmp_path):
    torch.manual_seed(0)
    network = trained(vgg('vgg11_bn'))
    torch.save(network.state_dict(), tmp_path / 'file.pth')
    provenance = check_conversion(network, tmp_path / 'file.pth', tmp_path, size=(224, 224))
    assert provenance['backbone'] == dict(type='senet_mm.VGG', depth=11)
    assert provenance['classes'] == 10


def test_vgg_without_normalisation_is_refused(tmp_path):
    torch.save(vgg('vgg11').state_dict(), tmp_path / 'file.pth')
    with pytest.raises(WeightsError, match='a VGG without batch normalisation; ours has it'):
        convert(tmp_path / 'file.pth')


def test_older_densenet_files(tmp_path):
    """torchvision's files of DenseNet have `norm.1` where its networks have `norm1`; it renames them itself."""
    import re

    torch.manual_seed(0)
    network = trained(torchvision.models.densenet121(weights=None, num_classes=7))
    state = {
        re.sub(r'(denselayer\d+\.(?:norm|conv))(\d)', r'\1.\2', key): value
        for key, value in network.state_dict().items()
    }
    assert 'features.denseblock1.denselayer1.norm.1.weight' in state
    torch.save(state, tmp_path / 'file.pth')
    check_conversion(network, tmp_path / 'file.pth', tmp_path)
