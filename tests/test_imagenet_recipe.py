"""What the ImageNet and Places365 configs do to images, where their weights start, and which numbers they name."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope

from senet_mm.engine.crops import make_crops
from senet_mm.registry import MODELS
from senet_mm.results import paper

CONFIGS = Path(__file__).parents[1] / 'configs'
TABLE_2 = [
    *(f'{name}_imagenet' for name in ('resnet50', 'resnet101', 'resnet152', 'resnext50_32x4d', 'resnext101_32x4d')),
    *(f'{name}_imagenet' for name in ('vgg16', 'bn_inception', 'inception_resnet_v2')),
]
FROM_SCRATCH = [*TABLE_2, 'mobilenet_v1_imagenet', 'shufflenet_v1_imagenet', 'resnext152_64x4d_imagenet']
CROPS = {  # config → side of a crop, its least share of the area
    'resnet50_imagenet': (224, 0.08),
    'resnet50_augmented_imagenet': (224, 0.08),
    'resnet152_places365': (224, 0.08),
    'inception_resnet_v2_imagenet': (299, 0.08),
    'senet154_320_imagenet': (320, 0.08),
    'se_mobilenet_v1_imagenet': (224, 0.25),
}
RELEASED = {  # README of github.com/hujie-frank/SENet, top-1 and top-5 error
    'se_bn_inception': (23.62, 7.04),
    'se_resnet50': (22.37, 6.36),
    'se_resnet101': (21.75, 5.72),
    'se_resnet152': (21.34, 5.54),
    'se_resnext50_32x4d': (20.97, 5.54),
    'se_resnext101_32x4d': (19.81, 4.96),
    'senet154': (18.68, 4.47),
}


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


def steps(name):
    """The training pipeline by the transforms' names."""
    init_default_scope('mmpretrain')
    return {step.type.rpartition('.')[2]: step for step in load(name).train_dataloader.dataset.pipeline}


@pytest.mark.parametrize('name', CROPS)
def test_crops_have_the_area_and_the_shape_of_the_protocol(name):
    """Read off an image whose pixels say where they come from: 8 (or 25) to 100 % of it, 3/4 to 4/3."""
    size, least = CROPS[name]
    crop = Compose([steps(name)['RandomResizedCrop']])
    side = 4 * 256
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 4)
    image = np.stack([*np.meshgrid(ramp, ramp), np.zeros((side, side), np.uint8)], axis=2)
    np.random.seed(0)
    areas, shapes = [], []
    for _ in range(150):
        part = crop(dict(img=image))['img'].astype(float)
        assert part.shape == (size, size, 3)
        width, height = (4 * (part[..., axis].max() - part[..., axis].min() + 1) for axis in (0, 1))
        areas.append(width * height / side**2)
        shapes.append(width / height)
    assert least - 0.01 < min(areas) < least + 0.08
    assert 0.92 < max(areas) <= 1
    assert 3 / 4 - 0.03 < min(shapes) < 3 / 4 + 0.06
    assert 4 / 3 - 0.09 < max(shapes) < 4 / 3 + 0.04


@pytest.mark.parametrize('name', CROPS)
def test_half_of_the_images_are_mirrored(name):
    flip = Compose([steps(name)['RandomFlip']])
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.random.seed(0)
    found = [flip(dict(img=image))['img'] for _ in range(200)]
    mirrored = [one for one in found if not np.array_equal(one, image)]
    assert all(np.array_equal(one, image[:, ::-1]) for one in mirrored)
    assert 70 < len(mirrored) < 130


@pytest.mark.parametrize('name', [*CROPS, 'convnext_tiny_imagenet'])
def test_the_mean_colour_becomes_zero(name):
    """That of ImageNet's training images as torchvision gives it, red first; images are read blue first."""
    from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

    cfg = load(name)
    preprocessor = MMPRETRAIN_MODELS.build(dict(type='mmpretrain.ClsDataPreprocessor', **cfg.data_preprocessor))
    red, green, blue = 255 * 0.485, 255 * 0.456, 255 * 0.406
    image = torch.tensor([blue, green, red + 10]).view(3, 1, 1).expand(3, 4, 4)
    found = preprocessor(dict(inputs=[image]))['inputs'][0, :, 0, 0]
    torch.testing.assert_close(found, torch.tensor([10 / (255 * 0.229), 0, 0]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', FROM_SCRATCH)
def test_weights_start_as_hes(name):
    """N(0, √(2/(k²·outputs))) in a wide convolution; no weights of another network."""
    cfg = load(name)
    assert 'init_cfg' not in cfg.model.backbone
    assert cfg.load_from is None
    backbone = MODELS.build(dict(cfg.model.backbone, **small(cfg.model.backbone)))
    backbone.init_weights()
    convolutions = [one for one in backbone.modules() if isinstance(one, torch.nn.Conv2d) and one.groups == 1]
    wide = max(convolutions, key=lambda one: one.weight.numel())
    fan_out = wide.out_channels * wide.kernel_size[0] * wide.kernel_size[1]
    wanted, number = math.sqrt(2 / fan_out), wide.weight.numel()
    assert wide.weight.std().item() == pytest.approx(wanted, rel=5 / math.sqrt(2 * number))  # five standard errors
    assert abs(wide.weight.mean().item()) < 5 * wanted / math.sqrt(number)


def small(backbone):
    """What makes a deep network shallow: initialisation is the same in all layers."""
    return dict(depth=50) if backbone.get('depth', 0) > 50 else {}


def test_places365_is_tested_and_trained_as_the_protocol_says():
    for name in ('resnet152_places365', 'se_resnet152_places365'):
        cfg = load(name)
        assert make_crops('places365', cfg.test_dataloader.dataset.pipeline).pipeline == list(
            cfg.test_dataloader.dataset.pipeline
        )
        assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == 365
        assert 'init_cfg' not in cfg.model.backbone
        assert (cfg.load_from, cfg.model.backbone.depth) == (None, 152)
        for part in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr'):
            assert cfg[part] == load('resnet152_imagenet')[part], part


@pytest.mark.parametrize('name', RELEASED)
def test_released_networks_have_numbers_of_their_own(name):
    stem = f'{name}_released_imagenet'
    top1, top5 = RELEASED[name]
    assert paper.RELEASED[stem] == (top1, top5)
    assert f'{top1:.2f} / {top5:.2f} %' in (CONFIGS / f'{stem}.py').read_text()
    assert paper.paper_value(stem, 'top1_err') is None


def test_senet154_is_the_network_that_is_compared_with_the_released_one():
    """tests/models/test_resnet_released.py: timm's weights give timm's logits with these options."""
    from tests.models.test_resnet_released import SENET_154

    for name in ('senet154', 'senet154_320', 'resnext152_64x4d'):
        backbone = load(f'{name}_imagenet').model.backbone.to_dict()
        assert backbone.pop('type') == 'senet_mm.ResNeXt'
        assert backbone.pop('style') == 'pytorch'
        assert backbone.pop('se', dict(ratio=16)) == dict(ratio=16)
        assert backbone == SENET_154
