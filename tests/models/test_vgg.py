"""VGG against torchvision, the paper's counts, where SE sits, and the contract."""

import pytest
import torch
import torchvision
from mmengine.config import Config

from senet_mm.models import SEVGG, VGG
from senet_mm.models.vgg import GridFlatten
from senet_mm.registry import MODELS
from tests.models import contract

CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)


def classifier(stem):
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

    return MMPRETRAIN_MODELS.build(Config.fromfile(f'configs/{stem}_imagenet.py').model)


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(lambda **options: SEVGG(11, **options), size=(64, 96))


def test_se_sits_behind_the_non_linearity_only():
    contract.check_standard_position_only(lambda **options: VGG(16, **options), size=None)


@pytest.mark.parametrize('depth', CONVOLUTIONS)
def test_torchvision_weights_load_by_name_and_give_its_maps(depth):
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(f'vgg{depth}_bn').eval()
    contract.randomise_statistics(theirs)
    ours = VGG(depth).eval()
    ours.load_state_dict({k: v for k, v in theirs.state_dict().items() if k.startswith('features.')})
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(ours(x)[-1], theirs.features(x))


def test_torchvision_weights_give_its_logits():
    torch.manual_seed(0)
    theirs = torchvision.models.vgg16_bn().eval()
    contract.randomise_statistics(theirs)
    ours = classifier('vgg16').eval()
    ours.backbone.load_state_dict({k: v for k, v in theirs.state_dict().items() if k.startswith('features.')})
    for layer, name in zip(ours.head.layers, (0, 3, 6), strict=True):
        layer.fc.load_state_dict(theirs.classifier[name].state_dict())
    with torch.no_grad():
        for size in (224, 96):
            x = torch.randn(1, 3, size, size)
            torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


def test_every_convolution_has_se_behind_its_relu():
    backbone = SEVGG(16)
    expected = [c for c, count in zip(CHANNELS, CONVOLUTIONS[16], strict=True) for _ in range(count)]
    blocks = contract.se_blocks(backbone)
    assert list(blocks.values()) == expected
    for name in blocks:
        number = int(name.split('.')[1])
        assert isinstance(backbone.features[number - 2], torch.nn.Conv2d)
        assert isinstance(backbone.features[number - 1], torch.nn.BatchNorm2d)
    u = torch.randn(2, 64, 5, 5)
    rectifier = backbone.features[2]
    torch.testing.assert_close(rectifier(u.clone()), rectifier.se(u.relu()))


def test_se_rescales_what_the_relu_leaves():
    """A gate of ½ everywhere halves the first stage of one convolution, nothing else."""
    torch.manual_seed(0)
    se, plain = VGG(11, se=dict(ratio=16, stages=[1]), out_indices=(0,)).eval(), VGG(11, out_indices=(0,)).eval()
    plain.load_state_dict({k: v for k, v in se.state_dict().items() if '.se.' not in k})
    for parameter in se.features[2].se.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(se(x)[0], plain(x)[0] / 2)


def test_operations_and_parameters_are_the_papers():
    plain, se = classifier('vgg16'), classifier('se_vgg16')
    total, none = contract.macs(plain)
    assert none == 0
    assert total / 1e9 == pytest.approx(15.47, rel=0.005)
    total, in_se = contract.macs(se)
    assert total / 1e9 == pytest.approx(15.48, rel=0.005)
    blocks = contract.se_blocks(se.backbone).values()
    assert in_se == sum(2 * channels * (channels // 16) for channels in blocks)
    # torchvision's own count; SE's layers have biases.
    assert sum(p.numel() for p in plain.parameters()) == 138_365_992
    added = sum(p.numel() for p in se.parameters()) - 138_365_992
    assert added == sum(2 * c * (c // 16) + c + c // 16 for c in blocks)


def test_pyramid():
    backbone = MODELS.build(dict(type='senet_mm.SEVGG', depth=16, out_indices=(1, 2, 3, 4)))
    assert backbone.out_channels == (128, 256, 512, 512)
    assert backbone.strides == (4, 8, 16, 32)


def test_grid_flatten_takes_the_last_map():
    small, exact = torch.randn(2, 3, 14, 14), torch.randn(2, 3, 7, 7)
    (features,) = GridFlatten()((small, exact))
    assert torch.equal(features, exact.reshape(2, -1))
    (features,) = GridFlatten()((small,))
    torch.testing.assert_close(features, small.reshape(2, 3, 7, 2, 7, 2).mean((3, 5)).reshape(2, -1))


def test_unknown_depth():
    with pytest.raises(ValueError, match='depth=12: VGG has depths 11, 13, 16, 19'):
        VGG(12)
