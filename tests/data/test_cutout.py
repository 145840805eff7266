"""Cutout against its definition, pixel by pixel, and the distribution of its holes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmengine.registry import TRANSFORMS
from scipy.stats import chisquare

from senet_mm.data.cutout import Cutout


def build(size, centre=None):
    cutout = TRANSFORMS.build(dict(type='senet_mm.Cutout', size=size))
    if centre is not None:
        cutout.draw_centre = lambda height, width: centre
    return cutout


@settings(deadline=None)
@given(
    half=st.integers(1, 20),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    where=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
)
def test_the_hole_is_the_square_around_the_centre_clipped_at_the_border(half, shape, where):
    row, column = (int(length * fraction) for length, fraction in zip(shape, where, strict=True))
    image = np.random.default_rng(0).uniform(1, 2, (*shape, 3)).astype(np.float32)
    before = image.copy()
    result = build(2 * half, (row, column)).transform(dict(img=image, gt_label=3))
    expected = np.array(
        [
            [
                np.zeros(3) if -half <= y - row < half and -half <= x - column < half else before[y, x]
                for x in range(shape[1])
            ]
            for y in range(shape[0])
        ]
    )
    np.testing.assert_array_equal(result['img'], expected)
    np.testing.assert_array_equal(image, before)
    assert result['gt_label'] == 3


@pytest.mark.parametrize('size', [16, 8])
def test_every_image_loses_one_square_of_any_place_alike(size):
    np.random.seed(7)
    cutout, ones = build(size), np.ones((32, 32, 3), np.float32)
    counts, half = np.zeros((32, 32)), size // 2
    for _ in range(6 * 32 * 32):
        cut = cutout.transform(dict(img=ones))['img'][..., 0] == 0
        assert cut.any()
        centre = []
        for along in (cut.any(1), cut.any(0)):  # the square, less what is beyond the border
            first, last = np.flatnonzero(along)[[0, -1]]
            centre.append(first + half if first else last + 1 - half)
            assert along.sum() == min(centre[-1] + half, 32) - max(centre[-1] - half, 0)
        assert cut.sum() == cut.any(1).sum() * cut.any(0).sum()
        counts[tuple(centre)] += 1
    assert chisquare(counts.ravel()).pvalue > 1e-3


def test_it_comes_after_normalisation_so_that_the_hole_has_the_mean_colour():
    mean, std = [125.3, 123.0, 113.9], [63.0, 62.1, 66.7]
    steps = Compose([dict(type='Normalize', mean=mean, std=std, to_rgb=False), build(16, (0, 0))])
    image = steps(dict(img=np.full((32, 32, 3), 255, np.uint8)))['img']
    np.testing.assert_array_equal(image[:8, :8] * std + mean, np.broadcast_to(mean, (8, 8, 3)))
    np.testing.assert_allclose(image[8:] * std + mean, 255, rtol=1e-6)


@pytest.mark.parametrize('size', [15, 0, -2])
def test_a_side_that_cannot_be_halved_is_refused(size):
    with pytest.raises(ValueError, match=f'size={size}: .* positive even number'):
        Cutout(size)
