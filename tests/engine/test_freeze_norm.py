"""BatchNorm frozen for the last epochs: what stays, what goes on, and what a resumed run does."""

import pytest
import torch
from mmengine.config import Config

from senet_mm.engine.checkpoint import load_checkpoint
from senet_mm.engine.freeze_norm import FreezeNormHook
from senet_mm.registry import HOOKS
from tests.engine.small import Data, Small, settings, train

HOOK = dict(type='senet_mm.FreezeNormHook', last_epochs=2)


@pytest.fixture(scope='module')
def frozen(tmp_path_factory):
    """A run of four epochs with the last two frozen, and its network after each epoch."""
    folder = tmp_path_factory.mktemp('frozen') / 'run'
    runner = train(Small('BN'), settings(folder, 8, epochs=4, custom_hooks=[HOOK]))
    return runner, [load_checkpoint(folder / f'epoch_{epoch}.pth')['state_dict'] for epoch in (1, 2, 3, 4)]


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_statistics_and_weights_of_batchnorm_stay_and_all_else_goes_on(frozen):
    _, (first, second, third, fourth) = frozen
    convolutions = {f'layers.{layer}.{name}' for layer in (0, 3) for name in ('weight', 'bias')}
    norm = {f'layers.1.{name}' for name in ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')}
    assert changed(first, second) == convolutions | norm
    assert changed(second, third) == changed(third, fourth) == convolutions


def test_it_normalises_with_the_running_statistics(frozen):
    """The third epoch written out: evaluation mode, and an optimizer that does not know the layer's weights."""
    runner, (_, second, third, _) = frozen
    network, data = Small('BN'), Data()
    network.load_state_dict(second)
    network.layers[1].eval()
    trained = [parameter for name, parameter in network.named_parameters() if not name.startswith('layers.1.')]
    optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9, weight_decay=0.01)
    saved = load_checkpoint(f'{runner.work_dir}/epoch_2.pth')['optimizer']['state']
    order = [name for name, _ in network.named_parameters()]
    for name, parameter in network.named_parameters():
        if not name.startswith('layers.1.'):
            optimizer.state[parameter]['momentum_buffer'] = saved[order.index(name)]['momentum_buffer'].clone()
    for start in range(0, 32, 8):
        part = slice(start, start + 8)
        optimizer.zero_grad()
        network(data.inputs[part], data.labels[part], mode='loss')['loss'].backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, third[name], rtol=1e-12, atol=1e-12)


def test_a_run_resumed_in_the_frozen_epochs_ends_as_the_whole_one(frozen, tmp_path):
    runner, (*_, fourth) = frozen
    cfg = settings(tmp_path / 'resumed', 8, epochs=4, custom_hooks=[HOOK], resume=True)
    cfg.load_from = f'{runner.work_dir}/epoch_3.pth'
    resumed = train(Small('BN'), cfg)
    assert resumed.epoch == 4
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, fourth[name]), name


@pytest.mark.parametrize(('last_epochs', 'trained'), [(0, {2, 3}), (1, {2}), (9, set())])
def test_the_number_of_epochs(last_epochs, trained, tmp_path):
    hook = dict(HOOK, last_epochs=last_epochs)
    train(Small('BN'), settings(tmp_path / 'run', 16, custom_hooks=[hook]))
    states = [load_checkpoint(tmp_path / 'run' / f'epoch_{epoch}.pth')['state_dict'] for epoch in (1, 2, 3)]
    moved = {epoch for epoch in (2, 3) if 'layers.1.weight' in changed(states[epoch - 2], states[epoch - 1])}
    assert moved == trained


def test_what_it_cannot_do_is_said(tmp_path):
    with pytest.raises(ValueError, match='last_epochs=-1'):
        HOOKS.build(dict(HOOK, last_epochs=-1))
    cfg = settings(tmp_path / 'run', 16, custom_hooks=[HOOK])
    cfg.train_cfg = dict(by_epoch=False, max_iters=3)
    cfg.param_scheduler = None
    with pytest.raises(ValueError, match='FreezeNormHook counts epochs'):
        train(Small('BN'), cfg)


@pytest.mark.parametrize('name', ['senet154', 'senet154_320', 'resnext152_64x4d'])
def test_senet154_uses_it(name):
    (hook,) = Config.fromfile(f'configs/{name}_imagenet.py').custom_hooks
    assert isinstance(HOOKS.build(hook), FreezeNormHook)
    assert hook.last_epochs == 5


@pytest.mark.slow
def test_two_processes_freeze_as_one_does(run_tool, tmp_path):
    """DistributedDataParallel waits for the gradient of every parameter that it was made with."""
    launcher = ('-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29520')
    kind = 'senet_mm.FreezeNormHook'
    for epochs in (1, 2):  # frozen from the first epoch; from the second
        out = tmp_path / f'{epochs}.pth'
        result = run_tool(*launcher, '-m', 'tests.engine.small', out, 'BN', epochs, kind)
        assert result.returncode == 0, result.stderr[-3000:]
    initial, one, two = Small('BN').state_dict(), torch.load(tmp_path / '1.pth'), torch.load(tmp_path / '2.pth')
    assert {name for name in initial if 'layers.1' in name and not torch.equal(one[name], initial[name])} == set()
    assert (two['layers.1.weight'] - initial['layers.1.weight']).abs().max() > 1e-3
    assert two['layers.1.num_batches_tracked'] == 4
