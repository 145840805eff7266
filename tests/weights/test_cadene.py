"""timm's legacy networks, whose names and shapes are Cadene's: same weights, same logits."""

import pytest
import torch

from tests.weights.helpers import check_conversion, trained

timm = pytest.importorskip('timm')


@pytest.mark.parametrize(
    ('name', 'ours', 'style'),
    [
        ('legacy_seresnet18', 'se_resnet18', None),
        ('legacy_seresnext26_32x4d', 'se_resnext26_32x4d', 'pytorch'),
        ('legacy_seresnet50', 'se_resnet50', 'caffe'),
        ('legacy_seresnext50_32x4d', 'se_resnext50_32x4d', 'pytorch'),
        pytest.param('legacy_seresnet34', 'se_resnet34', None, marks=pytest.mark.slow),
        pytest.param('legacy_seresnet101', 'se_resnet101', 'caffe', marks=pytest.mark.slow),
        pytest.param('legacy_seresnet152', 'se_resnet152', 'caffe', marks=pytest.mark.slow),
        pytest.param('legacy_seresnext101_32x4d', 'se_resnext101_32x4d', 'pytorch', marks=pytest.mark.slow),
        pytest.param('legacy_senet154', 'senet154', 'pytorch', marks=pytest.mark.slow),
    ],
)
def test_logits_are_the_same(tmp_path, name, ours, style):
    torch.manual_seed(0)
    network = trained(timm.create_model(name, pretrained=False, num_classes=30))
    torch.save(network.state_dict(), tmp_path / 'file.pth')
    provenance = check_conversion(network, tmp_path / 'file.pth', tmp_path)
    assert (provenance['source'], provenance['architecture'], provenance['classes']) == ('cadene', ours, 30)
    assert provenance['backbone'].get('style') == style
    assert provenance['backbone'].get('branch_relu', False) is (style is None)
    assert provenance['backbone']['ceil_pool'] is True
    assert provenance['input']['channels'] == 'RGB'
    config = timm.get_pretrained_cfg(name)
    assert provenance['input']['mean'] == pytest.approx([255 * value for value in config.mean])
    assert provenance['input']['std'] == pytest.approx([255 * value for value in config.std])
    assert round(provenance['input']['shorter_side'] * config.crop_pct) == provenance['input']['crop'] == 224
