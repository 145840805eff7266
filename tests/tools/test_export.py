"""tools/export.py as typed: a classifier, a detector's backbone, and what is refused."""

import json
from argparse import Namespace

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.data.errors import DataError
from senet_mm.engine.export import export
from tests.models.contract import randomise_statistics

CONFIG = 'configs/se_resnet20_cifar10.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A classifier with weights, and its checkpoint."""
    import_without_mmdet()
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        classifier = MODELS.build(Config.fromfile(CONFIG).model)
    randomise_statistics(classifier)
    classifier.eval()
    path = tmp_path_factory.mktemp('trained') / 'epoch_1.pth'
    torch.save(dict(state_dict=classifier.state_dict(), meta={}), path)
    return classifier, path


def test_a_classifier_gives_its_logits_for_any_number_of_images(run_tool, trained, tmp_path):
    classifier, checkpoint = trained
    out = tmp_path / 'se_resnet20.onnx'
    result = run_tool('tools/export.py', CONFIG, checkpoint, out, '--dynamic-batch')
    assert result.returncode == 0, result.stderr[-3000:]
    assert f'{out}: image (N,3,32,32), normalised as in {CONFIG} → logits' in result.stdout
    session = onnxruntime.InferenceSession(out)
    for count in (1, 4):
        images = torch.randn(count, 3, 32, 32)
        with torch.no_grad():
            expected = classifier(images).numpy()
        (logits,) = session.run(['logits'], {'image': images.numpy()})
        assert logits.shape == (count, 10)
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    meta = session.get_modelmeta().custom_metadata_map
    assert (meta['config'], meta['part'], meta['checkpoint']) == (CONFIG, 'whole', str(checkpoint))
    assert json.loads(meta['test_pipeline'])[0]['mean'] == [125.3, 123.0, 113.9]


def export_here(config, checkpoint, out, **options):
    """What the command does, without waiting for a process."""
    given = dict(cfg_options=None, part='whole', input_size=None, dynamic_batch=False, trust_checkpoint=False)
    export(Namespace(config=config, checkpoint=str(checkpoint), out=str(out), **dict(given, **options)))


def test_a_backbone_at_another_size(trained, tmp_path, capsys):
    classifier, checkpoint = trained
    out = tmp_path / 'backbone.pt2'
    indices = {'model.backbone.out_indices': [0, 2]}
    export_here(CONFIG, checkpoint, out, part='backbone', input_size=(48, 40), cfg_options=indices)
    assert 'image (1,3,40,48), normalised as in' in capsys.readouterr().out
    images = torch.randn(1, 3, 40, 48)
    with torch.no_grad():
        maps = torch.export.load(out).module()(images)
    assert [m.shape[1:] for m in maps] == [(16, 40, 48), (64, 10, 12)]
    torch.testing.assert_close(maps[1], classifier.backbone(images)[-1])


@pytest.mark.parametrize(
    ('config', 'checkpoint', 'out', 'message'),
    [
        (
            'configs/faster_rcnn_se_r50_2x_coco.py',
            None,
            'x.onnx',
            r'Of a detector, .* the backbone: --part backbone.*mmd',
        ),
        (CONFIG, None, 'x.tflite', r'has to end in \.onnx or \.pt2'),
        (CONFIG, 'nothing.pth', 'x.onnx', r'there is no checkpoint nothing\.pth'),
        ('configs/resnet20_cifar10.py', None, 'x.onnx', 'It looks like a network with SE; this config has none'),
        ('configs/nothing.py', None, 'x.onnx', r'there is no config file configs/nothing\.py'),
    ],
)
def test_what_is_refused_leaves_nothing(trained, tmp_path, config, checkpoint, out, message):
    with pytest.raises(DataError, match=f'(?s){message}'):
        export_here(config, checkpoint or trained[1], tmp_path / out)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_backbone_of_a_detector(tmp_path):
    config = 'configs/demo/faster_rcnn_se_r50_demo.py'
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=False)
    cfg = Config.fromfile(config)
    with DefaultScope.overwrite_default_scope('mmdet'):
        detector = MODELS.build(cfg.model)
    randomise_statistics(detector)
    torch.save(dict(state_dict=detector.state_dict()), tmp_path / 'iter_1.pth')
    out = tmp_path / 'backbone.onnx'
    export_here(config, tmp_path / 'iter_1.pth', out, part='backbone', input_size=(96, 64))
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        expected = detector.eval().backbone(images)
    outputs = onnxruntime.InferenceSession(out).run(None, {'image': images.numpy()})
    for ours, theirs in zip(expected, outputs, strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), rtol=0, atol=1e-4 * ours.abs().max().item())
