"""senet_mm as a plugin: the same configs under mmdet's and mmpretrain's own tools, and whole runs of ours."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.tools.options import classifier, detector

pytestmark = pytest.mark.slow


def installed_tool(package, name):
    """The path of a tool that `package` carries in its wheel."""
    from importlib.util import find_spec

    return Path(find_spec(package).origin).parent / '.mim' / 'tools' / name


def test_mmdets_own_tools_train_and_test_the_se_detector(run_tool, demo, tmp_path):
    config = 'configs/demo/faster_rcnn_se_r50_demo.py'
    train = run_tool(installed_tool('mmdet', 'train.py'), config, *detector(demo, tmp_path))
    assert train.returncode == 0, train.stderr[-3000:]
    assert 'Iter(train) [2/2]' in train.stdout
    tested = run_tool(installed_tool('mmdet', 'test.py'), config, tmp_path / 'iter_2.pth', *detector(demo, tmp_path))
    assert tested.returncode == 0, tested.stderr[-3000:]
    assert 'coco/bbox_mAP' in tested.stdout


def test_mmpretrains_own_tools_train_and_test_the_se_classifier(run_tool, demo, tmp_path):
    config = 'configs/demo/se_resnet50_demo.py'
    options = [*classifier(demo, tmp_path, 'train_cfg.max_epochs=1'), *workers(0)]
    train = run_tool(installed_tool('mmpretrain', 'train.py'), config, '--no-persistent-workers', *options)
    assert train.returncode == 0, train.stderr[-3000:]
    tested = run_tool(installed_tool('mmpretrain', 'test.py'), config, tmp_path / 'epoch_1.pth', *options)
    assert tested.returncode == 0, tested.stderr[-3000:]
    assert 'accuracy/top1' in tested.stdout


def workers(number):
    """mmpretrain's tools leave persistent workers on where there are none, which torch refuses."""
    return [f'{loader}_dataloader.persistent_workers={bool(number)}' for loader in ('train', 'val', 'test')]


@pytest.fixture
def coco_2014(demo, tmp_path):
    """A handful of images in COCO 2014's layout, their categories named as COCO's."""
    from mmdet.datasets import CocoDataset

    out = shutil.copytree(demo / 'coco', tmp_path / 'coco')
    for path in (out / 'annotations').glob('*.json'):
        document = json.loads(path.read_text())
        for category, name in zip(document['categories'], CocoDataset.METAINFO['classes'], strict=False):
            category['name'] = name
        path.write_text(json.dumps(document))
    return out


def test_the_coco_config_trains_at_full_resolution_and_resumes(run_tool, coco_2014, tmp_path):
    config, work_dir = 'configs/faster_rcnn_se_r50_2x_coco.py', tmp_path / 'run'

    def train(iterations, *more):
        loaders = ('train_dataloader', 'val_dataloader')
        options = [
            *[f'{loader}.dataset.data_root={coco_2014}/' for loader in loaders],
            *[f'{loader}.num_workers=0' for loader in loaders],
            f'val_evaluator.data_root={coco_2014}/',
            f'train_cfg.max_iters={iterations}',
            'model.backbone.init_cfg=None',
            'default_hooks.checkpoint.interval=1',
            'default_hooks.logger.interval=1',
        ]
        command = ['tools/train.py', config, '--work-dir', work_dir, '--no-validate', *more, '--cfg-options', *options]
        result = run_tool(*command)
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    train(2)
    first = torch.load(work_dir / 'iter_2.pth', map_location='cpu', weights_only=False)
    assert first['state_dict']['backbone.layer4.2.se.fc1.weight'].shape == (128, 2048, 1, 1)
    log = train(3, '--resume')
    assert 'resumed epoch: 0, iter: 2' in log
    assert 'Iter(train) [3/3]' in log
    assert (work_dir / 'iter_3.pth').is_file()


def test_two_processes_train_the_detector(demo, tmp_path):
    config = 'configs/demo/faster_rcnn_se_r50_demo.py'
    environment = dict(os.environ, PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}', PORT='29517')
    result = subprocess.run(
        ['tools/dist_train.sh', config, '2', *map(str, detector(demo, tmp_path))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'Distributed training: True' in result.stdout
    assert (tmp_path / 'iter_2.pth').is_file()
