import multiprocessing
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine import fileio

from senet_mm.data.errors import DataError
from senet_mm.data.packs.backend import PackedBackend
from senet_mm.data.packs.packing import pack_folder
from senet_mm.data.packs.url import as_url, is_packed, split_url

KINDS = ['zip', 'tar', 'lmdb']


@pytest.fixture
def packs(demo, tmp_path):
    """The demo's ImageNet in each kind."""
    for kind in KINDS:
        pack_folder(demo / 'imagenet', tmp_path / f'imagenet.{kind}', verify=False)
    return tmp_path


@pytest.mark.parametrize(
    ('path', 'url'),
    [
        ('data/imagenet.zip', 'packed://data/imagenet.zip'),
        ('data/imagenet.tar/train/n01', 'packed://data/imagenet.tar/train/n01'),
        ('/data/x.lmdb/', 'packed:///data/x.lmdb/'),
        ('data/imagenet', 'data/imagenet'),
        ('data/imagenet.tar.gz', 'data/imagenet.tar.gz'),
        ('data/zip/x', 'data/zip/x'),
        ('s3://bucket/x.zip', 's3://bucket/x.zip'),
        ('packed://data/x.zip', 'packed://data/x.zip'),
        ('', ''),
    ],
)
def test_which_paths_are_packs(path, url):
    assert as_url(path) == url
    assert is_packed(path) == url.startswith('packed')


def test_a_folder_called_like_one_is_a_folder(tmp_path):
    for name in ('photos.zip', 'set.lmdb'):
        (tmp_path / name).mkdir()
    assert as_url(str(tmp_path / 'photos.zip')) == str(tmp_path / 'photos.zip')
    assert is_packed(str(tmp_path / 'set.lmdb'))  # an LMDB may be a folder


def test_urls_are_taken_apart():
    assert split_url('packed://data/x.zip/train//a/./1.jpg') == ('data/x.zip', 'train/a/1.jpg')
    assert split_url('packed:///d/x.lmdb') == split_url('/d/x.lmdb/') == ('/d/x.lmdb', '')
    with pytest.raises(DataError, match=r'names no pack: a path with \.zip, \.tar, \.lmdb'):
        split_url('packed://data/imagenet/train')


@pytest.mark.parametrize('kind', KINDS)
def test_fileio_sees_what_it_sees_in_the_folder(demo, packs, kind):
    root, folder = f'packed://{packs}/imagenet.{kind}', demo / 'imagenet'
    assert fileio.get_text(f'{root}/meta/val.txt') == (folder / 'meta' / 'val.txt').read_text()
    name = 'train/n00000003/n00000003_4.JPEG'
    assert fileio.get(f'{root}/{name}') == (folder / name).read_bytes()
    with fileio.get_local_path(f'{root}/{name}') as path:
        assert Path(path).read_bytes() == (folder / name).read_bytes()
    assert not os.path.exists(path)
    for path in ('', 'meta', 'meta/val.txt', 'train', 'train/n0000000', 'nothing', 'meta/val', 'zzz'):
        for question in (fileio.exists, fileio.isfile, fileio.isdir):
            assert question(fileio.join_path(root, path)) == question(str(folder / path)), (path, question)
    assert not fileio.exists(f'packed://{packs}/absent.{kind}/train')
    with pytest.raises(FileNotFoundError, match=r'n9\.JPEG is not in'):
        fileio.get(f'{root}/train/n9.JPEG')


NAMES = st.lists(st.sampled_from(['a', 'b', 'a-1', 'a0', 'ab', 'z.jpg', 'y.txt']), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(names=st.sets(NAMES.map('/'.join), min_size=1, max_size=12), data=st.data())
def test_listings_are_those_of_the_folder(names, data):
    files = {name for name in names if not any(other.startswith(f'{name}/') for other in names)}
    arguments = dict(
        list_dir=data.draw(st.booleans()), list_file=data.draw(st.booleans()), recursive=data.draw(st.booleans())
    )
    kind = data.draw(st.sampled_from(KINDS))
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, 'folder')
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        pack_folder(folder, Path(top, f'x.{kind}'))
        backend = PackedBackend()
        for below in ('', *{name.rpartition('/')[0] for name in files}):
            for suffix in (None, '.jpg') if not arguments['list_dir'] else (None,):
                found = list(backend.list_dir_or_file(f'{top}/x.{kind}/{below}', suffix=suffix, **arguments))
                wanted = fileio.list_dir_or_file(str(folder / below), suffix=suffix, **arguments)
                assert sorted(found) == sorted(wanted)


def read_in_child(url, names, queue):
    queue.put([fileio.get(f'{url}/{name}') for name in names])


@pytest.mark.parametrize('method', ['fork', 'spawn'])
@pytest.mark.parametrize('kind', KINDS)
def test_processes_read_one_pack_at_once(demo, packs, kind, method):
    """Each child reads all of it in an order of its own, while the parent, which has opened it before, reads on."""
    url, folder = f'packed://{packs}/imagenet.{kind}', demo / 'imagenet'
    names = [f'train/{line.split()[0]}' for line in (folder / 'meta' / 'train.txt').read_text().splitlines()]
    wanted = {name: (folder / name).read_bytes() for name in names}
    assert fileio.get(f'{url}/{names[0]}') == wanted[names[0]]
    context = multiprocessing.get_context(method)
    orders = [list(np.random.default_rng(seed).permutation(names * (10 if method == 'fork' else 1))) for seed in (1, 2)]
    queues = [context.Queue() for _ in orders]
    children = [
        context.Process(target=read_in_child, args=(url, order, queue))
        for order, queue in zip(orders, queues, strict=True)
    ]
    for child in children:
        child.start()
    read_in_child(url, names, here := multiprocessing.Queue())
    assert here.get(timeout=60) == [wanted[name] for name in names]
    for order, queue, child in zip(orders, queues, children, strict=True):
        assert queue.get(timeout=60) == [wanted[name] for name in order]
        child.join()
        assert child.exitcode == 0


@pytest.mark.parametrize('kind', KINDS)
def test_coco_is_read_from_a_pack_too(demo, tmp_path, kind):
    from mmengine.registry import init_default_scope

    from senet_mm.data.coco.metric import CocoMinivalMetric
    from senet_mm.data.coco.minival import CocoMinival
    from senet_mm.data.presence import require_data

    init_default_scope('mmdet')
    path = tmp_path / f'coco.{kind}'
    dataset = dict(data_root=str(path), split='minival', metainfo=dict(classes=('zero', 'one')))
    config = dict(test_dataloader=dict(dataset=dict(type='senet_mm.CocoMinival', **dataset)))
    with pytest.raises(DataError, match=f'expected in packed://{path}'):
        require_data(config)
    pack_folder(demo / 'coco', path)
    require_data(config)
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]
    packed = CocoMinival(**dataset, pipeline=pipeline)
    folder = CocoMinival(**{**dataset, 'data_root': str(demo / 'coco')}, pipeline=pipeline)
    assert len(packed) == len(folder) == 8
    for found, wanted in zip(packed, folder, strict=True):
        np.testing.assert_array_equal(found['img'], wanted['img'])
        assert (found['gt_bboxes'].tensor == wanted['gt_bboxes'].tensor).all()
    metrics = [CocoMinivalMetric(data_root=str(root)) for root in (path, demo / 'coco')]
    assert metrics[0]._coco_api.anns == metrics[1]._coco_api.anns
