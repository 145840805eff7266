"""Checkpoints of mmdet's detectors: the backbone is taken, the rest is named."""

from pathlib import Path

import mmdet
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

import senet_mm  # noqa: F401
from senet_mm.models import ResNet
from senet_mm.weights.convert import convert, write
from tests.weights.helpers import trained

CONFIGS = Path(mmdet.__file__).parent / '.mim' / 'configs'


@pytest.fixture(scope='module')
def detector():
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / 'retinanet' / 'retinanet_r18_fpn_1x_coco.py')
    cfg.model.backbone.init_cfg = None
    return cfg, trained(MODELS.build(dict(cfg.model, _scope_='mmdet')))


@torch.no_grad()
def test_the_backbone_is_taken(tmp_path, detector):
    cfg, network = detector
    meta = dict(
        config=f'img_norm_cfg = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], to_rgb=False)\n{cfg.pretty_text}'
    )
    torch.save(dict(meta=meta, state_dict=network.state_dict()), tmp_path / 'epoch_12.pth')
    converted = convert(tmp_path / 'epoch_12.pth')
    assert converted.weights.others == ('bbox_head', 'neck')
    assert converted.weights.summary[-1] == 'left out: bbox_head, neck'
    path = write(converted, tmp_path)
    checkpoint = torch.load(path, weights_only=True)
    assert path.name.startswith('resnet18_openmmlab-')
    assert all(key.startswith('backbone.') for key in checkpoint['state_dict'])
    assert checkpoint['meta']['provenance']['classes'] is None
    x = torch.randn(1, 3, 64, 96)
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'epoch_12.pth'))
    ours = ResNet(18, out_indices=(0, 1, 2, 3), init_cfg=init_cfg)
    ours.init_weights()
    for mine, theirs in zip(ours.eval()(x), network.backbone(x), strict=True):
        assert torch.equal(mine, theirs)


def test_the_normalisation_is_the_runs(tmp_path, detector):
    cfg, network = detector
    state = {key: value for key, value in network.state_dict().items() if key.startswith('backbone.')}
    found = {}
    for name, text in (
        ('mmdet 3', cfg.pretty_text),
        ('mmdet 2', 'img_norm_cfg = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False)'
                    "\nmodel = dict(backbone=dict(type='ResNet', depth=18))"),
        ('neither', "model = dict(backbone=dict(type='ResNet', depth=18))"),
    ):  # fmt: skip
        torch.save(dict(meta=dict(config=text), state_dict=state), tmp_path / 'file.pth')
        found[name] = convert(tmp_path / 'file.pth').provenance['input']
    assert found == {
        'mmdet 3': dict(channels='RGB', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        'mmdet 2': dict(channels='BGR', mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0]),
        'neither': None,
    }
