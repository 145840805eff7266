"""Counts against closed forms written out by hand, against torch's own counter, and against complexity.json."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from senet_mm.analysis.complexity import Complexity, build_on_meta, count, count_config
from senet_mm.data.errors import DataError
from senet_mm.data.images.size import image_size
from senet_mm.layers import SEBlock
from senet_mm.models import SEResNet

ROOT = Path(__file__).parents[2]
CONFIGS = sorted([*(ROOT / 'configs').glob('*.py'), *(ROOT / 'configs').glob('ablation/*.py')])
SE_CLASSIFIERS = sorted((ROOT / 'configs').glob('se*_imagenet.py'))
GOLDEN = ROOT / 'senet_mm' / 'results' / 'complexity.json'
COMMAND = 'make tables'
COUNTS = ('parameters', 'macs', 'se_parameters', 'se_macs', 'se_elementwise')


def stem(path):
    return path.stem


@pytest.mark.parametrize(('squeeze', 'pixels', 'reads'), [('avg', 1, 1), ('max', 1, 1), ('none', 64, 0)])
def test_a_small_network_by_hand(squeeze, pixels, reads):
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),  # 16×16 → 8×8
        nn.BatchNorm2d(16),
        nn.Conv2d(16, 16, 3, padding=1, groups=4, bias=False),
        SEBlock(16, ratio=8, squeeze=squeeze),
        nn.Flatten(),
        nn.Linear(16 * 8 * 8, 10),
    )
    se_macs = 2 * (16 * 2) * pixels
    assert count(network, lambda: network(torch.randn(1, 3, 16, 16))) == Complexity(
        parameters=(3 * 9 + 1) * 16 + 2 * 16 + 4 * 9 * 16 + (16 * 2 + 2) + (2 * 16 + 16) + (1024 + 1) * 10,
        se_parameters=(16 * 2 + 2) + (2 * 16 + 16),
        macs=64 * 16 * 27 + 64 * 16 * 36 + se_macs + 1024 * 10,
        se_macs=se_macs,
        se_elementwise=(reads + 1) * 16 * 64,
    )


def test_counting_leaves_the_network_as_it_was():
    network = SEResNet(18)
    before = {name: dict(vars(module)) for name, module in network.named_modules()}
    with pytest.raises(RuntimeError):
        count(network, lambda: network(torch.randn(1, 4, 64, 64)))
    for name, module in network.named_modules():
        assert vars(module).keys() == before[name].keys()
        assert not module._forward_hooks


@pytest.mark.parametrize('name', ['resnet50_imagenet', 'se_resnet50_imagenet'])
def test_resnet50_by_hand(name):
    """The paper's ResNet-50: the stride is in the first 1×1, so a whole bottleneck works at its output's size."""
    macs, parameters = 112**2 * 64 * 3 * 49, 64 * 3 * 49 + 2 * 64
    se_weights, se_biases, elements, inputs = 0, 0, 0, 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width, outputs, pixels = 64 * 2**stage, 256 * 2**stage, (56 // 2**stage) ** 2
        for block in range(blocks):
            weights = inputs * width + 9 * width**2 + width * outputs + (inputs * outputs if block == 0 else 0)
            macs += pixels * weights
            parameters += weights + 2 * (2 * width + outputs) + (2 * outputs if block == 0 else 0)
            se_weights += 2 * outputs * (outputs // 16)
            se_biases += outputs // 16 + outputs
            elements += 2 * outputs * pixels
            inputs = outputs
    macs, parameters = macs + 2048 * 1000, parameters + 2048 * 1000 + 1000
    counts = count_config(Config.fromfile(ROOT / 'configs' / f'{name}.py'))
    if name.startswith('se_'):
        se_parameters = se_weights + se_biases
        expected = Complexity(parameters + se_parameters, se_parameters, macs + se_weights, se_weights, elements)
        assert (expected.se_parameters, expected.se_macs) == (2_530_992, 2_514_944)
    else:
        expected = Complexity(parameters, 0, macs)
        assert (expected.parameters, expected.macs) == (25_557_032, 3_857_973_248)
    assert counts == {'whole': expected}


def test_a_detector_by_hand():
    """Faster R-CNN beside its backbone: FPN, RPN, and two FC layers on each of 1000 proposals."""
    cfg = Config.fromfile(ROOT / 'configs' / 'faster_rcnn_se_r50_2x_coco.py')
    width, height = 256, 128
    counts = count_config(cfg, (width, height))
    pixels = [width * height // 4**level for level in (2, 3, 4, 5, 6)]
    fpn = sum(area * 256 * (inputs + 9 * 256) for area, inputs in zip(pixels, (256, 512, 1024, 2048), strict=False))
    rpn = sum(pixels) * 256 * (9 * 256 + 3 + 4 * 3)
    roi = 1000 * (256 * 49 * 1024 + 1024 * 1024 + 1024 * 81 + 1024 * 4 * 80)
    assert counts['whole'].macs - counts['backbone'].macs == fpn + rpn + roi
    for name in ('se_parameters', 'se_macs', 'se_elementwise'):
        assert getattr(counts['whole'], name) == getattr(counts['backbone'], name) > 0


def test_size_is_the_test_images():
    sizes = {
        name: image_size(Config.fromfile(ROOT / 'configs' / f'{name}.py'))
        for name in ('resnet50_imagenet', 'senet154_320_imagenet', 'faster_rcnn_r50_2x_coco', 'demo/resnet50_demo')
    }
    assert list(sizes.values()) == [(224, 224), (320, 320), (1333, 800), (48, 48)]
    with pytest.raises(DataError, match='does not say how large its test images are: give --input-size'):
        image_size(Config(dict(test_dataloader=dict(dataset=dict(pipeline=[dict(type='PackInputs')])))))


def test_a_larger_image_has_more_operations_and_the_same_parameters():
    cfg = Config.fromfile(ROOT / 'configs' / 'se_resnet50_imagenet.py')
    small, large = (count_config(cfg, (size, size))['whole'] for size in (224, 448))
    fixed = 2048 * 1000 + small.se_macs
    assert large.macs - fixed == 4 * (small.macs - fixed)
    assert large.se_elementwise == 4 * small.se_elementwise
    assert (large.parameters, large.se_macs) == (small.parameters, small.se_macs)


def test_masks_are_refused_rather_than_left_out(tmp_path):
    config = tmp_path / 'mask_rcnn.py'
    config.write_text("_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'\ndefault_scope = 'mmdet'\n")
    with pytest.raises(DataError, match='MaskRCNN is not a one-stage or two-stage detector of boxes'):
        count_config(Config.fromfile(config), (256, 256))


@pytest.mark.parametrize('name', ['se_resnext50_32x4d', 'se_vgg16', 'se_bn_inception', 'se_shufflenet_v1'])
def test_torchs_own_counter_agrees(name):
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}_imagenet.py')
    network, (width, height) = build_on_meta(cfg), image_size(cfg)
    image = torch.empty(1, 3, height, width, device='meta')
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    assert counter.get_total_flops() == 2 * count(network, lambda: network(image)).macs


@pytest.mark.parametrize('path', SE_CLASSIFIERS, ids=stem)
def test_added_parameters_without_biases_are_equation_5(path, monkeypatch):
    """2/r · Σ_s N_s · C_s², from the maps that the blocks rescale; where r does not divide C, 2 · C · ⌊C/r⌋."""
    cfg = Config.fromfile(path)
    cfg.model.backbone.se.bias = False
    ratio, channels, excite = cfg.model.backbone.se.ratio, [], SEBlock.excite

    def recording(block, u):
        channels.append(u.shape[1])
        return excite(block, u)

    network, (width, height) = build_on_meta(cfg), image_size(cfg)
    monkeypatch.setattr(SEBlock, 'excite', recording)
    with torch.no_grad():
        network(torch.empty(1, 3, height, width, device='meta'))
    added = count(network, lambda: None).se_parameters
    assert added == sum(2 * c * max(1, c // ratio) for c in channels) > 0
    if all(c % ratio == 0 for c in channels):
        assert added * ratio == 2 * sum(c**2 for c in channels)
    else:
        assert added * ratio == pytest.approx(2 * sum(c**2 for c in channels), rel=0.05)


def test_every_config_has_the_counts_of_complexity_json():
    golden = {(line['config'], line['part']): line for line in json.loads(GOLDEN.read_text(encoding='utf-8'))}
    found = {}
    for path in CONFIGS:
        for part, counts in count_config(Config.fromfile(path)).items():
            found[path.stem, part] = asdict(counts)
    assert found.keys() == golden.keys(), f'another set of configs; renew it: {COMMAND}'
    changed = {
        key: (counts, {name: golden[key][name] for name in COUNTS})
        for key, counts in found.items()
        if any(counts[name] != golden[key][name] for name in COUNTS)
    }
    assert not changed, f'counts changed; if they should: {COMMAND}'
