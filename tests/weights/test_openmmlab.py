"""Checkpoints of mmpretrain's classifiers: same weights, same logits; what their configs say goes along."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.weights.convert import convert, write
from tests.weights.helpers import check_conversion, trained

import_without_mmdet()
import mmpretrain  # noqa: E402
from mmpretrain.registry import MODELS  # noqa: E402

CONFIGS = Path(mmpretrain.__file__).parent / '.mim' / 'configs'


class Logits(torch.nn.Module):
    """A classifier of mmpretrain's as an image → its logits."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, x):
        return self.classifier.head(self.classifier.extract_feat(x))


def checkpoint(cfg, path, num_classes=30):
    """Save a checkpoint as a run of `cfg` does; return its network."""
    cfg.model.head.num_classes = num_classes
    classifier = MODELS.build(cfg.model)
    trained(classifier).eval()  # mmpretrain's backbones return None from eval()
    torch.save(dict(meta=dict(cfg=cfg.pretty_text, epoch=3), state_dict=classifier.state_dict()), path)
    return Logits(classifier)


@pytest.mark.parametrize(
    ('config', 'ours', 'backbone'),
    [
        ('seresnet/seresnet50_8xb32_in1k', 'se_resnet50', dict(se=dict(ratio=16), style='pytorch')),
        ('seresnet/seresnext50-32x4d_8xb32_in1k', 'se_resnext50_32x4d', dict(groups=32, se=dict(ratio=16))),
        ('resnet/resnetv1d50_8xb32_in1k', 'resnet50d', dict(deep_stem=True, avg_down=True)),
        ('resnet/resnetv1c50_8xb32_in1k', 'resnet50c', dict(deep_stem=True)),
    ],
)
def test_logits_are_the_same(tmp_path, config, ours, backbone):
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / f'{config}.py')
    network = checkpoint(cfg, tmp_path / 'epoch_3.pth')
    provenance = check_conversion(network, tmp_path / 'epoch_3.pth', tmp_path)
    assert (provenance['source'], provenance['architecture'], provenance['classes']) == ('openmmlab', ours, 30)
    assert backbone.items() <= provenance['backbone'].items()
    assert provenance['backbone']['ceil_pool'] is False
    assert provenance['input'] == dict(channels='RGB', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def test_the_other_style(tmp_path):
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / 'seresnet' / 'seresnet50_8xb32_in1k.py')
    cfg.model.backbone.style = 'caffe'
    cfg.data_preprocessor.update(mean=[103.53, 116.28, 123.675], std=[1, 1, 1], to_rgb=False)
    network = checkpoint(cfg, tmp_path / 'epoch_3.pth')
    provenance = check_conversion(network, tmp_path / 'epoch_3.pth', tmp_path)
    assert provenance['backbone']['style'] == 'caffe'
    assert provenance['input'] == dict(channels='BGR', mean=[103.53, 116.28, 123.675], std=[1, 1, 1])


@torch.no_grad()
def test_an_own_run_with_its_config(tmp_path):
    """A run of ours with a three-layer head, through its config: what mmpretrain builds then has the same logits."""
    torch.manual_seed(0)
    config = tmp_path / 'se_vgg_tiny.py'
    config.write_text(
        f"_base_ = '{Path('configs/se_vgg16_imagenet.py').resolve()}'\n"
        "model = dict(backbone=dict(depth=11, se=dict(gate='tanh')), head=dict(num_classes=5, mid_channels=[24, 16]))\n"
    )
    cfg = Config.fromfile(config)
    network = trained(MODELS.build(cfg.model))
    state = dict(meta=dict(cfg=cfg.pretty_text), state_dict=network.state_dict(), optimizer=dict(state={}))
    torch.save(state, tmp_path / 'epoch_1.pth')
    converted = torch.load(write(convert(tmp_path / 'epoch_1.pth', config=config), tmp_path / 'out.pth'))
    assert set(converted) == {'meta', 'state_dict'}
    assert converted['meta']['provenance']['backbone']['se'] == dict(ratio=16, gate='tanh')
    again = MODELS.build(cfg.model)
    again.load_state_dict(converted['state_dict'])
    x = torch.randn(1, 3, 224, 224)
    assert torch.equal(Logits(network.eval())(x), Logits(again.eval())(x))
