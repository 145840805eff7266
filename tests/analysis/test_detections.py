"""The picture of detections: what is drawn where, and files that are something else."""

import json

import pytest
from matplotlib import pyplot as plt

from senet_mm.analysis import detections
from senet_mm.analysis.detections import draw_detections
from senet_mm.data.errors import DataError
from tests.data.small import read


@pytest.fixture
def dataset(demo):
    """Its images are 19 to 26, see SIZES in conftest.py."""
    return dict(data_root=str(demo / 'coco'), split='minival')


def found(path, *results):
    keys = ('image_id', 'category_id', 'bbox', 'score')
    path.write_text(json.dumps([dict(zip(keys, result, strict=True)) for result in results]))
    return path


@pytest.fixture
def figure(monkeypatch):
    """The figure, instead of its file."""
    kept = []
    monkeypatch.setattr(plt.Figure, 'savefig', lambda figure, *args, **kwargs: kept.append(figure))
    monkeypatch.setattr(detections.plt, 'close', lambda figure: None)
    yield lambda: kept[-1]
    monkeypatch.undo()
    plt.close('all')


def boxes(axis):
    return [pytest.approx((*patch.get_xy(), patch.get_width(), patch.get_height())) for patch in axis.patches]


def test_each_run_has_a_row_with_its_boxes(demo, dataset, tmp_path, figure):
    plain = found(tmp_path / 'a.json', (20, 1, [1, 2, 30, 40], 0.9), (20, 2, [5, 5, 9, 9], 0.1))
    se = found(tmp_path / 'b.json', (22, 3, [7, 8, 20, 10], 0.6))
    draw_detections(dataset, dict(plain=plain, SE=se), tmp_path / 'x.png', number=2, threshold=0.5)
    axes = figure().axes
    assert [axis.get_ylabel() for axis in axes] == ['ground truth', '', 'plain', '', 'SE', '']
    assert [boxes(axis) for axis in axes[2:]] == [[(1, 2, 30, 40)], [], [], [(7, 8, 20, 10)]]
    assert [text.get_text() for axis in axes[2:] for text in axis.texts] == ['zero 0.90', 'two 0.60']
    truth = read(demo / 'coco', 'minival2014')['annotations']
    assert boxes(axes[0]) == [tuple(one['bbox']) for one in truth if one['image_id'] == 20]
    assert boxes(axes[1]) == [tuple(one['bbox']) for one in truth if one['image_id'] == 22]


def test_where_nothing_was_found_the_first_images_are_drawn(dataset, tmp_path, figure):
    draw_detections(dataset, dict(plain=found(tmp_path / 'a.json')), tmp_path / 'x.png', number=3)
    assert len(figure().axes) == 6
    assert not any(axis.patches for axis in figure().axes[3:])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'\x80\x05', 'not a file of detections'),
        (b'{"a": 1}', 'not a file of detections'),
        (b'[{"image_id": 20}]', 'not a file of detections .KeyError'),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]', 'of other images or classes'),
        (b'[{"image_id": 20, "category_id": 99, "bbox": [1, 2, 3, 4], "score": 0.5}]', 'of other images or classes'),
    ],
)
def test_another_file_is_refused(dataset, tmp_path, content, message):
    path = tmp_path / 'a.json'
    path.write_bytes(content)
    with pytest.raises(DataError, match=f'a.json is {message}'):
        draw_detections(dataset, dict(plain=path), tmp_path / 'x.png')
    assert not (tmp_path / 'x.png').exists()
