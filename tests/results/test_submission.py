"""The file for ILSVRC's server: numbers of the development kit, the order of the images, the five best."""

import numpy as np
import pytest
from scipy.io import savemat

from senet_mm.data.errors import DataError
from senet_mm.engine.predictions import Predictions
from senet_mm.results.submission import read_class_ids, write_submission

# As in the kit, the numbers are in another order than the WordNet ids.
NUMBERS = {'n02119789': 1, 'n02100735': 2, 'n01440764': 3, 'n15075141': 4, 'n02110185': 5, 'n03388043': 6}
IN_ORDER = [3, 2, 5, 1, 6, 4]


def text(path, numbers=NUMBERS):
    path.write_text(''.join(f'{wnid} {number} kit_fox\n' for wnid, number in numbers.items()))
    return path


def matlab(path):
    """meta.mat as of 2012: a structure array that also has groups of classes."""
    kinds = [('ILSVRC2012_ID', 'O'), ('WNID', 'O'), ('num_children', 'O'), ('num_train_images', 'O')]
    rows = [(number, wnid, 0, 1300) for wnid, number in NUMBERS.items()] + [(7, 'n00001740', 2, 0)]
    savemat(path, dict(synsets=np.array(rows, dtype=kinds)))
    return path


def test_numbers_from_either_kit(tmp_path):
    assert read_class_ids(text(tmp_path / 'map_clsloc.txt')) == IN_ORDER
    assert read_class_ids(matlab(tmp_path / 'meta.mat')) == IN_ORDER


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('labels.txt', 'kit fox\n', "is neither data/map_clsloc.txt nor data/meta.mat .*'kit fox' is no line"),
        ('meta.mat', 'no matrix', 'is neither'),
        ('map.txt', 'n02119789 1 a\nn02100735 3 b\n', 'the numbers of its 2 classes are not 1 to 2'),
        ('map.txt', 'n02119789 1 a\nn02100735 1 b\n', 'the numbers of its 2 classes are not 1 to 2'),
    ],
)
def test_other_files_are_named(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_class_ids(path)
    with pytest.raises(DataError, match='there is no file'):
        read_class_ids(tmp_path / 'nothing.txt')


def predictions(scores, images):
    return Predictions(np.array(scores, np.float32), np.full(len(images), -1), np.array(images))


def test_a_line_for_each_image_in_the_order_of_their_names(tmp_path):
    scores = [[0.1, 0.5, 0.2, 0.12, 0.05, 0.03], [0.0, 0.0, 0.0, 0.25, 0.25, 0.5]]
    path = tmp_path / 'new' / 'submission.txt'
    write_submission(predictions(scores, ['b/test_2.JPEG', 'z/test_1.JPEG']), IN_ORDER, path)
    assert path.read_text() == '4 1 6 3 2\n2 5 1 3 6\n'


@pytest.mark.parametrize(
    ('classes', 'images', 'ids', 'message'),
    [
        (6, ['a/x.JPEG', 'b/x.JPEG'], IN_ORDER, 'two images have the same file name'),
        (6, ['x.JPEG'], [1, 2, 3, 4, 5], 'the predictions have 6 classes, the development kit has 5'),
        (4, ['x.JPEG'], [1, 2, 3, 4], 'it takes 5 an image'),
    ],
)
def test_what_has_no_submission(classes, images, ids, message, tmp_path):
    path = tmp_path / 'submission.txt'
    with pytest.raises(DataError, match=message):
        write_submission(predictions(np.full((len(images), classes), 1 / classes), images), ids, path)
    assert not path.exists()
