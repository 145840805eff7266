"""What a checkpoint that does not fit the model of a run is told, and when."""

import logging
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseTTAModel, MMDistributedDataParallel
from torch import nn

from senet_mm.data.errors import DataError
from senet_mm.engine.checkpoint_fit import CheckpointFit, Fit, forget_paths
from senet_mm.models import ResNet


class Classifier(nn.Module):
    def __init__(self, depth=18, classes=10, **backbone):
        super().__init__()
        self.backbone = ResNet(depth, **backbone)
        self.head = nn.Linear(512, classes)

    def test_step(self, data):
        raise NotImplementedError


def check(model, state, purpose='test', caplog=None, **more):
    runner = SimpleNamespace(
        model=model, cfg=Config(dict(model={})), work_dir='work_dirs/x', logger=logging.getLogger('checkpoint_fit')
    )
    if caplog:
        caplog.set_level(logging.INFO, 'checkpoint_fit')
    CheckpointFit('epoch_1.pth', purpose).after_load_checkpoint(runner, {'state_dict': state, **more})


SE = dict(se=dict(ratio=16))
PLAIN = Classifier()


def test_a_fit_is_counted():
    state = PLAIN.state_dict()
    fit = Fit.of(PLAIN, state)
    assert fit.whole
    assert fit.loaded == len(state)
    del state['backbone.conv1.weight'], state['backbone.bn1.num_batches_tracked']
    state['extra'] = state['data_preprocessor.mean'] = torch.ones(1)
    state['head.weight'] = torch.ones(5, 512)
    fit = Fit.of(PLAIN, state)
    assert fit.missing == ['backbone.conv1.weight']
    assert fit.left_over == ['extra']
    assert fit.shapes == {'head.weight': ('(5, 512)', '(10, 512)')}
    assert fit.loaded == len(PLAIN.state_dict()) - 3


@pytest.mark.parametrize(
    ('model', 'other', 'likely', 'listed'),
    [
        ({}, dict(classes=7), 'another number of classes', '2 of another shape: head.weight (7, 512) there, (10, 5'),
        (SE, {}, 'a network without SE; this config has SE', '32 missing: backbone.layer1.0.se.fc1.weight, '),
        ({}, SE, 'a network with SE; this config has none', '32 left over: backbone.layer1.0.se.fc1.weight, '),
        (SE, dict(se=dict(ratio=8)), 'other SE options, such as se.ratio', '24 of another shape: backbone.layer1.0.se'),
        (SE, dict(se=dict(bias=False)), 'other SE options', '16 missing: backbone.layer1.0.se.fc1.bias, '),
        ({}, dict(depth=34), 'another architecture or depth', '80 left over: backbone.layer1.2.conv1.weight, '),
        (dict(depth=34), {}, 'another architecture or depth', '80 missing: backbone.layer1.2.conv1.weight, '),
    ],
)  # fmt: skip
def test_a_test_needs_every_weight(model, other, likely, listed):
    with pytest.raises(DataError, match='does not fit the model of this config') as error:
        check(Classifier(**model), Classifier(**other).state_dict())
    beginning, *kinds, last = str(error.value).splitlines()
    assert beginning.startswith('epoch_1.pth ')
    assert likely in last
    assert any(line.startswith(f'  {listed}') for line in kinds), kinds
    assert max(map(len, kinds)) < 250


def test_what_does_not_matter_is_not_asked_for():
    state = PLAIN.state_dict()
    state = {key: value for key, value in state.items() if 'num_batches_tracked' not in key}
    state |= {'data_preprocessor.mean': torch.ones(3), 'ema_backbone_conv1_weight': torch.ones(1)}
    check(PLAIN, state)


def test_names_of_other_wrappers_and_toolboxes_are_understood():
    model, other = Classifier(**SE), Classifier(**SE)
    state = {}
    for key, value in other.state_dict().items():  # mmpretrain's
        state[
            'module.' + key.replace('.se.fc1.', '.se_layer.conv1.conv.').replace('.se.fc2.', '.se_layer.conv2.conv.')
        ] = value
    check(model, state)
    expected = other.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())


def test_the_models_own_wrappers_are_seen_through(monkeypatch):
    class Mirrored(BaseTTAModel):
        def merge_preds(self, data_samples_list):
            raise NotImplementedError

    check(Mirrored(module=PLAIN), PLAIN.state_dict())
    monkeypatch.setattr(MMDistributedDataParallel, '__init__', nn.Module.__init__)
    wrapped = MMDistributedDataParallel()
    wrapped.module = PLAIN
    check(wrapped, PLAIN.state_dict())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_cast_and_said(caplog, dtype):
    weights = Classifier().state_dict()
    model = Classifier()
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in weights.items()}
    check(model, state, caplog=caplog)
    assert f'epoch_1.pth is in half precision ({dtype}); cast to float32.' in caplog.text
    assert model.head.weight.dtype == torch.float32
    torch.testing.assert_close(model.head.weight, weights['head.weight'], rtol=2**-8, atol=1e-7)


def test_a_whole_checkpoint_is_taken_without_a_word(caplog):
    check(PLAIN, PLAIN.state_dict(), caplog=caplog)
    check(PLAIN, PLAIN.state_dict(), 'fine-tune', caplog)
    assert caplog.text == ''


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({}, 'epoch_1.pth: 120 weights fit the model.*2 of another shape: head.weight'),
        (SE, 'epoch_1.pth: 120 .*32 missing: backbone.layer1.0.se.fc1.weight.*2 of another shape'),
    ],
)
def test_fine_tuning_takes_another_head_and_new_se_and_says_so(caplog, options, said):
    check(Classifier(**options), Classifier(classes=7).state_dict(), 'fine-tune', caplog)
    assert re.search(said, caplog.text, re.DOTALL)
    assert caplog.records[0].levelname == 'WARNING'


@pytest.mark.parametrize(
    ('model', 'other'),
    [({}, dict(depth=34)), (dict(depth=34), {}), ({}, SE), (SE, dict(se=dict(ratio=8)))],
)
def test_fine_tuning_needs_the_backbone(model, other):
    with pytest.raises(DataError, match='does not fit the model of this config'):
        check(Classifier(**model), Classifier(**other).state_dict(), 'fine-tune')


@pytest.mark.parametrize('state', [{}, {'model': {'head.bias': torch.ones(10)}}, PLAIN.backbone.state_dict()])
def test_fine_tuning_from_nothing_is_refused(state):
    with pytest.raises(DataError, match=r'Nothing of it fits.*tools/convert_weights\.py'):
        check(PLAIN, state, 'fine-tune')


def test_weights_that_are_none_are_refused():
    with pytest.raises(DataError, match=r'(?s)cannot be loaded into the model: .*head\.bias'):
        check(PLAIN, {**PLAIN.state_dict(), 'head.bias': [1.0]})


def test_resuming_needs_the_state_of_the_training(caplog):
    state = PLAIN.state_dict()
    with pytest.raises(DataError, match=r'cannot be resumed: it lacks message_hub, optimizer\. .*load_from='):
        check(PLAIN, state, 'resume', meta={})
    check(PLAIN, state, 'resume', meta={}, message_hub={}, optimizer={})
    with pytest.raises(DataError, match='does not fit'):
        check(PLAIN, Classifier(classes=7).state_dict(), 'resume', meta={}, message_hub={}, optimizer={})


@pytest.mark.parametrize(
    ('best', 'kept'),
    [
        ('run/best_accuracy_epoch_3.pth', True),
        ('run/../run/best_accuracy_epoch_3.pth', True),
        ('run', False),
        ('run/other/best.pth', False),
        ('run/../other/best.pth', False),
        ('other/best.pth', False),
        ('/etc/passwd', False),
        (7, False),
    ],
)
def test_a_resumed_run_forgets_files_that_are_not_its_own(tmp_path, monkeypatch, best, kept):
    monkeypatch.chdir(tmp_path)
    hub = {'runtime_info': {'best_ckpt': best, 'best_ckpt_loss': best, 'iter': 3, 'keep_ckpt_ids': [1, '/x', 2]}}
    forget_paths(hub, tmp_path / 'run')
    expected = {'best_ckpt': best, 'best_ckpt_loss': best} if kept else {}
    assert hub['runtime_info'] == {**expected, 'iter': 3, 'keep_ckpt_ids': [1, 2]}
