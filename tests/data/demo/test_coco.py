import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from senet_mm.data.demo.coco import PARTS, coco_scene
from senet_mm.data.demo.preparation import SOURCES
from tests.conftest import SIZES
from tests.data.small import read

SEED = 3


@pytest.fixture(scope='module')
def documents(demo):
    return {part.name: read(demo / 'coco', part.name) for part in PARTS}


def test_ids_are_unique_and_every_file_is_there(demo, documents):
    images = [image for document in documents.values() for image in document['images']]
    annotations = [annotation for document in documents.values() for annotation in document['annotations']]
    assert [image['id'] for image in images] == list(range(1, 27))
    assert [annotation['id'] for annotation in annotations] == list(range(1, len(annotations) + 1))
    assert len(images) == sum(SIZES['coco'].values())
    for part in PARTS:
        assert len(documents[part.name]['images']) == SIZES['coco'][part.name]
        for image in documents[part.name]['images']:
            assert image['file_name'] == f'COCO_{part.folder}_{image["id"]:012d}.jpg'
            with Image.open(demo / 'coco' / part.folder / image['file_name']) as picture:
                assert picture.size == (image['width'], image['height']) == (160, 160)
                assert picture.format == 'JPEG'


def test_boxes_and_labels_are_those_of_the_rendered_masks(documents, pools):
    for part in PARTS:
        document = documents[part.name]
        for index, image in enumerate(document['images']):
            scene = coco_scene(pools[part.pool], part, index, SEED)
            listed = [one for one in document['annotations'] if one['image_id'] == image['id']]
            assert len(listed) == len(scene.placements)
            for annotation, placement in zip(listed, scene.placements, strict=True):
                mask = np.zeros((160, 160), bool)
                height, width = placement.ink.shape
                mask[placement.y : placement.y + height, placement.x : placement.x + width] = placement.ink >= 0.5
                rows, columns = np.nonzero(mask)
                box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
                assert annotation['bbox'] == box
                assert annotation['area'] == box[2] * box[3]
                assert annotation['category_id'] == pools[part.pool].labels[placement.scan] + 1


def test_pictures_show_the_scenes(demo, documents, pools):
    for part in PARTS:
        image = documents[part.name]['images'][0]
        with Image.open(demo / 'coco' / part.folder / image['file_name']) as picture:
            stored = np.asarray(picture).astype(int)
        scene = coco_scene(pools[part.pool], part, 0, SEED)
        assert np.abs(stored - scene.image).mean() < 6  # what JPEG loses


def test_sources_are_those_of_the_scenes(demo, pools):
    sources = json.loads((demo / SOURCES).read_text())['coco']
    for part in PARTS:
        pool = pools[part.pool]
        scenes = [coco_scene(pool, part, index, SEED) for index in range(SIZES['coco'][part.name])]
        digits = {int(pool.indices[placement.scan]) for scene in scenes for placement in scene.placements}
        assert sources[part.name] == {
            'photographs': sorted({scene.photograph for scene in scenes}),
            'digits': sorted(digits),
        }


def evaluate(coco, shift):
    results = [
        {
            'image_id': annotation['image_id'],
            'category_id': annotation['category_id'],
            'bbox': [annotation['bbox'][0] + shift, *annotation['bbox'][1:]],
            'score': 0.9,
        }
        for annotation in coco.anns.values()
    ]
    evaluation = COCOeval(coco, coco.loadRes(results), 'bbox')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0]


def test_pycocotools_scores_perfect_boxes_1_and_misplaced_ones_0(demo):
    coco = COCO(str(demo / 'coco' / 'annotations' / 'instances_minival2014.json'))
    assert [category['name'] for category in coco.loadCats(coco.getCatIds())][:3] == ['zero', 'one', 'two']
    assert evaluate(coco, shift=0) == 1
    assert evaluate(coco, shift=500) == 0
