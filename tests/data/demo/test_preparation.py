import hashlib
import json

import pytest

from senet_mm.data.demo import imagenet as demo_imagenet
from senet_mm.data.demo.preparation import MANIFEST, SOURCES, make_demo
from senet_mm.data.errors import DataError
from tests.conftest import SIZES
from tests.data.small import listing

TINY = {
    'coco': {'train2014': 2, 'valminusminival2014': 1, 'minival2014': 1},
    'imagenet': {'train': 3, 'val': 2},
    'cifar10': {'train': 5, 'test': 1},
    'places365': {'train': 3, 'val': 2},
}


def hashes(folder):
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_gives_the_same_bytes_and_another_seed_others(demo, tmp_path):
    make_demo(tmp_path / 'again', seed=3, sizes=SIZES)
    make_demo(tmp_path / 'other', seed=4, sizes=SIZES)
    first, other = hashes(demo), hashes(tmp_path / 'other')
    assert first == hashes(tmp_path / 'again')
    assert first.keys() == other.keys()
    pictures = [name for name in first if name.endswith(('.jpg', '.JPEG', '_batch')) or 'data_batch_' in name]
    assert len(pictures) == 26 + 50 + 6 + 50
    assert not {first[name] for name in pictures} & {other[name] for name in pictures}


def test_an_image_does_not_depend_on_how_many_there_are(demo, tmp_path):
    make_demo(tmp_path / 'tiny', seed=3, sizes=TINY)
    whole = {value for name, value in hashes(demo).items() if name.endswith(('.jpg', '.JPEG'))}
    assert {value for name, value in hashes(tmp_path / 'tiny').items() if name.endswith(('.jpg', '.JPEG'))} <= whole


def test_training_and_validation_share_no_digit_and_no_photograph(demo):
    sources = json.loads((demo / SOURCES).read_text())
    train = [sources['coco']['train2014'], sources['coco']['valminusminival2014'], sources['imagenet']['train']]
    held_out = [sources['coco']['minival2014'], sources['imagenet']['val']]
    train, held_out = [*train, sources['cifar10']['train']], [*held_out, sources['cifar10']['test']]
    train, held_out = [*train, sources['places365']['train']], [*held_out, sources['places365']['val']]
    for kind in ('digits', 'photographs'):
        seen = {item for part in train for item in part[kind]}
        unseen = {item for part in held_out for item in part[kind]}
        assert seen
        assert unseen
        assert not seen & unseen


def test_a_complete_demo_is_left_alone(demo):
    before = {path: path.stat().st_mtime_ns for path in demo.rglob('*')}
    assert 'already there' in make_demo(demo, seed=3, sizes=SIZES)
    assert {path: path.stat().st_mtime_ns for path in demo.rglob('*')} == before


def test_another_demo_is_replaced_only_by_force(tmp_path):
    out = tmp_path / 'demo'
    make_demo(out, seed=1, sizes=TINY)
    before = hashes(out)
    with pytest.raises(DataError, match=r'another demo \(seed 1\); --force'):
        make_demo(out, seed=2, sizes=TINY)
    assert hashes(out) == before
    assert 'written' in make_demo(out, seed=2, sizes=TINY, force=True)
    assert json.loads((out / MANIFEST).read_text())['seed'] == 2
    assert [path.name for path in tmp_path.iterdir()] == ['demo']


def test_a_demo_that_lost_a_part_is_not_called_complete(tmp_path):
    out = tmp_path / 'demo'
    make_demo(out, sizes=TINY)
    for name in ('coco', 'cifar10'):
        (out / name).rename(tmp_path / f'{name} elsewhere')
    with pytest.raises(DataError, match='lost coco, cifar10; --force'):
        make_demo(out, sizes=TINY)


@pytest.mark.parametrize('force', [False, True])
def test_an_unrelated_folder_is_refused_and_kept(tmp_path, force):
    out = tmp_path / 'thesis'
    out.mkdir()
    (out / 'chapter1.txt').write_text('years of work')
    with pytest.raises(DataError, match='holds no demo'):
        make_demo(out, sizes=TINY, force=force)
    assert listing(tmp_path) == ['thesis', 'thesis/chapter1.txt']


def test_force_spares_what_the_user_put_beside_the_demo(tmp_path):
    out = tmp_path / 'demo'
    make_demo(out, sizes=TINY)
    (out / 'notes.txt').write_text('mine')
    with pytest.raises(DataError, match=r'notes\.txt'):
        make_demo(out, sizes=TINY, force=True)
    assert (out / 'notes.txt').read_text() == 'mine'


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError('no space left')])
def test_an_interrupted_build_leaves_nothing(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(demo_imagenet, 'write_imagenet', fail)  # the COCO part stands by then
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        make_demo(tmp_path / 'data' / 'demo', sizes=TINY)
    assert listing(tmp_path) == []


def test_an_interrupted_rewrite_leaves_the_old_demo(tmp_path, monkeypatch):
    out = tmp_path / 'demo'
    make_demo(out, sizes=TINY)
    before = listing(tmp_path), hashes(out)
    monkeypatch.setattr(demo_imagenet, 'write_imagenet', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make_demo(out, seed=9, sizes=TINY, force=True)
    assert (listing(tmp_path), hashes(out)) == before


def test_negative_seed_is_refused(tmp_path):
    with pytest.raises(DataError, match='--seed -1'):
        make_demo(tmp_path / 'demo', seed=-1, sizes=TINY)
