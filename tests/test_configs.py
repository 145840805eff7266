"""Every config parses and has a unique stem; SE ones differ from plain ones in SE and weights only."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from senet_mm.layers import SEBlock
from senet_mm.registry import MODELS
from senet_mm.results.runs import plain_name

ROOT = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted(path for path in ROOT.rglob('*.py') if '_base_' not in path.parts)
PAIRS = [path for path in CONFIGS if (path.parent / f'{plain_name(path.stem)}.py').is_file()]


def name(path):
    return str(path.relative_to(ROOT))


def test_stems_are_unique():
    stems = [path.stem for path in CONFIGS]
    assert len(set(stems)) == len(stems)


@pytest.mark.parametrize('path', CONFIGS, ids=name)
def test_header_says_command_expectation_and_paper(path):
    header = path.read_text().split('_base_')[0]
    assert re.search(r'^#   (tools/|make demo)', header, re.MULTILINE), 'no command'
    if 'demo' not in path.parts:
        assert 'Expected: ' in header
        assert re.search(r'^# Paper: ', header, re.MULTILINE)
        assert name(path) in header


@pytest.mark.parametrize('path', CONFIGS, ids=name)
def test_backbone_builds(path):
    import torch

    options = Config.fromfile(path).model.backbone
    options.init_cfg = None
    with torch.device('meta'):
        backbone = MODELS.build(options)
    if options.type == 'senet_mm.WithSE':  # somebody else's network
        assert any(isinstance(module, SEBlock) for module in backbone.modules()) == ('se' in options)
    else:
        assert len(backbone.out_channels) == len(backbone.strides)


@pytest.mark.parametrize('path', PAIRS, ids=name)
def test_se_config_differs_in_se_and_weights_only(path):
    se = Config.fromfile(path).to_dict()
    plain = Config.fromfile(path.parent / f'{plain_name(path.stem)}.py').to_dict()
    assert se['model']['backbone'].pop('se')['ratio'] == 16
    assert 'se' not in plain['model']['backbone']
    for config in (se, plain):
        config['model']['backbone'].get('init_cfg', {}).pop('checkpoint', None)
    assert se == plain


def test_there_are_pairs():
    assert {'faster_rcnn_se_r50_2x_coco', 'faster_rcnn_se_r101_2x_coco', 'se_resnet50_imagenet'} <= {
        path.stem for path in PAIRS
    }


def test_strides_and_test_are_the_papers():
    """Its schedules: tests/test_schedules.py."""
    cfg = Config.fromfile(ROOT / 'se_resnet50_imagenet.py')
    assert cfg.model.backbone.style == 'caffe'
    assert [step['type'] for step in cfg.test_dataloader.dataset.pipeline] == [
        'LoadImageFromFile',
        'ResizeEdge',
        'CenterCrop',
        'PackInputs',
    ]


def test_any_stock_detector_takes_an_se_backbone():
    import torch
    from mmdet.registry import MODELS as MMDET_MODELS

    cfg = Config.fromfile(ROOT / 'retinanet_se_r50_1x_coco.py')
    cfg.model.backbone.init_cfg = None
    with torch.device('meta'):
        detector = MMDET_MODELS.build(dict(cfg.model, type='mmdet.RetinaNet', _scope_='mmdet'))
    assert type(detector.backbone).__name__ == 'SEResNet'
    assert detector.neck.in_channels == [256, 512, 1024, 2048]
