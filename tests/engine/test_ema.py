"""Averaging weights is off; mmengine's EMAHook, turned on by the user, works with our networks."""

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel

from senet_mm.engine.checkpoint import load_checkpoint
from senet_mm.models import SEResNet
from tests.engine.small import CLASSES, settings, train


class Classifier(BaseModel):
    """SE-ResNet-18 and a linear layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = SEResNet(depth=18)
        self.head = torch.nn.Linear(512, CLASSES)
        self.double()

    def forward(self, inputs, labels, mode='tensor'):
        scores = self.head(self.backbone(inputs)[-1].mean((2, 3)))
        return dict(loss=torch.nn.functional.cross_entropy(scores, labels)) if mode == 'loss' else scores


class Record(Hook):
    """The weights after every iteration."""

    def __init__(self):
        self.states = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.states.append({name: value.clone() for name, value in runner.model.named_parameters()})


def test_the_checkpoint_has_the_average(tmp_path):
    record = Record()
    cfg = settings(tmp_path / 'run', 16, epochs=2)
    cfg.default_hooks.ema = dict(type='EMAHook', momentum=0.1)  # as from the command line
    train(Classifier(), cfg, hooks=[record])
    average = dict(record.states[0])
    for state in record.states[1:]:
        average = {name: 0.9 * value + 0.1 * state[name] for name, value in average.items()}
    saved = load_checkpoint(tmp_path / 'run' / 'epoch_2.pth')
    assert len(record.states) == 4
    for name, value in average.items():
        torch.testing.assert_close(saved['state_dict'][name], value, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(saved['ema_state_dict'][f'module.{name}'], record.states[-1][name])
    assert (saved['state_dict']['head.weight'] - record.states[-1]['head.weight']).abs().max() > 1e-4
