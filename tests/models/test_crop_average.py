"""The mean over crops against mmpretrain's, and against the network run crop by crop."""

import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmengine.registry import MODELS, init_default_scope
from mmpretrain.structures import DataSample

CROPS, IMAGES, CLASSES = 3, 4, 6


def classifier():
    """A small classifier, the same at every call."""
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    classifier = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='senet_mm.SEResNet', depth=18),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', num_classes=CLASSES, in_channels=512),
            data_preprocessor=dict(mean=[120.0, 110.0, 100.0], std=[50.0, 60.0, 70.0], to_rgb=True),
        )
    )
    with torch.no_grad():
        classifier.head.fc.weight.mul_(5)  # so that the crops do not agree
    return classifier.eval()


def batch(collate):
    """What a data loader makes of images with several crops."""
    generator = torch.Generator().manual_seed(1)
    samples = []
    for image in range(IMAGES):
        views = torch.randint(256, (CROPS, 3, 32, 32), generator=generator, dtype=torch.uint8)
        infos = [DataSample(metainfo=dict(img_path=f'{image}.png')).set_gt_label(image) for _ in range(CROPS)]
        samples.append(dict(inputs=list(views), data_samples=infos))
    return collate(samples)


def build(kind, module):
    return MODELS.build(dict(type=kind, module=module))


@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
@torch.no_grad()
def test_it_is_mmpretrains_mean_in_one_forward_pass(collate):
    module = classifier()
    calls = []
    module.backbone.register_forward_hook(lambda _, inputs, __: calls.append(tuple(inputs[0].shape)))
    expected = build('AverageClsScoreTTA', module).test_step(batch(collate))
    assert calls == [(IMAGES, 3, 32, 32)] * CROPS
    calls.clear()
    found = build('senet_mm.CropAverage', module).test_step(batch(collate))
    assert calls == [(CROPS * IMAGES, 3, 32, 32)]
    assert len(found) == len(expected) == IMAGES
    for image, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        torch.testing.assert_close(ours.pred_score, theirs.pred_score)
        assert ours.gt_label.item() == image
        assert ours.img_path == f'{image}.png'


@torch.no_grad()
def test_the_predicted_class_is_that_of_the_mean():
    module = classifier()
    found = build('senet_mm.CropAverage', module).test_step(batch(default_collate))
    views = batch(default_collate)['inputs']
    mean, std = torch.tensor([120.0, 110, 100]).view(3, 1, 1), torch.tensor([50.0, 60, 70]).view(3, 1, 1)
    scores = torch.stack([module((view.flip(1).float() - mean) / std).softmax(1) for view in views])
    for sample, score in zip(found, scores.mean(0), strict=True):
        torch.testing.assert_close(sample.pred_score, score)
        assert sample.pred_label.tolist() == [score.argmax().item()]
    assert (scores[0].argmax(1) != scores.mean(0).argmax(1)).any(), 'the first crop alone would do'


def test_weights_of_the_classifier_load_through_it():
    from mmengine.runner.checkpoint import load_state_dict

    wrapped = build('senet_mm.CropAverage', classifier())
    state = {name: torch.zeros_like(value) for name, value in classifier().state_dict().items()}
    load_state_dict(wrapped, state, strict=True)
    assert not wrapped.module.head.fc.weight.any()
