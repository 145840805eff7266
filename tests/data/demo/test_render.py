import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senet_mm.data.demo.render import MARGIN, crop_photograph, render_ink, render_scene
from senet_mm.data.demo.sources import Pool, load_pools

POOL = load_pools()['train']


def blank(grey):
    """A pool whose only photograph is of one grey, so that every change of a pixel is ink."""
    return Pool(POOL.scans, POOL.labels, POOL.indices, {'blank': np.full((300, 400, 3), grey, np.uint8)})


@settings(max_examples=60, deadline=None)
@given(
    scan=st.integers(0, len(POOL.scans) - 1),
    side=st.floats(16, 100),
    angle=st.floats(-15, 15),
    stretch=st.floats(0.7, 1.4),
)
def test_ink_is_cut_tightly_and_as_long_as_asked(scan, side, angle, stretch):
    ink = render_ink(POOL.scans[scan], side, angle, stretch)
    assert ink.min() >= 0
    assert ink.max() <= 1
    for border in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
        assert border.max() >= 0.5
    assert round(side) - 2 <= max(ink.shape) <= round(side)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), grey=st.sampled_from([0, 60, 128, 200, 255]))
def test_boxes_are_those_of_the_painted_pixels(seed, grey):
    """On a blank the half-ink pixels are those that moved half as far as the most moved one."""
    scene = render_scene(np.random.default_rng(seed), blank(grey), 160, [3, 0, 8], (24, 80))
    assert 1 <= len(scene.placements) <= 3
    moved = np.abs(scene.image.astype(int) - grey).sum(-1)
    for placement in scene.placements:
        x, y, width, height = placement.box
        around = moved[y - MARGIN : y + height + MARGIN, x - MARGIN : x + width + MARGIN]
        most = around.max()
        assert most > 60  # visible: in one channel or together
        rounding = 3
        surely = np.argwhere(around >= most / 2 + rounding)
        perhaps = np.argwhere(around >= most / 2 - rounding)
        inner = np.array([surely.min(0), surely.max(0)])
        outer = np.array([perhaps.min(0), perhaps.max(0)])
        box = np.array([[MARGIN, MARGIN], [MARGIN + height - 1, MARGIN + width - 1]])
        assert (outer[0] <= box[0]).all()
        assert (box[0] <= inner[0]).all()
        assert (inner[1] <= box[1]).all()
        assert (box[1] <= outer[1]).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_digits_stay_inside_and_apart(seed):
    scene = render_scene(np.random.default_rng(seed), blank(128), 160, [1, 2, 3], (24, 80))
    taken = np.zeros((160, 160), int)
    for x, y, width, height in (placement.box for placement in scene.placements):
        assert min(x, y) >= MARGIN
        assert max(x + width, y + height) <= 160 - MARGIN
        taken[y : y + height, x : x + width] += 1
    assert taken.max() == 1


def test_labels_are_those_of_the_scans():
    scene = render_scene(np.random.default_rng(5), POOL, 160, [7, 4], (24, 30))
    assert [placement.label for placement in scene.placements] == [7, 4]
    assert [POOL.labels[placement.scan] for placement in scene.placements] == [7, 4]


def test_ink_is_light_on_black_and_dark_on_white():
    for grey, sign in ((0, 1), (255, -1)):
        image = render_scene(np.random.default_rng(1), blank(grey), 64, [0], (40, 50)).image.astype(int)
        assert (sign * (image - grey) >= 0).all()
        assert np.abs(image - grey).max() > 80


def test_ink_of_a_known_scan_keeps_its_shape():
    bar = np.zeros((8, 8), np.float32)
    bar[:, 3:5] = 1  # 8 high, 2 wide
    ink = render_ink(bar, 40)
    height, width = ink.shape
    assert height in (39, 40)
    assert height / width == pytest.approx(4, rel=0.15)
    assert ink.mean() > 0.9


def test_crop_of_a_blank_is_that_blank():
    crop = crop_photograph(np.random.default_rng(0), np.full((50, 90, 3), 51, np.uint8), 160)
    assert crop.shape == (160, 160, 3)
    np.testing.assert_allclose(crop, 0.2, atol=1e-4)
