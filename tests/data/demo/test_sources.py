import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_image

from senet_mm.data.demo import sources as demo_sources
from senet_mm.data.demo.sources import PHOTOGRAPHS, Pool, load_pools, used
from senet_mm.data.errors import DataError


def test_pools_are_the_whole_of_load_digits_once(pools):
    digits = load_digits()
    indices = np.concatenate([pools['train'].indices, pools['held_out'].indices])
    assert sorted(indices) == list(range(1797))
    assert len(pools['held_out'].indices) == 360
    for pool in pools.values():
        np.testing.assert_array_equal(pool.labels, digits.target[pool.indices])
        np.testing.assert_array_equal(pool.scans * 16, digits.images[pool.indices])
        assert set(pool.labels) == set(range(10))


def test_photographs_are_disjoint_and_read_as_they_are(pools):
    assert not set(PHOTOGRAPHS['train']) & set(PHOTOGRAPHS['held_out'])
    np.testing.assert_array_equal(pools['held_out'].photographs['flower.jpg'], load_sample_image('flower.jpg'))
    for pool in pools.values():
        for photograph in pool.photographs.values():
            assert photograph.dtype == np.uint8
            assert photograph.ndim == 3
            assert min(photograph.shape[:2]) >= 300
            assert photograph.std() > 5  # a picture, not a blank


def test_draws_are_of_the_label_asked(pools):
    rng = np.random.default_rng(0)
    for label in range(10):
        assert pools['train'].labels[pools['train'].draw_scan(rng, label)] == label


def test_used_reports_places_in_load_digits():
    pool = Pool(np.zeros((2, 8, 8), np.float32), np.array([4, 7]), np.array([100, 250]), {})
    assert used(pool, ['b', 'a', 'b'], [1, 0, 1]) == {'photographs': ['a', 'b'], 'digits': [100, 250]}


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(demo_sources, 'find_spec', lambda _: None)
    with pytest.raises(DataError, match=r"pip install 'senet_mm\[demo\]'"):
        load_pools()
    monkeypatch.setitem(__import__('sys').modules, 'sklearn.datasets', None)
    with pytest.raises(DataError, match=r"pip install 'senet_mm\[demo\]'"):
        load_pools()


def test_a_missing_picture_is_named(monkeypatch):
    monkeypatch.setitem(demo_sources.PHOTOGRAPHS['train'], 'gone.png', ('skimage', 'data'))
    with pytest.raises(DataError, match=r'gone\.png is missing: this version of skimage'):
        load_pools()
