"""The commands as typed: help, the user's mistakes, and a short run of each task."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from senet_mm.data.errors import DataError
from senet_mm.engine.config import read_config
from tests.data.small import read
from tests.tools.options import classifier, detector

FOLDER = Path(__file__).parents[2] / 'tools'
TOOLS, SCRIPTS = sorted(FOLDER.glob('*.py')), sorted(FOLDER.glob('*.sh'))
RUN = 'import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")'
PICTURES = ['--show-dir', 'pictures', '--interval', '5']
WINDOWLESS = {name: value for name, value in os.environ.items() if name not in ('DISPLAY', 'WAYLAND_DISPLAY')}


@pytest.mark.parametrize('tool', TOOLS, ids=lambda tool: tool.stem)
def test_help_is_light_and_the_tool_executable(tool, run_tool):
    code = (
        'import runpy, sys; sys.argv = sys.argv[1:]\n'
        'try:\n    runpy.run_path(sys.argv[0], run_name="__main__")\n'
        'except SystemExit as end:\n    assert not end.code\n'
        'assert not {"torch", "mmengine", "cv2", "numpy"} & set(sys.modules)'
    )
    result = run_tool('-c', code, tool, '--help')
    assert result.returncode == 0, result.stderr
    assert f'usage: {tool.name}' in result.stdout
    assert tool.stat().st_mode & stat.S_IXUSR
    assert tool.read_text().startswith('#!/usr/bin/env python\n')


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda script: script.stem)
def test_shell_scripts_say_how_they_are_used(script):
    assert script.stat().st_mode & stat.S_IXUSR
    result = subprocess.run([script], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert 'usage:' in result.stderr


@pytest.mark.parametrize(
    ('script', 'arguments', 'expected'),
    [
        (
            'slurm_train.sh',
            ['gpu', 'my job', 'configs/x.py', '--amp'],
            '--partition=gpu|--job-name=my job|--gres=gpu:4|--ntasks=4|--ntasks-per-node=4|--cpus-per-task=5'
            '|--kill-on-bad-exit=1|python|-u|tools/train.py|configs/x.py|--launcher|slurm|--amp|',
        ),
        (
            'slurm_test.sh',
            ['gpu', 'j', 'configs/x.py', 'a b.pth'],
            '--partition=gpu|--job-name=j|--gres=gpu:4|--ntasks=4|--ntasks-per-node=4|--cpus-per-task=5'
            '|--kill-on-bad-exit=1|python|-u|tools/test.py|configs/x.py|a b.pth|--launcher|slurm|',
        ),
    ],
)
def test_slurm_gets_these_arguments(tmp_path, script, arguments, expected):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    srun.chmod(0o755)
    environment = dict(os.environ, PATH=f'{tmp_path}:{os.environ["PATH"]}', GPUS='4')
    result = subprocess.run(
        [f'tools/{script}', *arguments], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout == expected


def test_missing_data_is_one_message_that_names_folder_and_command(run_tool):
    result = run_tool('tools/train.py', 'configs/faster_rcnn_se_r50_2x_coco.py')
    assert result.returncode == 1
    message = result.stderr[result.stderr.index('The data of this config is missing') :]
    assert str(Path('data/coco').resolve()) in message
    assert 'tools/prepare_data.py coco --source' in message
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['tools/train.py', 'configs/nothing.py'], 'there is no config file configs/nothing.py'),
        (['tools/print_config.py', 'README.md'], 'README.md is no config, which ends in .py, .json, .yaml, .yml; '),
        (['tools/test.py', 'configs/se_resnet50_imagenet.py', 'nothing.pth'], 'there is no checkpoint nothing.pth'),
        (['tools/leaderboard.py', 'nothing'], 'there is no folder nothing'),
        (
            ['tools/browse_dataset.py', 'configs/se_resnet50_imagenet.py', '--not-show'],
            '--not-show without --output-dir',
        ),
        (
            ['tools/browse_dataset.py', 'configs/se_resnet50_imagenet.py'],
            'add --output-dir FOLDER to save the pictures',
        ),
    ],
)
def test_mistakes_end_in_one_message(run_tool, arguments, message):
    result = run_tool(*arguments, env=WINDOWLESS)
    assert result.returncode == 1
    assert message in result.stderr
    assert 'Traceback' not in result.stderr


def test_a_folder_for_pictures_is_not_abbreviated(run_tool, tmp_path):
    result = run_tool('tools/browse_dataset.py', 'configs/demo/resnet50_demo.py', '--out', tmp_path / 'b.png')
    assert result.returncode == 2
    assert f'unrecognized arguments: --out {tmp_path}/b.png' in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_list_is_no_config(tmp_path):
    (tmp_path / 'predictions.json').write_text('[1, 2]')
    with pytest.raises(DataError, match=r'predictions\.json is no config: it holds no settings'):
        read_config(tmp_path / 'predictions.json')


def test_an_option_without_a_value_is_shown_how_to_be_written(run_tool):
    result = run_tool('tools/print_config.py', 'configs/demo/resnet20_demo.py', '--cfg-options', 'ratio')
    assert result.returncode == 2
    assert '--cfg-options ratio: give KEY=VALUE, as in --cfg-options model.backbone.se.ratio=8' in result.stderr


def test_opencv_without_its_libraries_names_the_command_that_mends_it(run_tool, tmp_path):
    (tmp_path / 'cv2.py').write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    result = run_tool('tools/train.py', 'configs/demo/resnet50_demo.py', env=dict(os.environ, PYTHONPATH=str(tmp_path)))
    assert result.returncode == 1
    assert 'pip uninstall -y opencv-python opencv-python-headless && pip install --no-deps' in result.stderr


def test_print_config_shows_what_is_inherited(run_tool, tmp_path):
    saved = tmp_path / 'config.py'
    result = run_tool(
        'tools/print_config.py',
        'configs/faster_rcnn_se_r50_2x_coco.py',
        '--save-path',
        saved,
        '--cfg-options',
        'model.backbone.se.ratio=8',
    )
    assert result.returncode == 0, result.stderr
    assert 'se=dict(ratio=8)' in result.stdout
    assert 'max_iters=180000' in saved.read_text()


def test_a_classifier_trains_resumes_and_is_tested_without_mmdet(run_tool, demo, tmp_path):
    config = 'configs/demo/se_resnet50_demo.py'
    train = run_tool('tools/train.py', config, *classifier(demo, tmp_path, 'train_cfg.max_epochs=1'))
    assert train.returncode == 0, train.stderr[-3000:]
    assert (tmp_path / 'epoch_1.pth').is_file()
    options = classifier(demo, tmp_path, 'train_cfg.max_epochs=2')
    code = f'{RUN}; assert "mmpretrain" in sys.modules and "mmdet" not in sys.modules'
    resume = run_tool('-c', code, 'tools/train.py', config, '--resume', *options)
    assert resume.returncode == 0, resume.stderr[-3000:]
    assert 'resumed epoch: 1' in resume.stdout + resume.stderr
    tested = run_tool(
        'tools/test.py',
        config,
        tmp_path / 'epoch_2.pth',
        '--out',
        tmp_path / 'predictions.pkl',
        *PICTURES,
        *classifier(demo, tmp_path),
    )
    assert tested.returncode == 0, tested.stderr[-3000:]
    record = json.loads((tmp_path / 'metrics.json').read_text())
    assert set(record['metrics']) == {'accuracy/top1'}
    assert record['checkpoint'] == str(tmp_path / 'epoch_2.pth')
    assert (tmp_path / 'predictions.pkl').stat().st_size > 0
    drawn = sorted(path.name for path in tmp_path.glob('2*_*/pictures/*'))
    assert drawn == [f'ILSVRC2012_val_000000{number}.JPEG_0.png' for number in ('01', '06', '11', '16')]


def test_a_detector_trains_and_is_tested_and_drawn(run_tool, demo, tmp_path):
    config = 'configs/demo/faster_rcnn_se_r50_demo.py'
    train = run_tool('tools/train.py', config, *detector(demo, tmp_path))
    assert train.returncode == 0, train.stderr[-3000:]
    assert train.stdout.count('torchvision-backed stand-in') + train.stdout.count('compiled operators are in use') == 1
    predictions = tmp_path / 'predictions.json'
    tested = run_tool('tools/test.py', config, tmp_path / 'iter_2.pth', '--out', predictions, *detector(demo, tmp_path))
    assert tested.returncode == 0, tested.stderr[-3000:]
    metrics = json.loads((tmp_path / 'metrics.json').read_text())['metrics']
    assert 0 <= metrics['coco/bbox_mAP'] <= metrics['coco/bbox_mAP_50'] <= 1
    assert isinstance(json.loads(predictions.read_text()), list)
    picture = tmp_path / 'picture.png'
    root = f'test_dataloader.dataset.data_root={demo}/coco/'
    drawn = run_tool(
        'tools/draw_detections.py',
        config,
        f'SE={predictions}',
        '--out',
        picture,
        '--number',
        '2',
        '--cfg-options',
        root,
    )
    assert drawn.returncode == 0, drawn.stderr[-3000:]
    assert picture.read_bytes().startswith(b'\x89PNG')
    augmented = run_tool(
        'tools/test.py', config, tmp_path / 'iter_2.pth', '--tta', *PICTURES, *detector(demo, tmp_path)
    )
    assert augmented.returncode == 0, augmented.stderr[-3000:]
    images = sorted(image['file_name'] for image in read(demo / 'coco', 'minival2014')['images'])
    assert sorted(path.name for path in tmp_path.glob('2*_*/pictures/*')) == [images[0], images[5]]
    assert json.loads((tmp_path / 'metrics.json').read_text())['test_time_augmentation'] is True


@pytest.mark.parametrize('config', ['configs/demo/faster_rcnn_r50_demo.py', 'configs/demo/resnet50_demo.py'])
def test_browse_dataset_draws_either_task(run_tool, demo, tmp_path, config):
    folder = 'coco/' if 'rcnn' in config else 'imagenet'
    result = run_tool(
        'tools/browse_dataset.py',
        config,
        '--output-dir',
        tmp_path,
        '-i',
        '300',  # seconds that a window would be waited for
        '-n',
        '3',
        '--cfg-options',
        f'train_dataloader.dataset.data_root={demo}/{folder}',
        env=WINDOWLESS,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert [path.name for path in sorted(tmp_path.glob('*.jpg'))] == ['000000.jpg', '000001.jpg', '000002.jpg']
