"""Corner crops against torchvision's five crops and against slices."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.functional import five_crop

from senet_mm.data.crops import CORNERS
from senet_mm.registry import TRANSFORMS


def crop(image, size, corner):
    return TRANSFORMS.build(dict(type='senet_mm.CornerCrop', crop_size=size, corner=corner))(dict(img=image))


@given(height=st.integers(1, 12), width=st.integers(1, 12), data=st.data())
def test_the_corners_are_torchvisions(height, width, data):
    size = data.draw(st.integers(1, min(height, width)))
    image = np.arange(height * width * 3).reshape(height, width, 3)
    expected = five_crop(torch.tensor(image).permute(2, 0, 1), [size, size])[:4]
    for corner, theirs in zip(CORNERS, expected, strict=True):
        found = crop(image, size, corner)
        np.testing.assert_array_equal(found['img'], theirs.permute(1, 2, 0).numpy())
        assert found['img_shape'] == (size, size)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match='a corner of 4×4 does not fit into an image of 3×9'):
        crop(np.zeros((3, 9, 3)), 4, 'top-left')
    with pytest.raises(ValueError, match="corner='left': CornerCrop takes top-left, top-right"):
        crop(np.zeros((3, 9, 3)), 2, 'left')
    with pytest.raises(ValueError, match='crop_size=0'):
        crop(np.zeros((3, 9, 3)), 0, 'top-left')


def test_views_of_views_are_joined_in_their_order():
    join = TRANSFORMS.build(dict(type='senet_mm.JoinViews'))
    found = join(dict(inputs=[[1, 2], [3], [4, 5]], data_samples=[['a', 'b'], ['c'], ['d', 'e']]))
    assert found == dict(inputs=[1, 2, 3, 4, 5], data_samples=['a', 'b', 'c', 'd', 'e'])
