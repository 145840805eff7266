"""Checkpoints given to the commands: hostile ones are refused everywhere, wrong ones named, whole ones resumed."""

import itertools
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from senet_mm.engine.checkpoint import load_checkpoint, use_in_mmengine
from tests.engine import hostile
from tests.tools.options import classifier

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs' / 'demo' / 'se_resnet50_demo.py'
NUMBERS = itertools.count()
PLAIN = ROOT / 'configs' / 'demo' / 'resnet50_demo.py'


class Command:
    """A command of tools/, run in this process: its exit message, None for success, and what it printed."""

    def __init__(self, demo, capfd):
        self.demo, self.capfd = demo, capfd

    def __call__(self, tool, config, work_dir, *arguments, options=()):
        name = f'experiment_name=run{next(NUMBERS)}'  # mmengine's default is the second in which a run starts
        line = [f'tools/{tool}.py', config, *arguments, *classifier(self.demo, work_dir, name, *options)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, 'argv', [str(word) for word in line])
            patch.setattr(CheckpointLoader, '_schemes', CheckpointLoader._schemes.copy())
            patch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '')  # the command sets it for its process, which is ours
            try:
                runpy.run_path(line[0], run_name='__main__')
                message = None
            except SystemExit as end:
                message = end.code
            finally:
                use_in_mmengine(trust=False)
        return message, ''.join(self.capfd.readouterr())


@pytest.fixture
def command(demo, capfd):
    return Command(demo, capfd)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """What the tests share: `ema.py`, a config with EMA; `run/`, its work dir; `bad.pth`, a trap."""
    folder = tmp_path_factory.mktemp('checkpoints')
    (folder / 'ema.py').write_text(f"_base_ = '{CONFIG}'\ncustom_hooks = [dict(type='EMAHook')]\n")
    return folder


@pytest.fixture
def checkpoint(folder, command):
    """The first epoch of the run; the first test that needs it trains it."""
    path = folder / 'run' / 'epoch_1.pth'
    if not path.exists():
        options = ['train_cfg.max_epochs=1']
        message, log = command('train', folder / 'ema.py', path.parent, '--no-validate', options=options)
        assert message is None, log
    return path


@pytest.fixture
def canary(folder):
    """The file that a trap makes."""
    path = folder / 'canary'
    path.unlink(missing_ok=True)
    return path


@pytest.fixture
def bad(folder, checkpoint, canary):
    """The run's own checkpoint, with a trap in the optimiser's state."""
    path = folder / 'bad.pth'
    return path if path.exists() else hostile.in_optimizer(path, canary, load_checkpoint(checkpoint))


def test_a_run_resumes_with_all_of_its_state(command, folder, checkpoint):
    options = ['train_cfg.max_epochs=2']
    message, log = command('train', folder / 'ema.py', folder / 'run', '--no-validate', '--resume', options=options)
    assert message is None, log
    assert 'resumed epoch: 1, iter: 2' in log
    assert 'weights_only=False' not in log
    assert 'do not match' not in log
    first, second = load_checkpoint(checkpoint), load_checkpoint(folder / 'run' / 'epoch_2.pth')
    for saved, iterations in ((first, 2), (second, 4)):
        assert saved['meta']['iter'] == iterations
        assert saved['ema_state_dict']['steps'] == iterations
        assert saved['param_schedulers'][0]['_global_step'] == iterations
        losses, counts = saved['message_hub']['log_scalars']['train/loss'].data
        assert len(losses) == len(counts) == iterations
    assert second['message_hub']['log_scalars']['train/loss'].data[0][:2].tolist() == (
        first['message_hub']['log_scalars']['train/loss'].data[0].tolist()
    )
    assert len(second['optimizer']['state']) == len(first['optimizer']['state']) > 0


def entries(path, work_dir):
    """Every way to give a checkpoint to a command: tool, arguments, options."""
    return {
        'test': ('test', [path], []),
        'resume': ('train', ['--resume', path], []),
        'resume auto': ('train', ['--resume'], []),
        'load_from': ('train', [], [f'load_from={path}']),
        'init_cfg': (
            'train',
            [],
            [
                'model.backbone.init_cfg.type=Pretrained',
                f'model.backbone.init_cfg.checkpoint={path}',
                'model.backbone.init_cfg.prefix=backbone.',
            ],
        ),
    }


@pytest.mark.parametrize('entry', entries('', ''))
def test_a_hostile_checkpoint_is_refused(command, bad, canary, tmp_path, entry):
    (tmp_path / 'last_checkpoint').write_text(str(bad))
    tool, arguments, options = entries(bad, tmp_path)[entry]
    message, _ = command(tool, CONFIG, tmp_path, *arguments, options=['train_cfg.max_epochs=2', *options])
    assert message.startswith(f'{bad} is refused: it holds more than weights')
    assert 'system' in message
    assert '--trust-checkpoint' in message
    assert not canary.exists()


def test_trust_lets_it_in(command, bad, canary, tmp_path):
    message, log = command('test', CONFIG, tmp_path, bad, '--trust-checkpoint')
    assert message is None, log
    assert canary.exists()


def test_a_config_inside_a_checkpoint_is_not_executed(command, folder, checkpoint, canary, tmp_path):
    content = load_checkpoint(checkpoint)
    content['meta']['config'] = f"import pathlib\npathlib.Path('{canary}').touch()\n"
    torch.save(content, tmp_path / 'epoch_1.pth')
    options = ['train_cfg.max_epochs=1']
    message, log = command('train', folder / 'ema.py', tmp_path, '--resume', tmp_path / 'epoch_1.pth', options=options)
    assert message is None, log
    assert 'resumed epoch: 1' in log
    assert not canary.exists()
    Config.fromstring(content['meta']['config'], '.py')  # what mmengine's Runner.resume does
    assert canary.exists()


def test_a_resumed_checkpoint_names_no_folder_to_delete(command, checkpoint, tmp_path):
    victim = tmp_path / 'victim'
    victim.mkdir()
    content = load_checkpoint(checkpoint)
    hub = content['message_hub']
    hub['runtime_info'] |= {'best_ckpt': str(victim), 'best_score': -1.0}
    hub['resumed_keys'] |= {'best_ckpt': True, 'best_score': True}
    torch.save(content, tmp_path / 'epoch_1.pth')
    options = ['train_cfg.max_epochs=2', 'default_hooks.checkpoint.save_best=accuracy/top1']
    message, log = command('train', CONFIG, tmp_path / 'run', '--resume', tmp_path / 'epoch_1.pth', options=options)
    assert message is None, log
    assert 'The best checkpoint with' in log  # before which mmengine deletes the one before
    assert victim.is_dir()


def test_wrong_checkpoints_are_named(command, checkpoint, tmp_path):
    whole = checkpoint.read_bytes()
    (tmp_path / 'half.pth').write_bytes(whole[: len(whole) // 2])
    for config, path, options, expected in (
        (CONFIG, tmp_path / 'half.pth', [], ['half.pth cannot be read: it is truncated, damaged or not a checkpoint']),
        (CONFIG, checkpoint, ['model.head.num_classes=7'], ['  2 of another shape: head.fc.weight (10, 512) there, (7,',
                                                            'another number of classes']),
        (CONFIG, checkpoint, ['model.backbone.depth=34'], ['  112 missing: backbone.layer1.2.conv1.weight, backbone.',
                                                           'another architecture or depth']),
        (PLAIN, checkpoint, [], ['  32 left over: backbone.layer1.0.se.fc1.weight, ', 'this config has none']),
    ):  # fmt: skip
        message, _ = command('test', config, tmp_path, path, options=options)
        assert all(text in message for text in expected), message


def test_half_precision_is_tested_as_it_is(command, checkpoint, tmp_path):
    state = load_checkpoint(checkpoint)['state_dict']
    state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    torch.save({'state_dict': state}, tmp_path / 'half.pth')
    message, log = command('test', CONFIG, tmp_path, tmp_path / 'half.pth')
    assert message is None
    assert 'half.pth is in half precision (torch.float16); cast to float32.' in log
    assert 'accuracy/top1' in log


def test_fine_tuning_says_what_it_left_out(command, checkpoint, tmp_path):
    options = ['train_cfg.max_epochs=1', f'load_from={checkpoint}']
    message, log = command('train', CONFIG, tmp_path, options=[*options, 'model.head.num_classes=12'])
    assert message is None, log
    assert (
        'These do not, and are not used:\n  2 of another shape: head.fc.weight (10, 512) there, (12, 512) here' in log
    )
    message, _ = command('train', CONFIG, tmp_path, options=[*options, 'model.backbone.depth=34'])
    assert 'does not fit the model of this config:\n  112 missing: backbone.' in message


def test_weights_alone_cannot_be_resumed(command, checkpoint, tmp_path):
    torch.save(load_checkpoint(checkpoint)['state_dict'], tmp_path / 'weights.pth')
    message, _ = command('train', CONFIG, tmp_path, '--resume', tmp_path / 'weights.pth')
    assert 'cannot be resumed: it lacks meta, message_hub, optimizer' in message


@pytest.mark.slow
@pytest.mark.parametrize('entry', entries('', ''))
def test_the_commands_end_with_status_1(run_tool, demo, bad, canary, tmp_path, entry):
    (tmp_path / 'last_checkpoint').write_text(str(bad))
    tool, arguments, options = entries(bad, tmp_path)[entry]
    result = run_tool(f'tools/{tool}.py', CONFIG, *arguments, *classifier(demo, tmp_path, *options))
    assert result.returncode == 1
    assert f'{bad} is refused' in result.stderr
    assert 'Traceback' not in result.stderr
    assert not canary.exists()
