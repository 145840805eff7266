"""Pixel jitter, and the rotation beside it in the released networks' augmentation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope

from senet_mm.registry import TRANSFORMS

CONFIG = 'configs/resnet50_augmented_imagenet.py'


def jitter(image, amount=20, seed=0):
    np.random.seed(seed)
    transform = TRANSFORMS.build(dict(type='senet_mm.PixelJitter', amount=amount))
    return transform(dict(img=image))['img']


def test_the_noise_is_uniform_and_of_each_pixel_and_channel():
    image = np.full((300, 400, 3), 128, np.uint8)
    noise = jitter(image).astype(int) - 128
    values, counts = np.unique(noise, return_counts=True)
    assert values.tolist() == list(range(-20, 21))
    expected = noise.size / 41
    assert np.abs(counts - expected).max() < 6 * expected**0.5
    flat = noise.reshape(-1, 3)
    neighbours = np.stack([noise[:, :-1].ravel(), noise[:, 1:].ravel()])
    for related in (flat.T[:2], flat.T[1:], neighbours):
        assert abs(np.corrcoef(related)[0, 1]) < 0.02


@settings(deadline=None, max_examples=30)
@given(amount=st.integers(0, 255), level=st.integers(0, 255), seed=st.integers(0, 9))
def test_it_stays_within_the_range_and_the_image(amount, level, seed):
    image = np.full((6, 5, 3), level, np.uint8)
    changed = jitter(image, amount, seed)
    assert changed.dtype == np.uint8
    assert (image == level).all(), 'the image read from disk is not changed'
    np.random.seed(seed)
    noise = np.random.randint(-amount, amount + 1, image.shape, dtype=np.int16)
    np.testing.assert_array_equal(changed, [[[min(max(level + n, 0), 255) for n in p] for p in row] for row in noise])


@pytest.mark.parametrize('amount', [-1, 256, 2.5])
def test_an_impossible_amount_is_refused(amount):
    with pytest.raises(ValueError, match=f'amount={amount}: PixelJitter takes an integer from 0 to 255'):
        jitter(np.zeros((2, 2, 3), np.uint8), amount)


def test_a_normalised_image_is_refused():
    with pytest.raises(ValueError, match='not float32: put it before normalisation'):
        jitter(np.zeros((2, 2, 3), np.float32))


@pytest.fixture(scope='module')
def rotate():
    """The rotation of the config, as a function of an image."""
    init_default_scope('mmpretrain')
    pipeline = Config.fromfile(CONFIG).train_dataloader.dataset.pipeline
    names = [step['type'] for step in pipeline]
    assert names[1:] == ['senet_mm.RandomResizedCrop', 'RandomFlip', 'Rotate', 'senet_mm.PixelJitter', 'PackInputs']
    transform = Compose([pipeline[3]])
    return lambda image: transform(dict(img=image))['img']


def test_the_rotation_is_uniform_within_ten_degrees(rotate):
    """A bright spot right of the centre: its angle is that of the rotation."""
    image = np.zeros((201, 201, 3), np.uint8)
    image[97:104, 177:184] = 255
    np.random.seed(0)
    angles = []
    for _ in range(400):
        rows, columns = np.nonzero(rotate(image)[:, :, 0] > 127)
        near = np.hypot(rows - 100, columns - 100) < 95  # not the corners, which come from outside
        angles.append(np.degrees(np.arctan2(100 - rows[near].mean(), columns[near].mean() - 100)))
    angles = np.array(angles)
    assert np.abs(angles).max() <= 10.3
    counts, _ = np.histogram(angles, bins=4, range=(-10.3, 10.3))
    assert counts.min() > 70
    assert abs(np.mean(angles)) < 1.2


def test_what_comes_from_outside_has_the_mean_colour(rotate):
    cfg = Config.fromfile(CONFIG)
    np.random.seed(3)
    corner = rotate(np.zeros((200, 200, 3), np.uint8))[0, 0]
    assert np.abs(corner[::-1] - np.array(cfg.data_preprocessor.mean)).max() < 1
