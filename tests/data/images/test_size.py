"""Sizes on command lines and in configs."""

import argparse

import pytest
from mmengine.config import Config

from senet_mm.data.errors import DataError
from senet_mm.data.images.size import image_size, parse_size


def test_width_and_height():
    assert parse_size('224') == (224, 224)
    assert parse_size('1333x800') == (1333, 800)
    for wrong in ('0', '-1', '1x', 'x2', '12.5', '3x4x5', ''):
        with pytest.raises(argparse.ArgumentTypeError, match='is not a size'):
            parse_size(wrong)


@pytest.mark.parametrize(
    ('stem', 'size'),
    [
        ('resnet50_imagenet', (224, 224)),
        ('senet154_320_imagenet', (320, 320)),
        ('faster_rcnn_r50_2x_coco', (1333, 800)),
        ('demo/resnet50_demo', (48, 48)),
        ('convnext_tiny_imagenet', (224, 224)),
        ('resnet110_cifar10', (32, 32)),
        ('se_resnet110_cifar100', (32, 32)),
    ],
)
def test_a_config_says_how_large_its_test_images_are(stem, size):
    assert image_size(Config.fromfile(f'configs/{stem}.py')) == size


def test_a_config_that_does_not_say():
    with pytest.raises(DataError, match='does not say how large its test images are: give --input-size'):
        image_size(Config(dict(test_dataloader=dict(dataset=dict(pipeline=[dict(type='PackInputs')])))))
