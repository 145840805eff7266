"""Networks by name: those of the configs, with weights from files, without a trace of mmengine's log."""

import functools
import re
from pathlib import Path

import pytest
import torch
import torchvision
from mmengine.config import Config

import senet_mm
from senet_mm.models.build import NETWORKS, build_backbone
from tests.models.contract import randomise_statistics

CONFIGS = Path(__file__).parents[2] / 'configs'
DATA_SETS = 'imagenet|cifar10|cifar100|places365'
CLASSIFIERS = {
    match[1]: path for path in CONFIGS.glob('*.py') if (match := re.fullmatch(rf'(.+)_({DATA_SETS})', path.stem))
}


@functools.cache
def config_backbone(name):
    backbone = Config.fromfile(CLASSIFIERS[name]).model.backbone.to_dict()
    return dict(backbone, type=backbone['type'].removeprefix('senet_mm.'))


OUR_OWN = [name for name in CLASSIFIERS if config_backbone(name)['type'] != 'WithSE']  # that is somebody else's network


def test_every_classifiers_backbone_has_a_name():
    """The config's own name, or with a recipe behind it, as in senet154_320."""
    for name in OUR_OWN:
        known = [network for network in NETWORKS if name == network or name.startswith(f'{network}_')]
        assert known, f'add {name} to PLAIN in senet_mm/models/build.py'
        if name in NETWORKS:
            assert NETWORKS[name] == config_backbone(name)


def test_every_name_is_a_configs():
    for network, options in NETWORKS.items():
        names = [name for name in OUR_OWN if name == network or name.startswith(f'{network}_')]
        assert any(config_backbone(name) == options for name in names), network


def test_features_of_an_se_resnet50(capfd):
    backbone = senet_mm.build_backbone('se_resnet50', out_indices=(0, 1, 2, 3), se=dict(ratio=8))
    assert capfd.readouterr() == ('', '')
    with torch.device('meta'):
        assert senet_mm.build_backbone('senet154').layer4[0].conv1.weight.shape == (1024, 1024, 1, 1)
    assert backbone.out_channels == (256, 512, 1024, 2048)
    assert backbone.strides == (4, 8, 16, 32)
    assert backbone.layer1[0].se.fc1.out_channels == 32
    assert backbone.style == 'caffe'
    assert backbone.layer1[0].conv1.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)  # He's, by fan-out
    assert [tuple(m.shape[1:]) for m in backbone(torch.zeros(2, 3, 64, 96))] == [
        (256, 16, 24),
        (512, 8, 12),
        (1024, 4, 6),
        (2048, 2, 3),
    ]


def test_weights_of_torchvision(tmp_path):
    torch.manual_seed(0)
    theirs = torchvision.models.resnet50().eval()
    randomise_statistics(theirs)
    torch.save(theirs.state_dict(), tmp_path / 'resnet50.pth')
    with pytest.raises(ValueError, match=r"style='pytorch'.*this backbone has style='caffe'"):
        build_backbone('resnet50', weights=tmp_path / 'resnet50.pth')
    ours = build_backbone('resnet50', style='pytorch', weights=tmp_path / 'resnet50.pth').eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(theirs.fc(ours(x)[-1].mean((2, 3))), theirs(x))


def test_weights_of_a_run_fit_exactly_or_are_refused(tmp_path):
    torch.manual_seed(0)
    trained, path = build_backbone('se_resnet20'), tmp_path / 'epoch_1.pth'
    state = {f'backbone.{name}': value for name, value in trained.state_dict().items()}
    torch.save({'state_dict': {**state, 'head.fc.weight': torch.zeros(10, 64)}, 'meta': {}}, path)
    loaded = build_backbone('se_resnet20', weights=str(path))
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in trained.state_dict().items())
    with pytest.raises(ValueError, match='network with SE, this one has none'):
        build_backbone('resnet20', weights=path)
    plain = build_backbone('resnet20', weights=dict(checkpoint=str(path), allow_unused='se'))
    assert torch.equal(plain.conv1.weight, trained.conv1.weight)
    with pytest.raises(senet_mm.data.errors.DataError, match='there is no'):
        build_backbone('resnet20', weights=tmp_path / 'nothing.pth')
    with pytest.raises(ValueError, match='weights and init_cfg: one or the other'):
        build_backbone('resnet20', weights=path, init_cfg=None)


def test_unknown_names_and_options():
    with pytest.raises(ValueError, match=r"there is no network 'se_resnet5'; nearest: se_resnet50, .*backbone_names"):
        build_backbone('se_resnet5')
    with pytest.raises(ValueError, match='ratio=0'):
        build_backbone('se_resnet20', se=dict(ratio=0))
    assert {'resnet50', 'se_resnet50', 'senet154', 'se_wrn16_8'} <= set(senet_mm.backbone_names())


def test_the_package_is_light_until_it_is_used(run_tool):
    code = (
        'import sys, senet_mm\n'
        'assert not {"torch", "mmengine", "cv2", "numpy"} & set(sys.modules)\n'
        'assert {"build_backbone", "insert_se", "SEBlock"} <= set(dir(senet_mm))\n'
        'import torch\n'
        'assert isinstance(senet_mm.SEBlock(32), torch.nn.Module)\n'
        'assert not {"mmdet", "mmpretrain"} & set(sys.modules)\n'
    )
    result = run_tool('-c', code)
    assert result.returncode == 0, result.stderr
    with pytest.raises(AttributeError, match="module 'senet_mm' has no attribute 'build'"):
        senet_mm.build  # noqa: B018
