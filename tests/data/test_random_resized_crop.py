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


@pytest.mark.parametrize(('interpolation', 'most'), [('bilinear', 2), ('bicubic', 3)])
def test_pytorch_resizes_as_pillow_but_for_rounding(photographs, interpolation, most):
    options = dict(scale=224, interpolation=interpolation)
    found, wanted = (
        crops(RandomResizedCrop(**options, backend=name), photographs).astype(int) for name in ('torch', 'pillow')
    )
    difference = np.abs(found - wanted)
    assert difference.max() <= most
    assert (difference > 0).mean() < 0.05
    assert abs((found - wanted).mean()) < 0.02  # neither brighter nor darker


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"backend='turbo' of RandomResizedCrop: allowed are 'pillow', 'cv2', 'torch'"):
        RandomResizedCrop(224, backend='turbo')
    with pytest.raises(ValueError, match="interpolation='area' with backend='torch': allowed are 'bilinear' and"):
        RandomResizedCrop(224, backend='torch', interpolation='area')


def test_the_configs_use_it():
    from mmengine.config import Config

    for stem in ('resnet50', 'senet154_320', 'se_mobilenet_v1', 'inception_resnet_v2', 'convnext_tiny'):
        names = [step.type for step in Config.fromfile(f'configs/{stem}_imagenet.py').train_dataloader.dataset.pipeline]
        assert names[:2] == ['LoadImageFromFile', 'senet_mm.RandomResizedCrop'], stem
