"""The validation loss against torch's cross entropy, and in the evaluator of the ImageNet configs."""

import math

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope

from senet_mm.registry import METRICS


def sample(scores, label):
    return dict(pred_score=scores, gt_label=torch.tensor([label]))


def evaluate(samples):
    metric = METRICS.build(dict(type='senet_mm.ValidationLoss'))
    for start in range(0, len(samples), 7):
        metric.process(None, samples[start : start + 7])
    return metric.evaluate(len(samples))


def test_it_is_the_mean_cross_entropy():
    torch.manual_seed(0)
    logits, labels = 4 * torch.randn(50, 10), torch.randint(10, (50,))
    samples = [sample(row.softmax(0), int(label)) for row, label in zip(logits, labels, strict=True)]
    expected = torch.nn.functional.cross_entropy(logits.double(), labels).item()
    assert evaluate(samples) == {'loss/cross_entropy': pytest.approx(expected, rel=1e-6)}


@pytest.mark.parametrize(
    ('kind', 'smallest'), [(torch.float32, 2.0**-126), (torch.float16, 2.0**-14), (torch.bfloat16, 2.0**-126)]
)
def test_a_probability_rounded_to_zero_is_finite(kind, smallest):
    loss = evaluate([sample(torch.tensor([1.0, 0.0], dtype=kind), 1)])['loss/cross_entropy']
    assert loss == pytest.approx(-math.log(smallest))


@pytest.mark.parametrize('name', ['resnet50', 'se_mobilenet_v1', 'inception_resnet_v2'])
def test_the_imagenet_configs_report_it_in_validation(name):
    init_default_scope('mmpretrain')
    cfg = Config.fromfile(f'configs/{name}_imagenet.py')
    evaluator = Evaluator(cfg.val_evaluator)
    torch.manual_seed(1)
    samples = [sample(torch.randn(1000).softmax(0), label) for label in range(8)]
    evaluator.process(data_samples=samples)
    metrics = evaluator.evaluate(len(samples))
    assert set(metrics) == {'accuracy/top1', 'accuracy/top5', 'loss/cross_entropy'}
    if 'mobilenet' in name:
        assert cfg.param_scheduler.monitor in metrics
