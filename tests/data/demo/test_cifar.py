import numpy as np
import pytest
from sklearn.datasets import load_digits

from senet_mm.data.cifar.files import read_cifar
from senet_mm.data.demo.cifar import PARTS, draw_order, enlarge, write_demo_cifar
from senet_mm.data.demo.preparation import SIZES as FULL
from senet_mm.data.demo.sources import DIGIT_NAMES
from senet_mm.data.errors import DataError
from tests.conftest import SIZES
from tests.data.small import listing


@pytest.mark.parametrize('part', PARTS, ids=lambda part: part.name)
def test_each_image_is_a_scan_of_its_label(demo, pools, part):
    found = read_cifar(demo / 'cifar10', 'cifar10', part.name)
    digits = load_digits()
    assert len(found.labels) == SIZES['cifar10'][part.name]
    assert found.classes == DIGIT_NAMES
    order = draw_order(pools[part.pool], part, len(found.labels), seed=3)
    for image, label, scan in zip(found.images, found.labels, pools[part.pool].indices[order], strict=True):
        assert np.array_equal(image[0], image[1])
        assert np.array_equal(image[0], image[2])
        assert label == digits.target[scan]
        blocks = image[0].reshape(8, 4, 8, 4).mean((1, 3)) / 255 * 16  # each 4×4 stands for a pixel of the scan
        distances = np.abs(digits.images - blocks).mean((1, 2))
        assert np.argmin(distances) == scan
        assert distances[scan] < 1


def test_the_whole_demo_has_every_scan_once_and_the_last_writers_held_out(tmp_path, pools):
    sources = write_demo_cifar(tmp_path, pools, FULL['cifar10'], seed=0)
    assert sources['train'] == {'photographs': [], 'digits': list(range(1437))}
    assert sources['test'] == {'photographs': [], 'digits': list(range(1437, 1797))}
    targets = load_digits().target
    for split, wanted in (('train', targets[:1437]), ('test', targets[1437:])):
        assert np.bincount(read_cifar(tmp_path, 'cifar10', split).labels).tolist() == np.bincount(wanted).tolist()
    assert listing(tmp_path / 'cifar-10-batches-py') == [
        'batches.meta',
        *(f'data_batch_{number}' for number in range(1, 6)),
        'test_batch',
    ]


def test_the_order_is_the_seeds_and_a_smaller_demo_is_its_beginning(pools):
    part = PARTS[0]
    order = draw_order(pools['train'], part, 100, seed=1)
    assert np.array_equal(draw_order(pools['train'], part, 10, seed=1), order[:10])
    assert not np.array_equal(draw_order(pools['train'], part, 100, seed=2), order)


def test_enlarging_is_smooth_and_keeps_black_and_white():
    assert not enlarge(np.zeros((8, 8), np.float32)).any()
    assert (enlarge(np.ones((8, 8), np.float32)) == 255).all()
    edge = np.zeros((8, 8), np.float32)
    edge[:, 4:] = 1
    row = enlarge(edge)[0, 16].astype(int)
    assert (row[:12] <= 0).all()
    assert (row[-12:] >= 255).all()
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() < 80  # not the step of 255 that repeating pixels would give


def test_more_than_there_are_is_refused(tmp_path, pools):
    with pytest.raises(DataError, match='cifar10 test: 361 images wanted of the 360 scans there are'):
        write_demo_cifar(tmp_path, pools, {'train': 5, 'test': 361}, seed=0)
