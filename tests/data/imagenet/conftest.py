import shutil

import pytest

from senet_mm.data.imagenet import labels as imagenet_labels
from senet_mm.data.imagenet import preparation as imagenet
from senet_mm.data.imagenet.layout import ARCHIVES, FACTS
from senet_mm.data.images.tree import read_list
from tests.data.archives import facts_of, remote, write_imagenet_archives
from tests.data.imagenet.sources import KIT, TRAIN, VAL


@pytest.fixture
def archives(demo, tmp_path):
    return write_imagenet_archives(demo, tmp_path / 'archives')


@pytest.fixture
def whole(monkeypatch, demo, archives):
    """As if ImageNet had the few images of the demo, and its archives were these."""
    monkeypatch.setattr(imagenet, 'read_synsets', lambda: {f'n{label:08d}': '' for label in range(10)})
    for split in ('train', 'val'):
        monkeypatch.setitem(FACTS, split, facts_of(read_list(demo / 'imagenet' / 'meta' / f'{split}.txt')))
    for name, archive in {'train': TRAIN, 'val': VAL, 'labels': KIT}.items():
        monkeypatch.setitem(ARCHIVES, name, remote(archives / archive))
    labels = [label for _, label in read_list(demo / 'imagenet' / 'meta' / 'val.txt')]
    monkeypatch.setattr(imagenet_labels, 'FIRST_LABELS', tuple(labels[:10]))


@pytest.fixture
def folder(demo, tmp_path):
    """What archives hold, unpacked by hand; a test may damage it."""
    out = tmp_path / 'unpacked'
    for name in ('train', 'val', 'meta'):
        shutil.copytree(demo / 'imagenet' / name, out / name)
    return out
