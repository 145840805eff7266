import numpy as np
import pytest
from mmpretrain.datasets.transforms import RandomResizedCrop as MMPretrainRandomResizedCrop
from PIL import Image

from senet_mm.data.random_resized_crop import RandomResizedCrop


@pytest.fixture(scope='module')
def photographs(pools):
    """Some of the demo's, with the sizes of ImageNet's images."""
    found = [photograph for pool in pools.values() for photograph in pool.photographs.values()]
    return [np.asarray(Image.fromarray(photograph).resize((500, 375))) for photograph in found[:8]]


def crops(transform, images):
    np.random.seed(3)
    found = [transform.transform(dict(img=image.copy())) for image in images]
    assert all(one['img_shape'] == one['img'].shape and one['img'].flags.c_contiguous for one in found)
    return np.stack([one['img'] for one in found])


@pytest.mark.parametrize(
    'options',
    [
        dict(scale=224, backend='pillow'),
        dict(scale=(96, 160), backend='pillow', crop_ratio_range=(0.25, 1.0)),
        dict(scale=224, backend='pillow', interpolation='bicubic'),
        dict(scale=224, backend='cv2'),
    ],
)
def test_draws_and_pixels_are_mmpretrains(photographs, options):
    found, wanted = (crops(kind(**options), photographs) for kind in (RandomResizedCrop, MMPretrainRandomResizedCrop))
    np.testing.assert_array_equal(found, wanted)


def test_the_configs_use_it():
    from mmengine.config import Config

    for stem in ('resnet50', 'senet154_320', 'se_mobilenet_v1', 'inception_resnet_v2', 'convnext_tiny'):
        names = [step.type for step in Config.fromfile(f'configs/{stem}_imagenet.py').train_dataloader.dataset.pipeline]
        assert names[:2] == ['LoadImageFromFile', 'senet_mm.RandomResizedCrop'], stem
