"""What is said of data: counts, hashes by hand, and which sets are the published ones."""

import hashlib
import shutil

import pytest
from mmengine.dataset import RepeatDataset

from senet_mm.data import fingerprint as module
from senet_mm.data.cifar.dataset import CIFAR10
from senet_mm.data.coco.minival import CocoMinival
from senet_mm.data.fingerprint import EXPECTED, fingerprint
from senet_mm.data.images.datasets import ImageNet

DIGITS = dict(classes=('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'))


def sha256(*paths):
    return hashlib.sha256(b''.join(path.read_bytes() for path in paths)).hexdigest()


def test_coco(demo):
    dataset = CocoMinival(str(demo / 'coco'), 'train', metainfo=DIGITS, filter_cfg=dict(filter_empty_gt=True))
    files = [demo / 'coco' / 'annotations' / f'instances_{name}.json' for name in ('train2014', 'valminusminival2014')]
    found = fingerprint(dataset)
    assert found == dict(
        name='CocoMinival',
        split='train',
        images=len(dataset),
        classes=10,
        sha256=sha256(*files),
        of='instances_train2014.json, instances_valminusminival2014.json',
        expected=118_287,
        official=False,
    )
    assert fingerprint(RepeatDataset(dataset, 3)) == found


def test_imagenet_by_its_list_and_by_its_folders(demo, tmp_path):
    listed = fingerprint(ImageNet(str(demo / 'imagenet'), split='val'))
    assert (listed['images'], listed['expected'], listed['official']) == (20, 50_000, False)
    assert listed['sha256'] == sha256(demo / 'imagenet' / 'meta' / 'val.txt')
    places = [tmp_path / name for name in ('here', 'there')]
    for place in places:
        shutil.copytree(demo / 'imagenet', place)
        (place / 'meta' / 'train.txt').unlink()
    options = dict(split='train', classes=DIGITS['classes'])
    here, there = (fingerprint(ImageNet(str(place), **options)) for place in places)
    assert here == there
    assert (here['images'], here['of']) == (30, 'files and labels')
    next(path for path in (tmp_path / 'here' / 'train').rglob('*') if path.is_file()).unlink()
    assert fingerprint(ImageNet(str(tmp_path / 'here'), **options))['sha256'] != there['sha256']


def test_cifar_by_its_checksums(demo, monkeypatch):
    folder = demo / 'cifar10' / 'cifar-10-batches-py'
    dataset = CIFAR10(str(demo / 'cifar10'), 'test')
    found = fingerprint(dataset)
    assert found['sha256'] == sha256(folder / 'test_batch')
    assert (found['images'], found['expected'], found['official']) == (20, 10_000, False)
    layout = module.LAYOUTS['cifar10']
    monkeypatch.setitem(layout.images, 'test', 20)
    assert not fingerprint(dataset)['official']  # as many, but not these
    monkeypatch.setitem(layout.md5, 'test_batch', hashlib.md5((folder / 'test_batch').read_bytes()).hexdigest())
    assert fingerprint(dataset)['official']


class Made:
    """A data set of so many images."""

    def __init__(self, images, split):
        self.images, self.split = images, split

    def __len__(self):
        return self.images

    def get_data_info(self, index):
        return {}


@pytest.mark.parametrize(
    ('name', 'split', 'images', 'official'),
    [
        ('ImageNet', 'train', 1_281_167, True),
        ('ImageNet', 'val', 50_000, True),
        ('ImageNet', 'val', 1_281_167, False),
        ('Places365', 'train', 8_026_628, True),
        ('Places365', 'train', 1_803_460, False),  # Standard; the paper has Challenge
        ('Places365', 'val', 36_500, True),
        ('Own', 'train', 1_281_167, False),
    ],
)
def test_which_sets_are_the_papers(name, split, images, official):
    dataset = type(name, (Made,), {})(images, split)
    found = fingerprint(dataset)
    assert (found['official'], found['images'], found['sha256']) == (official, images, None)


def test_coco_counts_with_and_without_images_that_have_no_object():
    assert EXPECTED['CocoMinival']['train'] == (118_287, 118_287 - 1_021)
    assert EXPECTED['CocoMinival']['minival'] == (5_000,)
