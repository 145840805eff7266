"""Every protocol of --crops against crops cut by hand, with PIL and NumPy, from real photographs."""

import math

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image
from skimage import data as pictures

from senet_mm.data.errors import DataError
from senet_mm.engine.crops import PROTOCOLS, make_crops

CONFIG = 'configs/resnet50_imagenet.py'


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
    """An upright and a flat image, in lossless files."""
    folder = tmp_path_factory.mktemp('photographs')
    chelsea = pictures.chelsea()  # 300 × 451
    for name, image in {'flat': chelsea, 'upright': chelsea.transpose(1, 0, 2)[:, 40:253]}.items():
        Image.fromarray(np.ascontiguousarray(image)).save(folder / f'{name}.png')
    return folder


def packed(protocol, path, config=CONFIG, **options):
    """What the network gets: (V,3,S,S), red first, and the samples."""
    init_default_scope('mmpretrain')
    crops = make_crops(protocol, Config.fromfile(config).test_dataloader.dataset.pipeline, **options)
    found = Compose(crops.pipeline)(dict(img_path=str(path), gt_label=3))
    views = found['inputs'] if crops.count > 1 else [found['inputs']]
    assert len(views) == crops.count
    return torch.stack(views).flip(1).numpy(), found['data_samples']


def resized(path, edge):
    """Shorter side `edge`; mmpretrain cuts the other side's fraction off, PIL resizes."""
    image = Image.open(path).convert('RGB')
    width, height = image.size
    size = (edge, int(edge * height / width)) if width < height else (int(edge * width / height), edge)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def center(image, size):
    top, left = (round((side - size) / 2) for side in image.shape[:2])
    return image[top : top + size, left : left + size]


def ten(image, size):
    """Corners and centre, each mirrored and as it is."""
    corners = [image[:size, :size], image[:size, -size:], image[-size:, :size], image[-size:, -size:]]
    return [view for crop in (*corners, center(image, size)) for view in (crop[:, ::-1], crop)]


def channels_first(views):
    return np.stack(views).transpose(0, 3, 1, 2)


@pytest.mark.parametrize('name', ['flat', 'upright'])
@pytest.mark.parametrize(('size', 'edge'), [(224, 256), (299, 352), (320, 352)])
def test_centre_crops(photographs, name, size, edge):
    found, sample = packed(f'center-{size}', photographs / f'{name}.png')
    np.testing.assert_array_equal(found, channels_first([center(resized(photographs / f'{name}.png', edge), size)]))
    assert sample.gt_label.item() == 3


@pytest.mark.parametrize('name', ['flat', 'upright'])
def test_places365_resizes_both_sides(photographs, name):
    found, _ = packed('places365', photographs / f'{name}.png')
    image = Image.open(photographs / f'{name}.png').resize((256, 256), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(found, channels_first([np.asarray(image)[16:240, 16:240]]))


@pytest.mark.parametrize('name', ['flat', 'upright'])
@pytest.mark.parametrize(('size', 'edge'), [(224, 256), (299, 352), (320, 352)])
def test_ten_crops(photographs, name, size, edge):
    path = photographs / f'{name}.png'
    found, samples = packed(f'ten-{size}', path)
    np.testing.assert_array_equal(found, channels_first(ten(resized(path, edge), size)))
    assert [sample.gt_label.item() for sample in samples] == [3] * 10
    assert {sample.img_path for sample in samples} == {str(path)}


@pytest.mark.parametrize(
    ('size', 'options', 'edges'),
    [
        (224, {}, [224, 256, 288, 320, 352, 384]),
        (299, {}, [299, 342, 384, 427, 470, 513]),
        (224, dict(scales=[256, 300]), [256, 300]),
        (224, dict(scales=[256]), [256]),
    ],
)
def test_ten_crops_at_several_scales(photographs, size, options, edges):
    path = photographs / 'upright.png'
    found, _ = packed(f'multi-{size}', path, **options)
    expected = [view for edge in edges for view in ten(resized(path, edge), size)]
    np.testing.assert_array_equal(found, channels_first(expected))


def test_the_scales_of_320_are_in_the_proportion_of_224():
    steps = make_crops('multi-320', [dict(type='Load'), dict(type='Pack')]).pipeline[1]['transforms'][0]
    assert [step['scale'] for step in steps] == [round(math.prod((320, 1 / 224, edge))) for edge in range(224, 385, 32)]


def test_the_configs_own_pipeline_is_one_of_them():
    for config, protocol in [
        ('resnet50', 'center-224'),
        ('inception_resnet_v2', 'center-299'),
        ('senet154_320', 'center-320'),
    ]:
        pipeline = Config.fromfile(f'configs/{config}_imagenet.py').test_dataloader.dataset.pipeline
        assert make_crops(protocol, pipeline).pipeline == pipeline


def test_the_library_that_resizes_stays_the_configs():
    pipeline = [dict(type='Load'), dict(type='ResizeEdge', scale=9, backend='cv2'), dict(type='Pack')]
    for protocol in PROTOCOLS:
        crops = make_crops(protocol, pipeline)
        assert "'backend': 'cv2'" in str(crops.pipeline)
        assert crops.pipeline[0] == dict(type='Load')
    assert pipeline[1]['scale'] == 9


@pytest.mark.parametrize(
    ('protocol', 'pipeline', 'scales', 'message'),
    [
        ('center', ['Load', 'Pack'], None, '--crops center: there are center-224, center-299, .*places365'),
        ('ten-224', ['Load', 'CenterCrop', 'Blur', 'Pack'], None, 'The test pipeline has Load, CenterCrop, Blur, Pack'),
        ('ten-224', ['Resize', 'Pack'], None, 'between loading and packing'),
        ('ten-224', ['Normalize', 'Pack'], None, 'as those of ImageNet: .* has Normalize, Pack'),  # CIFAR's
        ('ten-224', ['Load', 'Pack'], [256], '--crops ten-224 has one scale'),
        ('multi-224', ['Load', 'Pack'], [256, 200], r'crop_scales=\[256, 200\]: each is an integer of 224 or more'),
    ],
)
def test_mistakes(protocol, pipeline, scales, message):
    with pytest.raises(DataError, match=message):
        make_crops(protocol, [dict(type=kind) for kind in pipeline], scales)
