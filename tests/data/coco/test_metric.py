"""AP against closed forms, against mmdet's metric, and the same by every evaluator."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.evaluation import CocoMetric

from senet_mm.data.coco import metric as module
from senet_mm.data.coco.metric import CocoMinivalMetric

CLASSES = ('cat', 'dog', 'bird')
CATEGORIES = (3, 8, 11)
BACKENDS = ('faster-coco-eval', 'pycocotools')
SIZE = 640


def annotation(number, image, label, box, crowd=0):
    area = box[2] * box[3]
    return dict(id=number, image_id=image, category_id=CATEGORIES[label], bbox=box, area=area, iscrowd=crowd)


@pytest.fixture
def minival(tmp_path):
    """A function that writes COCO 2017's minival with the given annotations; returns its folder."""

    def write(annotations, images):
        for folder in ('annotations', 'val2017'):
            (tmp_path / folder).mkdir(exist_ok=True)
        document = dict(
            images=[dict(id=image, width=SIZE, height=SIZE, file_name=f'{image:012}.jpg') for image in images],
            annotations=annotations,
            categories=[dict(id=number, name=name) for number, name in zip(CATEGORIES, CLASSES, strict=True)],
        )
        (tmp_path / 'annotations' / 'instances_val2017.json').write_text(json.dumps(document))
        return tmp_path

    return write


def evaluate(metric, detections):
    """Detections: image → list of (label, (x, y, width, height), score)."""
    metric.dataset_meta = dict(classes=CLASSES)
    for image, found in detections.items():
        boxes = torch.tensor([box for _, box, _ in found], dtype=torch.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        instances = dict(
            bboxes=boxes,
            scores=torch.tensor([score for *_, score in found], dtype=torch.float64),
            labels=torch.tensor([label for label, *_ in found], dtype=torch.int64),
        )
        metric.process({}, [dict(img_id=image, ori_shape=(SIZE, SIZE), pred_instances=instances)])
    return metric.evaluate(len(detections))


def random_boxes(rng, number):
    corners, sizes = rng.uniform(0, 400, (number, 2)), np.exp(rng.uniform(2, 5.4, (number, 2)))
    return np.concatenate([corners, sizes], axis=1).round(2)


def random_set(rng, images, boxes, misses=0.3):
    """Annotations, a few of them crowds, and detections near most of them, with others in between."""
    annotations, detections = [], {}
    for image in range(1, images + 1):
        truth, labels = random_boxes(rng, boxes), rng.integers(0, 3, boxes)
        crowds = rng.random(boxes) < 0.1
        for box, label, crowd in zip(truth.tolist(), labels.tolist(), crowds.tolist(), strict=True):
            annotations.append(annotation(len(annotations) + 1, image, label, box, int(crowd)))
        found = truth[rng.random(boxes) > misses]
        found = np.concatenate([found + rng.normal(0, 3, found.shape), random_boxes(rng, boxes // 2)])
        found[:, 2:] = np.maximum(found[:, 2:], 1)
        given = [*labels[: len(found)].tolist(), *rng.integers(0, 3, max(0, len(found) - boxes)).tolist()]
        scores = rng.permutation(len(found)).astype(float) / len(found)
        detections[image] = list(zip(given, found.tolist(), scores.tolist(), strict=True))
    return annotations, detections


@pytest.mark.parametrize('evaluator', BACKENDS)
def test_ap_is_the_area_that_the_definition_gives(minival, evaluator):
    """Two cats and a dog; one cat is found exactly, then a wrong dog, then the dog with an IoU of 0.72."""
    root = minival(
        [
            annotation(1, 1, 0, [0, 0, 100, 100]),
            annotation(2, 2, 0, [0, 0, 20, 20]),
            annotation(3, 2, 1, [0, 0, 50, 50]),
        ],
        images=[1, 2],
    )
    detections = {
        1: [(0, (0, 0, 100, 100), 0.9), (1, (300, 300, 50, 50), 0.8)],
        2: [(1, (0, 0, 50, 36), 0.7)],
    }
    metrics = evaluate(CocoMinivalMetric(str(root), evaluator, classwise=True), detections)
    cat = 51 / 101  # precision 1 at the recalls 0, 0.01, …, 0.5
    dog = 0.5 * 5 / 10  # precision 1/2 at every recall, for the IoUs 0.5, 0.55, …, 0.7
    expected = dict(mAP=(cat + dog) / 2, mAP_50=(cat + 0.5) / 2, mAP_75=(cat + 0) / 2, mAP_s=0, mAP_m=dog, mAP_l=1)
    assert {name: metrics[f'coco/bbox_{name}'] for name in expected} == pytest.approx(expected, abs=1e-12)
    by_class = dict(cat=cat, dog=dog, bird=-1)
    assert {name: metrics[f'coco/{name}_precision'] for name in by_class} == pytest.approx(by_class, abs=1e-12)


@pytest.mark.parametrize('evaluator', BACKENDS)
def test_mmdets_metric_rounds_these_figures(minival, evaluator):
    annotations, detections = random_set(np.random.default_rng(0), images=6, boxes=12)
    root = minival(annotations, detections)
    mine = evaluate(CocoMinivalMetric(str(root), evaluator), detections)
    theirs = evaluate(CocoMetric(str(root / 'annotations' / 'instances_val2017.json')), detections)
    assert mine.keys() == theirs.keys()
    assert {name: round(value, 3) for name, value in mine.items()} == theirs
    assert mine['coco/bbox_mAP'] != theirs['coco/bbox_mAP']
    assert 0.01 < mine['coco/bbox_mAP'] < 0.9


@pytest.mark.parametrize('evaluator', BACKENDS)
def test_of_a_subset_its_images_count_and_no_others(minival, evaluator):
    annotations, detections = random_set(np.random.default_rng(1), images=6, boxes=12)
    some = {image: detections[image] for image in (2, 3, 5)}
    on_some = evaluate(CocoMinivalMetric(str(minival(annotations, detections)), evaluator), some)
    cut = minival([entry for entry in annotations if entry['image_id'] in some], some)
    assert on_some == pytest.approx(evaluate(CocoMinivalMetric(str(cut), evaluator), some), abs=1e-12)
    assert on_some['coco/bbox_mAP'] > 0.01


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), images=st.integers(1, 4), boxes=st.integers(1, 60))
def test_both_evaluators_give_the_same(seed, images, boxes, tmp_path_factory):
    annotations, detections = random_set(np.random.default_rng(seed), images, boxes)
    root = tmp_path_factory.mktemp('coco')
    (root / 'val2017').mkdir()
    (root / 'annotations').mkdir()
    document = dict(
        images=[dict(id=image, width=SIZE, height=SIZE, file_name=f'{image}.jpg') for image in detections],
        annotations=annotations,
        categories=[dict(id=number, name=name) for number, name in zip(CATEGORIES, CLASSES, strict=True)],
    )
    (root / 'annotations' / 'instances_val2017.json').write_text(json.dumps(document))
    one, other = (
        evaluate(CocoMinivalMetric(str(root), evaluator, classwise=True), detections) for evaluator in BACKENDS
    )
    assert one == pytest.approx(other, abs=1e-12)


@pytest.mark.parametrize('evaluator', BACKENDS)
def test_only_the_hundred_best_boxes_of_an_image_count(minival, evaluator):
    """mmdet's (100, 300, 1000) lets faster-coco-eval count 1000 of them, and pycocotools for AP50."""
    root = minival([annotation(1, 1, 0, [0, 0, 100, 100])], images=[1])
    wrong = [(0, (300, 300, 50, 50), 0.9)] * 100
    metrics = evaluate(CocoMinivalMetric(str(root), evaluator), {1: [*wrong, (0, (0, 0, 100, 100), 0.1)]})
    assert metrics['coco/bbox_mAP'] == metrics['coco/bbox_mAP_50'] == 0
    metrics = evaluate(CocoMinivalMetric(str(root), evaluator), {1: [*wrong[1:], (0, (0, 0, 100, 100), 0.1)]})
    assert metrics['coco/bbox_mAP'] == pytest.approx(1 / 100)


def test_a_detector_that_finds_nothing_has_ap_0(minival):
    """mmdet's metric has no AP then, and whoever waits for it stops with a KeyError."""
    root = minival([annotation(1, 1, 0, [0, 0, 100, 100])], images=[1])
    metrics = evaluate(CocoMinivalMetric(str(root)), {1: []})
    assert metrics == {f'coco/bbox_{name}': 0.0 for name in ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')}
    assert evaluate(CocoMinivalMetric(str(root), metric_items=['mAP']), {1: []}) == {'coco/bbox_mAP': 0.0}


def test_options_of_mmdets_metric_still_work(minival, tmp_path):
    root = minival([annotation(1, 1, 0, [0, 0, 100, 100])], images=[1])
    detections = {1: [(0, (0, 0, 100, 100), 0.9)]}
    metric = CocoMinivalMetric(str(root), metric=['bbox', 'proposal'], metric_items=['mAP', 'AR@100'])
    assert evaluate(metric, detections)['coco/AR@100'] == 1
    only = CocoMinivalMetric(str(root), format_only=True, outfile_prefix=str(tmp_path / 'found'))
    assert evaluate(only, detections) == {}
    assert json.loads((tmp_path / 'found.bbox.json').read_text())[0]['category_id'] == CATEGORIES[0]


def test_auto_takes_what_is_installed(monkeypatch):
    assert module._evaluator('auto').__name__ == 'COCOeval_faster'
    monkeypatch.setitem(__import__('sys').modules, 'faster_coco_eval', None)
    assert module._evaluator('auto').__module__ == 'pycocotools.cocoeval'
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'senet_mm\[fast\]'"):
        module._evaluator('faster-coco-eval')
    with pytest.raises(ValueError, match="evaluator='fast': there are 'auto', 'faster-coco-eval', 'pycocotools'"):
        module._evaluator('fast')
