import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.images.tree import (
    SplitFacts,
    check_counts_per_class,
    check_split,
    list_images,
    parse_list,
    read_list,
    some,
    write_list,
)
from tests.data.small import listing

FACTS = SplitFacts(6, 3, (1, 3))
SAMPLES = [('a/1.jpg', 0), ('a/2.jpg', 0), ('a/3.jpg', 0), ('b/1.jpg', 1), ('c/1.jpg', 2), ('c/2.jpg', 2)]


@pytest.fixture
def folder(tmp_path):
    for file, _ in SAMPLES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path


def test_a_list_comes_back(tmp_path):
    samples = [*SAMPLES, ('a b/ä 1.jpg', 7)]
    write_list(tmp_path / 'meta' / 'train.txt', samples)
    assert read_list(tmp_path / 'meta' / 'train.txt') == samples
    assert listing(tmp_path) == ['meta', 'meta/train.txt']


def test_a_list_that_cannot_be_written_leaves_the_old_one(tmp_path):
    write_list(tmp_path / 'train.txt', SAMPLES)
    with pytest.raises(ZeroDivisionError):
        write_list(tmp_path / 'train.txt', ((file, 1 // label) for file, label in SAMPLES))
    assert read_list(tmp_path / 'train.txt') == SAMPLES
    assert listing(tmp_path) == ['train.txt']


@pytest.mark.parametrize('line', ['a.jpg', 'a.jpg -1', 'a.jpg one', '', ' 3', 'a.jpg 1.0'])
def test_a_wrong_line_is_named(line):
    with pytest.raises(DataError, match=r'val\.txt, line 2: .*FILE LABEL'):
        parse_list(['a.jpg 1\n', f'{line}\n'], 'val.txt')


def test_a_list_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(DataError, match='is not there'):
        read_list(tmp_path / 'val.txt')
    (tmp_path / 'val.txt').write_bytes(b'a.jpg 1\n\xff\xfe 2\n')
    with pytest.raises(DataError, match='is no text'):
        read_list(tmp_path / 'val.txt')


def test_images_are_found_at_any_depth_and_nothing_else(folder):
    for name in ('notes.txt', '.hidden.jpg', 'a/.DS_Store', 'a/4.JPEG', 'a/5.PnG'):
        (folder / name).touch()
    (folder / '.git').mkdir()
    (folder / '.git' / 'x.jpg').touch()
    assert sorted(list_images(folder)) == sorted([file for file, _ in SAMPLES] + ['a/4.JPEG', 'a/5.PnG'])


def test_a_split_as_published_has_no_problem(folder):
    assert check_split(folder, SAMPLES, FACTS) == []
    assert check_counts_per_class(folder, SAMPLES, {0: 3, 1: 1, 2: 2}, 'abc') == []


def test_every_kind_of_problem_is_named(folder):
    def problems(samples, subset=False):
        return '\n'.join(check_split(folder, samples, FACTS, ['ant', 'bee', 'cat'], subset))

    assert '1 of 3 classes are missing: bee (0)' in problems([*SAMPLES[:3], *SAMPLES[4:]])
    assert '5 images, where 6 are published; --subset' in problems(SAMPLES[:5])
    assert problems(SAMPLES[:5], subset=True) == ''
    assert 'fewer than 1 or more than 3 images: ant (4)' in problems([*SAMPLES, ('a/1.jpg', 0)])
    assert '1 images are listed more than once: a/1.jpg' in problems([*SAMPLES, ('a/1.jpg', 0)], subset=True)
    assert 'labels 3, 9; 0 to 2 are allowed' in problems([*SAMPLES, ('a/1.jpg', 9), ('a/2.jpg', 3)], subset=True)
    assert 'its list is empty' in problems([], subset=True)
    gone = [('a/7.jpg', 0), ('d/1.jpg', 1), ('e.jpg', 1), ('a/8.jpg', 0)]
    assert '4 of the images listed are not there: e.jpg, a/7.jpg, a/8.jpg, …' in problems(gone, subset=True)
    counts = check_counts_per_class(folder, SAMPLES, {0: 3, 1: 2, 2: 9}, ['ant', 'bee', 'cat'])
    assert counts == [
        f'{folder}: 2 classes have other numbers of images than published: bee has 1 of 2, cat has 2 of 9'
    ]


def test_some():
    assert some([1, 2, 3]) == '1, 2, 3'
    assert some(range(4)) == '0, 1, 2, …'
