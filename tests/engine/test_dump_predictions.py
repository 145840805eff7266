"""A test run's predictions: what the network said, in the file."""

import contextlib
import json

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from senet_mm.engine.dump_predictions import DumpDetections, DumpPredictions
from senet_mm.engine.predictions import NO_LABEL, Predictions


@pytest.mark.parametrize('files', [True, False])
def test_the_metric_writes_what_the_network_said(files, tmp_path):
    rng = np.random.default_rng(0)
    scores, labels = rng.dirichlet(np.ones(3), 4).astype(np.float32), np.array([2, 0, NO_LABEL, 1])
    images = ['a.JPEG', 'b.JPEG', 'c.JPEG', 'd.JPEG'] if files else ['00000000', '00000001', '00000002', '00000003']
    samples = []
    for score, label, image in zip(scores, labels, images, strict=True):
        sample = dict(pred_score=torch.tensor(score), **(dict(img_path=f'somewhere/{image}') if files else {}))
        samples.append(sample if label == NO_LABEL else dict(sample, gt_label=torch.tensor([label])))
    metric = DumpPredictions(str(tmp_path / 'scores.npz'), dict(config='c.py'))
    metric.process(None, samples[:3])
    metric.process(None, samples[3:])
    assert metric.evaluate(4) == {}
    found = Predictions.load(tmp_path / 'scores.npz')
    np.testing.assert_array_equal(found.scores, scores)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.images.tolist() == images
    assert found.source == dict(config='c.py')


def test_a_detectors_file_is_what_coco_reads(tmp_path):
    """Evaluated by pycocotools: of two objects one is found exactly, and the other is not: AP is 51/101."""
    categories = [dict(id=3, name='cat'), dict(id=8, name='dog')]
    truth = [
        dict(id=number, image_id=7, category_id=8, bbox=box, area=box[2] * box[3], iscrowd=0)
        for number, box in enumerate([[10.5, 20, 30, 40.25], [200, 200, 50, 50]], start=1)
    ]
    images = [dict(id=7, width=640, height=480), dict(id=9, width=640, height=480)]
    (tmp_path / 'truth.json').write_text(json.dumps(dict(images=images, annotations=truth, categories=categories)))
    metric = DumpDetections(str(tmp_path / 'found.json'), categories=[3, 8])
    found = dict(
        bboxes=torch.tensor([[10.5, 20, 40.5, 60.25], [0, 0, 5, 5]]),
        scores=torch.tensor([0.75, 0.125]),
        labels=torch.tensor([1, 1]),
    )
    nothing = {name: value[:0] for name, value in found.items()}
    metric.process(None, [dict(img_id=7, pred_instances=found), dict(img_id=9, pred_instances=nothing)])
    assert metric.evaluate(2) == {}
    assert json.loads((tmp_path / 'found.json').read_text()) == [
        dict(image_id=7, category_id=8, bbox=[10.5, 20, 30, 40.25], score=0.75),
        dict(image_id=7, category_id=8, bbox=[0, 0, 5, 5], score=0.125),
    ]
    with contextlib.redirect_stdout(None):
        coco = COCO(str(tmp_path / 'truth.json'))
        evaluation = COCOeval(coco, coco.loadRes(str(tmp_path / 'found.json')), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(51 / 101)
