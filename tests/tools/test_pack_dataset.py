import json

import pytest


@pytest.mark.parametrize('kind', ['zip', 'tar', 'lmdb'])
def test_a_folder_becomes_one_file(run_tool, demo, tmp_path, kind):
    out = tmp_path / f'imagenet.{kind}'
    packed = run_tool('tools/pack_dataset.py', demo / 'imagenet', out)
    assert packed.returncode == 0, packed.stderr
    assert packed.stdout.startswith(f'{out}: 53 files of {demo}/imagenet, ')
    checked = run_tool('tools/pack_dataset.py', demo / 'imagenet', out, '--check')
    assert checked.stdout == f'{out}: 53 files, the same as in {demo}/imagenet.\n'
    again = run_tool('tools/pack_dataset.py', demo / 'imagenet', out)
    assert again.returncode == 1
    assert again.stdout == ''
    assert again.stderr.startswith(f'pack_dataset.py: {out} is already there; it is left as it is.')


def test_mistakes_end_in_one_message(run_tool, tmp_path):
    result = run_tool('tools/pack_dataset.py', tmp_path / 'nowhere', tmp_path / 'x.zip')
    assert (result.returncode, result.stderr) == (1, f'pack_dataset.py: {tmp_path}/nowhere is not a folder.\n')


@pytest.mark.slow
def test_training_and_testing_read_packs_by_one_option(run_tool, demo, tmp_path):
    """The same losses from a folder and from every kind of pack, and the same accuracy of the network they train."""
    config, losses, accuracies = 'configs/demo/resnet50_demo.py', {}, {}
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    options = [*(f'{loader}.num_workers=0' for loader in loaders), 'train_dataloader.batch_size=15']
    options += ['model.backbone.depth=18', 'model.head.in_channels=512', 'train_cfg.max_epochs=1']
    options += ['default_hooks.checkpoint.interval=1', 'default_hooks.logger.interval=1']
    for kind in ('', '.zip', '.tar', '.lmdb'):
        root, work_dir = demo / 'imagenet', tmp_path / f'run{kind}'
        if kind:
            root = tmp_path / f'imagenet{kind}'
            assert run_tool('tools/pack_dataset.py', demo / 'imagenet', root).returncode == 0
        arguments = ['--work-dir', work_dir, '--data-root', root, '--cfg-options', *options]
        trained = run_tool('tools/train.py', config, *arguments)
        assert trained.returncode == 0, trained.stderr[-3000:]
        (scalars,) = work_dir.glob('*/vis_data/scalars.json')
        losses[kind] = [line['loss'] for line in map(json.loads, scalars.read_text().splitlines()) if 'loss' in line]
        tested = run_tool('tools/test.py', config, work_dir / 'epoch_1.pth', *arguments)
        assert tested.returncode == 0, tested.stderr[-3000:]
        accuracies[kind] = json.loads((work_dir / 'metrics.json').read_text())['metrics']
    assert len(losses['']) == 2
    assert list(losses.values()) == [losses['']] * 4
    assert list(accuracies.values()) == [accuracies['']] * 4
