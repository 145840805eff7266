"""The benchmark of the input pipelines, by a clock that advances one second at every look."""

import itertools

import pytest
from mmengine.config import Config

from senet_mm.analysis.input_speed import WAYS, InputBenchmark, InputSpeed
from senet_mm.data.errors import DataError
from tests.data.random_cifar import random_cifar


def config(root):
    cfg = Config.fromfile('configs/resnet20_cifar10.py')
    cfg.train_dataloader.batch_size = 20
    cfg.train_dataloader.dataset.data_root = str(root)
    cfg.train_dataloader.dataset.indices = 40
    return cfg


def test_images_and_waiting_are_counted_in_pairs(tmp_path):
    random_cifar(tmp_path)
    benchmark = InputBenchmark(config(tmp_path), clock=itertools.count().__next__)
    assert [benchmark.loaders[way].dataset.whole_batch for way in WAYS] == [True, False]
    speed = benchmark.run(rounds=2, seconds=3, steps=1)
    # Three batches until three seconds have passed, and one more look; the third look of a step is its last.
    assert speed.images == {way: [3 * 20 / 4] * 2 for way in WAYS}
    assert speed.waiting == {way: [0.5] * 2 for way in WAYS}
    assert speed.step == {way: [2.0] * 2 for way in WAYS}


def test_report_has_medians_and_the_spread_of_the_ratios():
    pairs = dict(zip(WAYS, ([3000.0, 1000.0, 2000.0], [100.0, 100.0, 50.0]), strict=True))
    shares = dict(zip(WAYS, ([0.01, 0.02, 0.03], [0.4, 0.5, 0.6]), strict=True))
    text = str(InputSpeed(pairs, shares, {way: [0.25] for way in WAYS}))
    assert 'whole batches       2,000 images/s,  2.00% of a step of 250.0 ms' in text
    assert 'image by image        100 images/s, 50.00% of a step of 250.0 ms' in text
    assert 'Whole batches are 30.0 times as fast (10.0 to 40.0 in 3 pairs).' in text


def test_a_config_without_whole_batches_is_refused():
    with pytest.raises(DataError, match=r'resnet50_imagenet.py: train_dataloader.dataset has no whole_batch'):
        InputBenchmark(Config.fromfile('configs/resnet50_imagenet.py'))
