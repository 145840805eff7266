"""A test run's predictions: what the network said, in the file."""

import numpy as np
import pytest
import torch

from senet_mm.engine.dump_predictions import DumpPredictions
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
