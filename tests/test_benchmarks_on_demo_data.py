"""Every ImageNet, Places365 and COCO config as it is, but for sizes: trained for two iterations and tested."""

import json
import math
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
CONFIGS = {name: sorted((ROOT / 'configs').glob(f'*_{name}.py')) for name in ('imagenet', 'places365', 'coco')}
SMALLEST = {'Inception': 96, 'VGG': 224}  # pixels that a network needs; 64 do for the others
DIGITS = 'zero,one,two,three,four,five,six,seven,eight,nine'


def run(tool, *arguments):
    """A command in this process: imports are most of the time that such a short run takes."""
    saved = sys.argv
    sys.argv = [f'tools/{tool}.py', *map(str, arguments)]
    try:
        runpy.run_path(sys.argv[0], run_name='__main__')
    finally:
        sys.argv = saved


def pipeline_options(cfg, sizes):
    """Options that set the arguments of transforms, by the transform's and the argument's name, wherever they are."""
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        steps = cfg[loader].dataset.pipeline if cfg.get(loader) else []
        for index, step in enumerate(steps):
            for argument, value in sizes.get(step['type'].rpartition('.')[2], {}).items():
                yield f'{loader}.dataset.pipeline.{index}.{argument}={value}'


def loader_options(cfg, root):
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if cfg.get(loader):
            yield f'{loader}.dataset.data_root={root}'
            yield f'{loader}.dataset.indices={4 if "train" in loader else 2}'
            yield f'{loader}.batch_size=2'
            yield f'{loader}.num_workers=0'
            yield f'{loader}.persistent_workers=False'


def begins_later(schedulers):
    """Whether a schedule has a part that begins after the first epoch, which mmengine refuses in so short a run."""
    return any(one.get('begin', 0) > 0 for one in (schedulers if isinstance(schedulers, list) else []))


def test_there_are_configs_of_each():
    assert {name: len(paths) > 1 for name, paths in CONFIGS.items()} == dict.fromkeys(CONFIGS, True)


@pytest.mark.parametrize('path', CONFIGS['imagenet'] + CONFIGS['places365'], ids=lambda path: path.stem)
def test_classifier(path, demo, tmp_path):
    cfg = Config.fromfile(path)
    backbone = cfg.model.backbone.type
    size = next((pixels for name, pixels in SMALLEST.items() if name in backbone), 64)
    sizes = {'RandomResizedCrop': {'scale': size}, 'ResizeEdge': {'scale': size + 8}, 'CenterCrop': {'crop_size': size}}
    options = [
        *loader_options(cfg, demo / path.stem.rpartition('_')[2]),
        *pipeline_options(cfg, sizes),
        'train_cfg.max_epochs=1',
        *(['param_scheduler=None'] if begins_later(cfg.get('param_scheduler')) else []),
        'default_hooks.logger.interval=1',
        f'visualizer.name={path.stem}',  # mmengine keeps one of each name, with the first run's folder
        'default_hooks.checkpoint.interval=1',
        'default_hooks.checkpoint.save_optimizer=False',
    ]
    checkpoint = tmp_path / 'epoch_1.pth'
    if cfg.get('train_dataloader'):
        run('train', path, '--work-dir', tmp_path, '--cfg-options', *options)
    else:  # made to test the authors' weights
        options = [option for option in options if not option.startswith('train_cfg')]
        save_untrained(cfg, checkpoint)
    run('test', path, checkpoint, '--work-dir', tmp_path, '--cfg-options', *options)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())['metrics']
    assert 0 <= metrics['accuracy/top1'] <= metrics['accuracy/top5'] <= 100
    losses = [line['loss'] for line in scalars(tmp_path) if 'loss' in line]
    assert len(losses) == (2 if cfg.get('train_dataloader') else 0)
    assert all(map(math.isfinite, losses))
    shutil.rmtree(tmp_path)  # hundreds of megabytes


@pytest.mark.parametrize('path', CONFIGS['coco'], ids=lambda path: path.stem)
def test_detector(path, demo, tmp_path):
    cfg = Config.fromfile(path)
    head, tested = ('roi_head.bbox_head', 'rcnn.') if 'roi_head' in cfg.model else ('bbox_head', '')
    loaders = [name for name in ('train_dataloader', 'val_dataloader', 'test_dataloader') if cfg.get(name)]
    by_epoch = cfg.train_cfg.type == 'EpochBasedTrainLoop'
    options = [
        *loader_options(cfg, f'{demo}/coco/'),
        *pipeline_options(cfg, {'Resize': {'scale': '"(128,128)"'}}),
        *[f'{loader}.dataset.metainfo.classes={DIGITS}' for loader in loaders],
        *annotation_options(cfg, f'{demo}/coco/'),
        f'model.{head}.num_classes=10',
        f'model.test_cfg.{tested}score_thr=0.001',  # mmdet has no AP where nothing is found
        'model.backbone.init_cfg=None',
        'model.backbone.zero_init_residual=True',  # with frozen BatchNorm, random branches add up to infinity
        'train_cfg.max_epochs=1' if by_epoch else 'train_cfg.max_iters=2',
        f'train_cfg.val_interval={1 if by_epoch else 2}',
        f'default_hooks.checkpoint.interval={1 if by_epoch else 2}',
        'default_hooks.logger.interval=1',
        f'visualizer.name={path.stem}',  # mmengine keeps one of each name, with the first run's folder
        'default_hooks.checkpoint.save_optimizer=False',
    ]
    run('train', path, '--work-dir', tmp_path, '--cfg-options', *options)
    checkpoint = (tmp_path / 'last_checkpoint').read_text().strip()
    run('test', path, checkpoint, '--work-dir', tmp_path, '--cfg-options', *options)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())['metrics']
    assert 'coco/bbox_mAP_50' in metrics
    losses = [line['loss'] for line in scalars(tmp_path) if 'loss' in line]
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
    shutil.rmtree(tmp_path)


def annotation_options(cfg, root):
    """Where a config finds the demo's boxes: mmdet's own CocoDataset is told the files, and the demo's are of 2014."""
    if cfg.train_dataloader.dataset.type == 'senet_mm.CocoMinival':
        yield from (f'{split}_evaluator.data_root={root}' for split in ('val', 'test'))
        return
    for split, part in dict(train='train2014', val='minival2014', test='minival2014').items():
        annotations, folder = f'annotations/instances_{part}.json', part.replace('minival', 'val')
        yield f'{split}_dataloader.dataset.ann_file={annotations}'
        yield f'{split}_dataloader.dataset.data_prefix.img={folder}/'
        if split != 'train':
            yield f'{split}_evaluator.ann_file={root}{annotations}'


def save_untrained(cfg, checkpoint):
    import torch
    from mmengine.registry import MODELS, init_default_scope

    from senet_mm.compat.mmpretrain_import import import_without_mmdet

    import_without_mmdet()
    init_default_scope('mmpretrain')
    preprocessor = dict(type='ClsDataPreprocessor', **cfg.data_preprocessor)
    model = MODELS.build(dict(cfg.model, data_preprocessor=preprocessor))
    torch.save({'state_dict': model.state_dict()}, checkpoint)


def scalars(work_dir):
    """What the runs have logged, line by line."""
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]
