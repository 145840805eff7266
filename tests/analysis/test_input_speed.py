"""The benchmark of the input pipelines, by a clock that advances one second at every look."""

import itertools
import sys

import mmcv
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from senet_mm.analysis import input_speed
from senet_mm.analysis.input_speed import FORMS, InputBenchmark, InputSpeed, variants
from senet_mm.data.demo.sources import load_pools
from senet_mm.data.errors import DataError
from senet_mm.data.packs.packing import pack_folder
from tests.data.random_cifar import random_cifar

PILLOW, CV2 = 'pillow', 'cv2'


def cifar(root):
    cfg = Config.fromfile('configs/resnet20_cifar10.py')
    cfg.train_dataloader.batch_size = 20
    cfg.train_dataloader.dataset.data_root = str(root)
    cfg.train_dataloader.dataset.indices = 40
    return cfg


def imagenet(root):
    cfg = Config.fromfile('configs/demo/resnet50_demo.py')
    cfg.train_dataloader.batch_size = 6
    cfg.train_dataloader.dataset.data_root = str(root)
    return cfg


def test_images_and_waiting_are_counted_in_pairs(tmp_path):
    random_cifar(tmp_path)
    ways = variants(cifar(tmp_path))
    assert list(ways) == ['image by image', 'whole batches']
    benchmark = InputBenchmark(ways, clock=itertools.count().__next__)
    assert [benchmark.loaders[way]['dataset'].whole_batch for way in ways] == [False, True]
    speed = benchmark.run(rounds=2, seconds=3, steps=1)
    # Three batches until three seconds have passed, and one more look; the third look of a step is its last.
    assert speed.images == {way: [3 * 20 / 4] * 2 for way in FORMS}
    assert speed.waiting == {way: [0.5] * 2 for way in FORMS}
    assert speed.step == {way: [2.0] * 2 for way in FORMS}
    assert benchmark.run(rounds=1, seconds=1, steps=0).step == {}


def test_every_combination_is_compared_and_the_config_stays(demo, tmp_path):
    cfg = imagenet(demo / 'imagenet')
    before = cfg.pretty_text
    roots = [str(demo / 'imagenet'), str(tmp_path / 'imagenet.zip')]
    ways = variants(cfg, roots, [CV2, PILLOW])
    assert cfg.pretty_text == before
    assert list(ways) == [f'{root}, {decoder}' for root in roots for decoder in (CV2, PILLOW)]
    for name, one in ways.items():
        dataset = one.train_dataloader.dataset
        assert f'{dataset.data_root}, {dataset.pipeline[0].imdecode_backend}' == name
    assert list(variants(cfg)) == ['resnet50_demo']


@pytest.mark.parametrize('workers', [0, 2])
def test_every_way_and_round_delivers_the_same_images(demo, tmp_path, workers):
    pack_folder(demo / 'imagenet', tmp_path / 'imagenet.tar')
    roots = [str(demo / 'imagenet'), str(tmp_path / 'imagenet.tar')]
    benchmark = InputBenchmark(variants(imagenet(roots[0]), roots), workers)

    def images(way, number):
        batches = itertools.islice(benchmark._batches(way), number)
        return [sample.img_path.rpartition('/')[2] for batch in batches for sample in batch['data_samples']]

    first = images(roots[0], 12)
    assert len(set(first)) == 30  # more than one epoch's
    assert [images(root, 3) for root in roots] == [first[:18]] * 2


def test_report_has_medians_and_the_spread_of_the_ratios():
    pairs = {'folder': [100.0, 100.0, 50.0], 'data.zip': [3000.0, 1000.0, 2000.0]}  # 30, 10 and 40 times
    shares = {'folder': [0.4, 0.5, 0.6], 'data.zip': [0.01, 0.02, 0.03]}
    lines = str(InputSpeed(pairs, shares, {way: [0.25] for way in pairs})).splitlines()
    assert [line.split() for line in lines[2:]] == [
        ['folder', '100', '1.00', '(1.00', 'to', '1.00)', '50.00%', '250.0', 'ms'],
        ['data.zip', '2,000', '30.00', '(20.00', 'to', '35.00)', '2.00%', '250.0', 'ms'],
    ]
    assert str(InputSpeed(pairs)).splitlines()[0].split('  ')[-1] == 'times the first (middle half)'


@pytest.mark.parametrize(
    ('decoder', 'message'),
    [
        ('simd', "decoder 'simd': allowed are cv2, turbojpeg, pillow"),
        (CV2, r'resnet20_cifar10\.py: its training pipeline has no LoadImageFromFile'),
    ],
)
def test_what_cannot_be_compared_is_named(tmp_path, decoder, message):
    with pytest.raises(DataError, match=message):
        variants(cifar(tmp_path), decoders=[decoder])


def test_a_missing_turbojpeg_is_named_and_changes_nothing(demo, monkeypatch):
    monkeypatch.setattr(sys.modules['mmcv.image.io'], 'TurboJPEG', None)
    with pytest.raises(DataError, match='decoder turbojpeg: `PyTurboJPEG` is not installed'):
        variants(imagenet(demo / 'imagenet'), decoders=['turbojpeg'])
    assert sys.modules['mmcv.image.io'].imread_backend == CV2


def pictures(tmp_path):
    """A photograph as JPEGs of several kinds."""
    photograph = Image.fromarray(load_pools()['train'].photographs['astronaut.png']).resize((501, 333))
    for name, options in {
        'baseline.jpg': {},
        'full_colour.jpg': dict(subsampling=0),
        'fine.jpg': dict(quality=98),
        'progressive.jpg': dict(progressive=True),
    }.items():
        photograph.save(tmp_path / name, **options)
        yield tmp_path / name
    photograph.convert('L').save(tmp_path / 'grey.jpg')
    yield tmp_path / 'grey.jpg'


def test_decoders_give_equal_pixels(tmp_path):
    """OpenCV's is libjpeg-turbo, as TurboJPEG's is; Pillow's, too."""
    assert input_speed.jpeg().startswith('libjpeg-turbo')
    for path in pictures(tmp_path):
        content = path.read_bytes()
        wanted = np.asarray(Image.open(path).convert('RGB'))[:, :, ::-1]
        for decoder in (CV2, PILLOW):
            np.testing.assert_array_equal(mmcv.imfrombytes(content, backend=decoder), wanted)


def test_turbojpeg_gives_equal_pixels_too(tmp_path, demo):
    try:
        variants(imagenet(demo / 'imagenet'), decoders=['turbojpeg'])
    except DataError as error:
        pytest.skip(str(error))
    for path in pictures(tmp_path):
        content = path.read_bytes()
        np.testing.assert_array_equal(
            mmcv.imfrombytes(content, backend='turbojpeg'), mmcv.imfrombytes(content, backend=CV2)
        )
