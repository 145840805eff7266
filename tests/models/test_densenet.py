"""DenseNet against torchvision, where SE sits, its counts, and the contract."""

import re

import pytest
import torch
import torchvision
from mmengine.config import Config

from senet_mm.models import DenseNet, SEDenseNet
from senet_mm.registry import MODELS
from tests.models import contract


def classifier(stem):
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

    return MMPRETRAIN_MODELS.build(Config.fromfile(f'configs/{stem}_imagenet.py').model)


def features_of(model):
    return {key: value for key, value in model.state_dict().items() if key.startswith('features.')}


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(lambda **options: SEDenseNet(121, **options), size=(64, 96))


def test_se_sits_on_outputs_only():
    contract.check_standard_position_only(lambda **options: DenseNet(121, **options), size=None)


@pytest.mark.parametrize('depth', [121, 161, 169, 201])
def test_torchvision_weights_load_by_name_and_give_its_logits(depth):
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(f'densenet{depth}').eval()
    contract.randomise_statistics(theirs)
    ours = DenseNet(depth).eval()
    ours.load_state_dict(features_of(theirs))
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        logits = theirs.classifier(ours(x)[-1].mean((2, 3)))
        torch.testing.assert_close(logits, theirs(x), rtol=1e-5, atol=1e-5)


def test_every_stage_is_torchvisions():
    torch.manual_seed(0)
    theirs = torchvision.models.densenet121().eval()
    contract.randomise_statistics(theirs)
    seen = []
    for block in (1, 2, 3):
        module = getattr(theirs.features, f'denseblock{block}')
        module.register_forward_hook(lambda _, inputs, output: seen.append(output.clone()))
    ours = DenseNet(121, out_indices=(0, 1, 2)).eval()
    ours.load_state_dict(features_of(theirs))
    x = torch.randn(1, 3, 70, 101)
    with torch.no_grad():
        theirs(x)
        for our_map, their_map in zip(ours(x), seen, strict=True):
            torch.testing.assert_close(our_map, their_map, rtol=1e-5, atol=1e-5)


def test_older_torchvision_names_load():
    theirs = features_of(torchvision.models.densenet121())
    old = {re.sub(r'(denselayer\d+\.\w+?)([12])\.', r'\1.\2.', key): value for key, value in theirs.items()}
    assert 'features.denseblock1.denselayer1.norm.1.weight' in old
    assert 'features.transition1.norm.weight' in old
    ours = DenseNet(121)
    ours.load_state_dict(old)
    assert all(torch.equal(value, theirs[key]) for key, value in ours.state_dict().items())
    model = torch.nn.ModuleDict(dict(backbone=DenseNet(121)))
    model.load_state_dict({f'backbone.{key}': value for key, value in old.items()})


def test_se_blocks():
    blocks = contract.se_blocks(SEDenseNet(121))
    layers = {name: channels for name, channels in blocks.items() if 'denselayer' in name}
    assert len(layers) == 6 + 12 + 24 + 16
    assert set(layers.values()) == {32}
    transitions = {name: channels for name, channels in blocks.items() if name not in layers}
    assert transitions == {f'features.transition{k}.se': channels for k, channels in ((1, 128), (2, 256), (3, 512))}


def test_se_rescales_the_new_maps_alone():
    torch.manual_seed(0)
    layer = SEDenseNet(121).features.denseblock1.denselayer3.eval()
    se, layer.se = layer.se, None
    maps = [torch.randn(2, channels, 6, 5) for channels in (64, 32, 32)]
    plain = layer(maps)
    layer.se = se
    assert plain.shape == (2, 32, 6, 5)
    torch.testing.assert_close(layer(maps), se(plain))


def test_se_rescales_what_a_transition_returns():
    torch.manual_seed(0)
    transition = SEDenseNet(121).features.transition1.eval()
    se, transition.se = transition.se, None
    x = torch.randn(2, 256, 6, 4)
    plain = transition(x)
    transition.se = se
    assert plain.shape == (2, 128, 3, 2)
    torch.testing.assert_close(transition(x), se(plain))


def test_operations_and_parameters():
    plain, se = classifier('densenet121'), classifier('se_densenet121')
    assert sum(p.numel() for p in plain.parameters()) == 7_978_856  # torchvision's
    expected = 58 * (2 * 32 * 2 + 32 + 2) + sum(2 * c * c // 16 + c + c // 16 for c in (128, 256, 512))
    assert sum(p.numel() for p in se.parameters()) - 7_978_856 == expected
    channels, side = 64, 56
    counted = 112 * 112 * 64 * 3 * 49
    for layers in (6, 12, 24, 16):
        for _ in range(layers):
            counted += side * side * (channels * 128 + 128 * 32 * 9)
            channels += 32
        if side > 7:
            counted += side * side * channels * channels // 2
            channels, side = channels // 2, side // 2
    total, _ = contract.macs(plain)
    assert total == counted + 1024 * 1000
    assert total / 1e9 == pytest.approx(2.83, rel=0.005)
    with_se, in_se = contract.macs(se)
    assert with_se == total + in_se
    assert in_se == 58 * 2 * 32 * 2 + sum(2 * c * c // 16 for c in (128, 256, 512))


def test_pyramid():
    backbone = MODELS.build(dict(type='senet_mm.SEDenseNet', depth=169, out_indices=(0, 1, 2, 3)))
    assert backbone.out_channels == (256, 512, 1280, 1664)
    assert backbone.strides == (4, 8, 16, 32)


def test_unknown_depth():
    with pytest.raises(ValueError, match='depth=122: DenseNet has depths 121, 161, 169, 201'):
        DenseNet(122)
