"""The picture of detections: what is drawn where, and files that are something else."""

import json

import pytest
from matplotlib import pyplot as plt
from mmengine.config import Config

from senet_mm.analysis import detections
from senet_mm.analysis.detections import draw_detections
from senet_mm.data.errors import DataError
from senet_mm.data.packs.packing import pack_folder
from tests.data.small import read


def config(data_root, kind='senet_mm.CocoMinival', split='minival'):
    dataset = dict(type=kind, data_root=str(data_root), split=split)
    return Config(dict(test_dataloader=dict(dataset=dataset)))


@pytest.fixture
def cfg(demo):
    """Its images are 19 to 26, see SIZES in conftest.py."""
    return config(demo / 'coco')


def found(path, *results):
    keys = ('image_id', 'category_id', 'bbox', 'score')
    path.write_text(json.dumps([dict(zip(keys, result, strict=True)) for result in results]))
    return path


@pytest.fixture
def figure(monkeypatch):
    """The figure, instead of its file."""
    kept = []

    def saved(figure, path, **_):
        path.touch()
        kept.append(figure)

    monkeypatch.setattr(plt.Figure, 'savefig', saved)
    monkeypatch.setattr(detections.plt, 'close', lambda figure: None)
    yield lambda: kept[-1]
    monkeypatch.undo()
    plt.close('all')


def boxes(axis):
    return [pytest.approx((*patch.get_xy(), patch.get_width(), patch.get_height())) for patch in axis.patches]


def test_each_run_has_a_row_with_its_boxes(demo, cfg, tmp_path, figure):
    plain = found(tmp_path / 'a.json', (20, 1, [1, 2, 30, 40], 0.9), (20, 2, [5, 5, 9, 9], 0.1))
    se = found(tmp_path / 'b.json', (22, 3, [7, 8, 20, 10], 0.6))
    draw_detections(cfg, dict(plain=plain, SE=se), tmp_path / 'x.png', number=2, threshold=0.5)
    axes = figure().axes
    assert [axis.get_ylabel() for axis in axes] == ['ground truth', '', 'plain', '', 'SE', '']
    assert [boxes(axis) for axis in axes[2:]] == [[(1, 2, 30, 40)], [], [], [(7, 8, 20, 10)]]
    assert [text.get_text() for axis in axes[2:] for text in axis.texts] == ['zero 0.90', 'two 0.60']
    truth = read(demo / 'coco', 'minival2014')['annotations']
    assert boxes(axes[0]) == [tuple(one['bbox']) for one in truth if one['image_id'] == 20]
    assert boxes(axes[1]) == [tuple(one['bbox']) for one in truth if one['image_id'] == 22]


def test_where_nothing_was_found_the_first_images_are_drawn(cfg, tmp_path, figure):
    draw_detections(cfg, dict(plain=found(tmp_path / 'a.json')), tmp_path / 'x.png', number=3)
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
def test_another_file_is_refused(cfg, tmp_path, content, message):
    path = tmp_path / 'a.json'
    path.write_bytes(content)
    with pytest.raises(DataError, match=f'a.json is {message}'):
        draw_detections(cfg, dict(plain=path), tmp_path / 'x.png')
    assert not (tmp_path / 'x.png').exists()


def test_the_name_says_the_format(cfg, tmp_path):
    starts = {'a.png': b'\x89PNG', 'a.JPG': b'\xff\xd8', 'a.svg': b'<?xml', 'a.pdf': b'%PDF'}
    for name, start in starts.items():
        out = draw_detections(cfg, dict(a=found(tmp_path / 'a.json')), tmp_path / 'new' / name, number=1)
        assert out.read_bytes().startswith(start)
    assert {path.name for path in (tmp_path / 'new').iterdir()} == set(starts)


def test_images_come_from_a_pack(demo, cfg, tmp_path):
    pack_folder(demo / 'coco', tmp_path / 'coco.zip')
    predictions = dict(a=found(tmp_path / 'a.json', (20, 1, [1, 2, 30, 40], 0.9)))
    pictures = [
        draw_detections(one, predictions, tmp_path / f'{name}.png', number=2).read_bytes()
        for name, one in (('folder', cfg), ('pack', config(tmp_path / 'coco.zip')))
    ]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ('name', 'changes', 'message'),
    [
        ('x.txt', {}, r'x\.txt: the name says the format, and has to end in \.png, \.jpg, '),
        ('x', {}, r'x: the name says the format'),
        ('x.png', dict(kind='ImageNet', split='val'), 'tests on ImageNet; detections are drawn on CocoMinival: give '),
        ('x.png', dict(kind='mmdet.CocoDataset'), 'tests on CocoDataset; detections are drawn on CocoMinival: give '),
        ('x.png', dict(data_root='nowhere'), 'The data of this config is missing'),
    ],
)
def test_what_cannot_be_drawn_is_said_before_the_predictions_are_read(demo, tmp_path, name, changes, message):
    cfg = config(**dict(data_root=demo / 'coco') | changes)
    with pytest.raises(DataError, match=message):
        draw_detections(cfg, dict(a=tmp_path / 'nothing.json'), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_config_without_a_test_set_has_nothing_to_draw_on(tmp_path):
    with pytest.raises(DataError, match='tests on nothing; detections are drawn on CocoMinival'):
        draw_detections(Config(dict(model={})), {}, tmp_path / 'x.png')


def test_a_picture_that_cannot_be_written_is_one_message(cfg, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match=r'x\.png could not be written: '):
        draw_detections(cfg, dict(a=found(tmp_path / 'a.json')), tmp_path / 'file' / 'x.png', number=1)
