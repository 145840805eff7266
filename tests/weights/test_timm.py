"""timm's own SE networks and deep stems: same weights, same logits; and a reason where the network is not ours."""

import pytest
import torch
from safetensors.torch import save_file

from senet_mm.weights.convert import convert
from senet_mm.weights.source import WeightsError
from tests.weights.helpers import check_conversion, trained

timm = pytest.importorskip('timm')


@pytest.mark.parametrize(
    ('name', 'ours'),
    [
        ('seresnet50', 'se_resnet50'),
        ('seresnext50_32x4d', 'se_resnext50_32x4d'),
        ('resnet50d', 'resnet50d'),
        pytest.param('seresnet152d', 'se_resnet152d', marks=pytest.mark.slow),
        pytest.param('seresnext101d_32x8d', 'se_resnext101d_32x8d', marks=pytest.mark.slow),
        pytest.param('seresnext101_64x4d', 'se_resnext101_64x4d', marks=pytest.mark.slow),
        pytest.param('senet154', 'senet154', marks=pytest.mark.slow),
    ],
)
def test_logits_are_the_same(tmp_path, name, ours):
    torch.manual_seed(0)
    network = trained(timm.create_model(name, pretrained=False, num_classes=30))
    save_file(network.state_dict(), tmp_path / 'model.safetensors')  # as the Hugging Face hub has them
    provenance = check_conversion(network, tmp_path / 'model.safetensors', tmp_path, size=(70, 101))
    assert (provenance['source'], provenance['architecture']) == ('timm', ours)
    assert provenance['backbone']['style'] == 'pytorch'
    assert provenance['backbone']['ceil_pool'] is False
    assert 'crop' not in provenance['input']  # timm's differ from file to file


@pytest.mark.parametrize(
    ('name', 'file', 'message'),
    [
        ('seresnet18', 'a.pth', r'layer1.0.se.fc1.weight: 8 of 64 channels, where r = 16 gives 4; timm and OpenMMLab'),
        ('seresnet50t', 'a.pth', r'its stem has widths \[24, 32, 64\]; with deep_stem ours has C/2, C/2, C'),
        ('resnetrs50', 'a.pth', r'5 left over in the file: maxpool.0.weight, maxpool.1.{weight,bias,running_mean,run'),
        ('seresnetaa50d', 'seresnetaa50d_ah-1.pth', 'names a network that is not ours: .* anti-aliased'),
        ('ecaresnetlight', 'a.pth', 'no ResNet of ours|left over in the file: layer1.0.se.conv.weight'),
    ],
)
def test_other_networks_are_refused_with_the_reason(tmp_path, name, file, message):
    torch.save(timm.create_model(name, pretrained=False).state_dict(), tmp_path / file)
    with pytest.raises(WeightsError, match=message):
        convert(tmp_path / file)


def test_a_training_checkpoint_of_timms(tmp_path):
    torch.manual_seed(0)
    network = trained(timm.create_model('seresnet50', pretrained=False, num_classes=7))
    state = {f'module.{key}': value for key, value in network.state_dict().items()}
    torch.save(dict(epoch=3, arch='seresnet50', state_dict=state, optimizer=dict(state={})), tmp_path / 'last.pth')
    assert check_conversion(network, tmp_path / 'last.pth', tmp_path)['classes'] == 7
