"""Weights trained with the other `style` fit by name and shape; they must be refused all the same."""

import pytest
import torch

from senet_mm.models import SEResNet
from senet_mm.models.pretrained import trained_style

TEXT = (
    "model = dict(\n    backbone=dict(depth=50, style='caffe', type='senet_mm.ResNet'),\n    type='ImageClassifier')\n"
)


@pytest.mark.parametrize(
    ('checkpoint', 'style'),
    [
        (dict(meta=dict(cfg=TEXT)), 'caffe'),
        (dict(meta=dict(config=TEXT.replace('caffe', 'pytorch'))), 'pytorch'),
        (dict(meta=dict(cfg="model = dict(backbone=dict(type='VGG'))")), None),
        (dict(meta=dict(cfg='model = (')), None),
        (dict(meta=dict()), None),
        (dict(state_dict={}), None),
    ],
)
def test_style_is_read_from_the_runs_config(checkpoint, style):
    assert trained_style(checkpoint) == style


def checkpoint_of(backbone, path, style):
    state = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
    torch.save(dict(meta=dict(cfg=TEXT.replace('caffe', style)), state_dict=state), path)
    return dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')


def test_other_style_is_refused(tmp_path):
    trained = SEResNet(50, style='caffe')
    init_cfg = checkpoint_of(trained, tmp_path / 'run.pth', 'caffe')
    with pytest.raises(ValueError, match=r"trained with style='caffe', this backbone has style='pytorch'.*style=caffe"):
        SEResNet(50, init_cfg=init_cfg).init_weights()


def test_same_style_loads_every_weight(tmp_path):
    trained = SEResNet(50, style='caffe')
    backbone = SEResNet(50, style='caffe', init_cfg=checkpoint_of(trained, tmp_path / 'run.pth', 'caffe'))
    backbone.init_weights()
    expected = trained.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in backbone.state_dict().items())
