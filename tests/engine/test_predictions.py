"""A classifier's predictions on disk: what comes back, and every way a file can be wrong."""

import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senet_mm.data.errors import DataError
from senet_mm.engine.predictions import NO_LABEL, Predictions, common_folder_removed

NOT_OURS = r'is not what tools/test\.py --out writes'


def predictions(size=5, classes=3, **changes):
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(classes), size).astype(np.float32)
    names = np.array([f'{image}.JPEG' for image in range(size)])
    return Predictions(
        **{**dict(scores=scores, labels=np.arange(size) % classes, images=names, source=dict(crops='ten')), **changes}
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'new' / 'scores.npz'


def assert_equal(found, expected):
    for name in ('scores', 'labels', 'images'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.source == expected.source


def test_what_is_saved_comes_back(path):
    expected = predictions(size=7, classes=4)
    expected.save(path)
    assert_equal(Predictions.load(path), expected)
    assert os.listdir(path.parent) == ['scores.npz']
    assert Predictions.load(path).labelled
    predictions(labels=np.array([0, 1, NO_LABEL, 2, 0])).save(path)
    assert not Predictions.load(path).labelled


def test_a_failure_leaves_the_old_file(path, monkeypatch):
    old = predictions()
    old.save(path)

    def full(*_, **__):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'savez', full)
    with pytest.raises(DataError, match=r'scores\.npz could not be written: No space left'):
        predictions(size=2).save(path)
    assert_equal(Predictions.load(path), old)
    assert os.listdir(path.parent) == ['scores.npz']


class Hostile:
    def __reduce__(self):
        return os.mkdir, ('hostile',)


def test_nothing_in_a_file_is_executed(path, monkeypatch):
    path.parent.mkdir()
    monkeypatch.chdir(path.parent)
    with path.open('wb') as file:
        np.savez(file, scores=np.array([Hostile()], dtype=object), labels=0, images='', source='{}')
    with pytest.raises(DataError, match=NOT_OURS):
        Predictions.load(path)
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(DataError, match=NOT_OURS):
        Predictions.load(path)
    pickled = path.with_suffix('.pkl')
    pickled.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(DataError, match=r'a pickle may execute anything.*--out scores\.npz'):
        Predictions.load(pickled)
    assert not os.path.exists('hostile')


@pytest.mark.parametrize(
    ('changes', 'problem'),
    [
        (dict(scores=np.ones(5, np.float32)), 'float32 of shape'),
        (dict(scores=np.ones((0, 3), np.float32)), 'float32 of shape'),
        (dict(scores=np.full((5, 3), np.nan, np.float32)), 'not probabilities'),
        (dict(scores=np.full((5, 3), -1, np.float32)), 'not probabilities'),
        (dict(labels=np.zeros(4, np.int64)), r'5 scores, labels of shape \(4,\)'),
        (dict(labels=np.full(5, 3)), 'labels from 3 to 3 with 3 classes'),
        (dict(labels=np.full(5, -2)), 'labels from -2 to -2 with 3 classes'),
        (dict(images=np.array(['a'] * 5)), 'an image is there twice'),
        (dict(images=np.array(['a'])), r'images of shape \(1,\)'),
    ],
)
def test_arrays_that_do_not_fit_are_named(changes, problem, path):
    predictions(**changes).save(path)
    with pytest.raises(DataError, match=problem):
        Predictions.load(path)


@settings(deadline=None, max_examples=40)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(cut, tmp_path_factory):
    path = tmp_path_factory.mktemp('cut') / 'scores.npz'
    predictions().save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    with pytest.raises(DataError, match=NOT_OURS):
        Predictions.load(path)


def test_files_that_are_not_there_or_are_others(tmp_path):
    with pytest.raises(DataError, match='there is no file'):
        Predictions.load(tmp_path / 'nothing.npz')
    np.savez(tmp_path / 'other.npz', scores=np.ones((2, 2)))
    with pytest.raises(DataError, match=NOT_OURS):
        Predictions.load(tmp_path / 'other.npz')


@pytest.mark.parametrize(
    ('paths', 'expected'),
    [
        (['data/imagenet/val/a.JPEG', 'data/imagenet/val/b.JPEG'], ['a.JPEG', 'b.JPEG']),
        (['/x/train/n1/a.JPEG', '/x/train/n2/a.JPEG'], ['n1/a.JPEG', 'n2/a.JPEG']),
        (['packed://d/i.zip/val/a.JPEG', 'packed://d/i.zip/val/b.JPEG'], ['a.JPEG', 'b.JPEG']),
        (['a.JPEG', 'b/c.JPEG'], ['a.JPEG', 'b/c.JPEG']),
        (['/x/only.JPEG'], ['only.JPEG']),
    ],
)
def test_images_are_named_below_their_common_folder(paths, expected):
    assert common_folder_removed(paths).tolist() == expected
