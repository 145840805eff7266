import hashlib
import os
import pickle
import pickletools
import shutil
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import datasets

from senet_mm.data.cifar.files import CifarSplit, read_cifar, write_cifar
from senet_mm.data.cifar.layout import LAYOUTS
from senet_mm.data.cifar.pickles import load_pickle
from senet_mm.data.errors import DataError
from tests.data.cifar_sample import META, part, python2_pickle, write_sample
from tests.data.small import listing

NAMES = ('cifar10', 'cifar100')


def torchvision_reads(root, name, train):
    base = {'cifar10': datasets.CIFAR10, 'cifar100': datasets.CIFAR100}[name]
    meta = {key: value for key, value in base.meta.items() if key != 'md5'} | {'md5': None}
    return type('Sample', (base,), {'meta': meta, '_check_integrity': lambda _: True})(root, train)


@pytest.fixture
def cifar10(tmp_path):
    write_sample(tmp_path, 'cifar10')
    return tmp_path


def replace_part(root, **changes):
    """Write data_batch_3 anew, changed."""
    record = part('cifar10', 4, 3) | changes
    path = root / 'cifar-10-batches-py' / 'data_batch_3'
    path.write_bytes(python2_pickle({key: value for key, value in record.items() if value is not None}))
    return path


@pytest.mark.parametrize('name', NAMES)
def test_the_sample_is_pickled_as_the_official_files_are(name):
    layout = LAYOUTS[name]
    assert hashlib.md5(python2_pickle(META[name])).hexdigest() == layout.md5[layout.meta]


@pytest.mark.parametrize('name', NAMES)
def test_the_official_class_names(tmp_path, name):
    write_sample(tmp_path, name)
    classes = read_cifar(tmp_path, name, 'test').classes
    assert classes == tuple(META[name][LAYOUTS[name].names_key])
    assert (classes[0], classes[-1]) == {'cifar10': ('airplane', 'truck'), 'cifar100': ('apple', 'worm')}[name]


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('split', ['train', 'test'])
def test_every_image_and_label_in_the_order_of_the_files(tmp_path, name, split):
    layout, parts = write_sample(tmp_path, name)
    found = read_cifar(tmp_path, name, split)
    rows = np.concatenate([parts[file]['data'] for file in layout.splits[split]])
    assert found.images.shape == (len(rows), 3, 32, 32)
    assert (found.images.dtype, found.labels.dtype) == (np.uint8, np.int64)
    for row, image in zip(rows, found.images, strict=True):
        assert np.array_equal(row[:1024], image[0].ravel())  # red first, rows from the top
        assert np.array_equal(row[2048:], image[2].ravel())
    assert found.labels.tolist() == [label for file in layout.splits[split] for label in parts[file][layout.labels_key]]


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('split', ['train', 'test'])
def test_the_same_as_torchvision_reads(tmp_path, name, split):
    write_sample(tmp_path, name)
    found, theirs = read_cifar(tmp_path, name, split), torchvision_reads(tmp_path, name, split == 'train')
    assert np.array_equal(found.images.transpose(0, 2, 3, 1), theirs.data)
    assert found.labels.tolist() == theirs.targets
    assert list(found.classes) == theirs.classes


def test_the_folder_itself_will_do_and_so_will_a_string(cifar10):
    whole = read_cifar(cifar10, 'cifar10', 'train')
    for root in (cifar10 / 'cifar-10-batches-py', str(cifar10)):
        assert np.array_equal(read_cifar(root, 'cifar10', 'train').images, whole.images)


def test_images_can_be_written_to(cifar10):
    for split in ('train', 'test'):
        read_cifar(cifar10, 'cifar10', split).images[0] = 0


@pytest.mark.parametrize('protocol', [3, 4])
def test_files_pickled_anew_by_python_3_are_read_too(cifar10, protocol):
    path = cifar10 / 'cifar-10-batches-py' / 'test_batch'
    before = read_cifar(cifar10, 'cifar10', 'test')
    for encoding in ('latin1', 'bytes'):
        record = pickle.loads(path.read_bytes(), encoding=encoding)
        path.write_bytes(pickle.dumps(record, protocol))
        after = read_cifar(cifar10, 'cifar10', 'test')
        assert np.array_equal(before.images, after.images)
        assert np.array_equal(before.labels, after.labels)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_what_is_written_is_read_by_us_and_by_torchvision(tmp_path_factory, data):
    root = tmp_path_factory.mktemp('written')
    name = data.draw(st.sampled_from(NAMES))
    layout = LAYOUTS[name]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    splits = {}
    for split, files in layout.splits.items():
        count = data.draw(st.integers(len(files), 23))
        images = rng.integers(0, 256, (count, 3, 32, 32), np.uint8)
        labels = rng.integers(0, layout.classes, count)
        splits[split] = CifarSplit(images, labels, tuple(f'class {i}' for i in range(layout.classes)))
    write_cifar(root, name, splits)
    for split, wanted in splits.items():
        found, theirs = read_cifar(root, name, split), torchvision_reads(root, name, split == 'train')
        assert np.array_equal(found.images, wanted.images)
        assert np.array_equal(theirs.data.transpose(0, 3, 1, 2), wanted.images)
        assert found.labels.tolist() == theirs.targets == wanted.labels.tolist()
        assert found.classes == tuple(theirs.classes) == wanted.classes
    shutil.rmtree(root)


def test_written_strings_are_python_2_strings(tmp_path):
    split = CifarSplit(np.zeros((5, 3, 32, 32), np.uint8), np.arange(5), tuple('abcdefghij'))
    write_cifar(tmp_path, 'cifar10', {'train': split, 'test': split})
    content = (tmp_path / 'cifar-10-batches-py' / 'data_batch_2').read_bytes()
    as_bytes, as_text = (pickle.loads(content, encoding=encoding) for encoding in ('bytes', 'latin1'))
    assert as_bytes[b'batch_label'] == b'training batch 2 of 5'
    assert as_text['filenames'] == ['b_s_000001.png']
    assert np.array_equal(as_bytes[b'data'], as_text['data'])
    assert max(opcode.proto for opcode, _, _ in pickletools.genops(content)) == 2


def test_too_few_images_to_write(tmp_path):
    split = CifarSplit(np.zeros((4, 3, 32, 32), np.uint8), np.arange(4), tuple('abcdefghij'))
    with pytest.raises(ValueError, match='4 train images are too few for 5 files'):
        write_cifar(tmp_path, 'cifar10', {'train': split, 'test': split})


class Canary:
    """Pickled, it has a function called when it is read."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def hostile(canary):
    """Pickles that write a file `canary` if what they name is called, in all the ways that a pickle can name it."""
    path = str(canary).encode()
    yield pickle.dumps(Canary(os.mkdir, str(canary)), 2)
    yield pickle.dumps(Canary(os.mkdir, str(canary)), 4)
    yield pickle.dumps({'data': Canary(exec, f'open({str(canary)!r}, "w")'), 'labels': [0]}, 4)
    yield pickle.dumps(Canary(np.ones(1).tofile, str(canary)), 4)
    yield b'(S' + repr(str(canary)).encode() + b'\nios\nmkdir\n.'  # INST
    yield b'(cos\nmkdir\nS' + repr(str(canary)).encode() + b'\no.'  # OBJ
    yield b'\x80\x02cposix\nmkdir\nX' + len(path).to_bytes(4, 'little') + path + b'\x85R.'
    yield b'\x80\x04\x8c\x05numpy\x8c\x12ndarray.__reduce__\x93.'  # a path through what is allowed
    yield b'\x80\x02cnumpy\nload\nX' + len(path).to_bytes(4, 'little') + path + b'\x85R.'


@pytest.mark.parametrize('file', ['data_batch_3', 'batches.meta'])
def test_nothing_in_a_hostile_file_is_run(cifar10, tmp_path_factory, file):
    folder = tmp_path_factory.mktemp('canary')
    for number, content in enumerate(hostile(folder / 'canary')):
        (cifar10 / 'cifar-10-batches-py' / file).write_bytes(content)
        with pytest.raises(DataError, match=rf'{file}: refused: it asks for \S+, which no CIFAR file does'):
            read_cifar(cifar10, 'cifar10', 'train')
        assert listing(folder) == [], number


def test_the_hostile_files_would_have_run(tmp_path):
    pickle.loads(next(hostile(tmp_path / 'canary')))
    assert listing(tmp_path) == ['canary']


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_still_a_dict(data):
    whole = python2_pickle(part('cifar10', 1, 1))
    head = st.integers(0, len(whole) - 1) if data.draw(st.booleans()) else st.integers(0, 200)
    if data.draw(st.booleans()):
        content = whole[: data.draw(head)]
    else:
        place = data.draw(head)
        content = whole[:place] + data.draw(st.binary(min_size=1, max_size=4)) + whole[place + 1 :]
    try:
        found = load_pickle(content)
    except ValueError:
        return
    assert isinstance(found, dict)
    assert len(content) >= len(whole)


@pytest.mark.parametrize('kept', [0, 1, 100, 3000, -1])
def test_a_file_that_is_cut_off(cifar10, kept):
    path = cifar10 / 'cifar-10-batches-py' / 'test_batch'
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        DataError, match=r'test_batch: cut off or damaged .* make it anew: tools/prepare_data\.py cifar10'
    ):
        read_cifar(cifar10, 'cifar10', 'test')
    assert len(read_cifar(cifar10, 'cifar10', 'train').labels) == 20  # which does not need it


@pytest.mark.parametrize(
    ('changes', 'problem'),
    [
        ({'labels': [0, 1, 2]}, '4 images but 3 labels'),
        ({'labels': [0, 1, 2, 10]}, 'labels from 0 to 10; 0 to 9 are allowed'),
        ({'labels': []}, "'labels' is not a list of int"),
        ({'labels': None}, "'labels' is not a list of int"),
        ({'labels': ['0', '1', '2', '3']}, "'labels' is not a list of int"),
        ({'data': None}, "'data' is no array"),
        ({'data': [1, 2, 3, 4]}, "'data' is no array"),
        ({'data': np.zeros((4, 3072), np.float32)}, r'an array of f4, where uint8 \(u1\) is expected'),
        ({'data': np.zeros((4, 1024), np.uint8)}, r"'data' is of shape \(4, 1024\), where rows of 3072"),
        ({'data': np.zeros((3, 3072), np.uint8)}, '3 images but 4 labels'),
    ],
)
def test_a_file_that_says_something_else(cifar10, changes, problem):
    path = replace_part(cifar10, **changes)
    with pytest.raises(DataError, match=problem) as caught:
        read_cifar(cifar10, 'cifar10', 'train')
    assert str(caught.value).startswith(f'{path}: ')


@pytest.mark.parametrize('labels', [[0, 1, 2, -1], [0, 1, 2, True], [0, 1, 2, 0.5]])
def test_labels_that_are_none(cifar10, labels):
    path = cifar10 / 'cifar-10-batches-py' / 'data_batch_3'
    path.write_bytes(pickle.dumps(part('cifar10', 4, 3) | {'labels': labels}, 4))
    with pytest.raises(DataError, match='labels'):
        read_cifar(cifar10, 'cifar10', 'train')


@pytest.mark.parametrize(
    ('content', 'problem'),
    [
        (pickle.dumps([1], 2), 'a list, where a dict is expected'),
        (pickle.dumps({'data': object}, 2), r'it asks for __builtin__\.object'),
        (b'}(U\x04datacnumpy\nndarray\nu.', 'not an array as NumPy pickles it'),
        (b'}(U\x04datacnumpy\nndarray\n)Ru.', 'not an array as NumPy pickles it'),
        (b'}(U\x04datacnumpy\ndtype\n)R(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1\x85R\x89U\x02abtbu.', 'an array of'),
    ],
)
def test_pickles_of_something_else(content, problem):
    with pytest.raises(ValueError, match=problem):
        load_pickle(content)


def test_a_pickle_nested_without_end():
    deep = b'}U\x04data' + b'](' * 50_000 + b'e' * 50_000 + b's.'
    assert list(load_pickle(deep)) == ['data']  # what is in it, the reader of the set refuses
    with pytest.raises(ValueError, match='cut off or damaged'):
        load_pickle(b'\x80\x02' + b'](' * 50_000 + b'.')


def test_other_class_names(cifar10):
    path = cifar10 / 'cifar-10-batches-py' / 'batches.meta'
    for names, problem in (
        (['a'] * 10, '1 class names, where 10'),
        (list('abc'), '3 class names, where 10'),
        (7, 'list'),
    ):
        path.write_bytes(python2_pickle({'label_names': names}))
        with pytest.raises(DataError, match=problem):
            read_cifar(cifar10, 'cifar10', 'train')


def test_what_is_missing_is_named(cifar10, tmp_path_factory):
    (cifar10 / 'cifar-10-batches-py' / 'data_batch_2').unlink()
    (cifar10 / 'cifar-10-batches-py' / 'data_batch_5').unlink()
    with pytest.raises(DataError, match=r'-batches-py, which lacks data_batch_2, data_batch_5\. To make it: tools/'):
        read_cifar(cifar10, 'cifar10', 'train')
    empty = tmp_path_factory.mktemp('empty')
    with pytest.raises(
        DataError, match=rf'CIFAR-100 was expected in {empty}/cifar-100-python, which lacks test, meta\. '
    ):
        read_cifar(empty, 'cifar100', 'test')


def test_unknown_sets_and_splits(cifar10):
    with pytest.raises(DataError, match="'cifar20' is no CIFAR set: allowed are 'cifar10', 'cifar100'"):
        read_cifar(cifar10, 'cifar20', 'train')
    with pytest.raises(DataError, match="split='val' of CIFAR-10: allowed are 'train', 'test'"):
        read_cifar(cifar10, 'cifar10', 'val')


def test_an_ordered_dict_is_no_plain_container():
    with pytest.raises(ValueError, match='OrderedDict'):
        load_pickle(pickle.dumps(OrderedDict(data=1), 4))
