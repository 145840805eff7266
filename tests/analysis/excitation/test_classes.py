"""Labels, names and the classes of a figure."""

from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

from senet_mm.analysis.excitation.classes import (
    PAPER_CLASSES,
    PAPER_WITHIN,
    choose_classes,
    class_names,
    find_classes,
    find_labels,
)
from senet_mm.analysis.excitation.statistics import Excitation
from senet_mm.data.errors import DataError

LABELS = range(1000)


def data_set(labels, **metainfo):
    return SimpleNamespace(metainfo=metainfo, get_gt_labels=lambda: labels)


def test_labels_are_those_that_occur():
    assert find_labels(data_set(np.array([7, 2, 7]))) == [2, 7]


@pytest.mark.parametrize('labels', [[[1, 2], [3, 4]], [[1, 2], [3]], [0.5, 1.5], ['a']])
def test_images_with_several_labels_or_none_have_no_class(labels):
    assert find_labels(data_set(labels)) is None


def test_detection_has_no_classes_of_images():
    assert find_labels(SimpleNamespace(metainfo=dict(classes=('cat', 'dog')))) is None


def test_names_are_the_data_sets_if_the_network_has_as_many():
    dataset = data_set([], classes=('zero', 'one', 'two'))
    model = dict(type='ImageClassifier', head=dict(num_classes=3))
    assert class_names(Config(dict(model=model)), dataset, [0, 2]) == ('zero', 'two')
    model['head']['num_classes'] = 2
    assert class_names(Config(dict(model=model)), dataset, [0, 2]) == ('0', '2')


def test_the_papers_classes_are_imagenets():
    assert find_classes(IMAGENET_CATEGORIES, LABELS, PAPER_CLASSES) == [1, 254, 404, 972]
    excitation = Excitation(tuple(IMAGENET_CATEGORIES), tuple(LABELS), {})
    assert choose_classes(excitation, None, PAPER_CLASSES) == [1, 254, 404, 972]
    assert choose_classes(excitation, None, PAPER_WITHIN) == [1, 404]
    assert choose_classes(excitation, ['Plane', '5'], PAPER_CLASSES) == [726, 5]


def test_other_data_sets_begin_with_their_first_classes():
    excitation = Excitation(tuple('0123456789'), tuple(range(10)), {})
    assert choose_classes(excitation, None, PAPER_CLASSES) == [0, 1, 2, 3]
    assert choose_classes(Excitation(('all images',), (0,), {}), None, PAPER_WITHIN) == [0]


def test_a_name_of_several_classes_asks_for_the_number():
    with pytest.raises(DataError, match=r"'crane' is the name of several classes; .* 134 \(crane\), 517 \(crane\)"):
        find_classes(IMAGENET_CATEGORIES, LABELS, ['crane'])
    with pytest.raises(DataError, match=r"^--within: 'crane' is the name of several"):
        find_classes(IMAGENET_CATEGORIES, LABELS, ['crane'], 'within')


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(DataError, match="no image is of class 'goldfisch'; nearest: goldfish"):
        find_classes(IMAGENET_CATEGORIES, LABELS, ['goldfisch'])


def test_a_label_finds_its_class_though_others_are_missing():
    assert find_classes(('cat', 'dog'), (3, 8), ['8', 'cat', 'Dog']) == [1, 0]
