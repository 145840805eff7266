"""What deviates from a published config and what does not."""

import inspect
import json
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from senet_mm.data.errors import DataError
from senet_mm.engine import protocol
from senet_mm.engine.accumulate import accumulate
from senet_mm.engine.crops import make_crops

CONFIGS = Path('configs')


def load(name, **options):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


def deviations(name='resnet50_imagenet', processes=8, change=None, **options):
    cfg = load(name, **options)
    if change:
        change(cfg)
    return [(item.key, item.value, item.published) for item in protocol.training_deviations(cfg, load(name), processes)]


def test_flattening():
    content = dict(a=dict(b=1, none=None, empty=[], f={}), c=[dict(d=2), [3, 4]], e=(5, 6), f={}, g=int)
    flat = {'a.b': 1, 'a.f': {}, 'c.0.d': 2, 'c.1': [3, 4], 'e': [5, 6], 'g': 'int'}
    assert protocol.flatten(content) == flat
    assert json.loads(json.dumps(flat)) == flat


@pytest.mark.parametrize('name', ['resnet50_imagenet', 'faster_rcnn_se_r50_2x_coco', 'se_mobilenet_v1_imagenet'])
def test_the_config_itself_does_not_deviate(name):
    assert deviations(name) == []
    assert protocol.test_deviations(load(name), load(name), None, False) == []


def test_what_has_no_say_in_the_result_is_no_deviation():
    options = dict(
        train_dataloader__num_workers=2,
        train_dataloader__dataset__data_root='/elsewhere/imagenet.zip',
        val_dataloader__batch_size=50,
        default_hooks__checkpoint__interval=5,
        default_hooks__logger__interval=10,
        train_cfg__val_interval=10,
        randomness=dict(seed=3, deterministic=True),
        work_dir='elsewhere',
        optim_wrapper__optimizer__foreach=True,
        model__head__cal_acc=False,
        custom_hooks=[dict(type='EmptyCacheHook')],
        resume=True,
        load_from='epoch_3.pth',
    )
    assert deviations(**options) == []


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (dict(optim_wrapper__optimizer__lr=0.3), ('optim_wrapper.optimizer.lr', 0.3, 0.6)),
        (dict(train_cfg__max_epochs=90), ('train_cfg.max_epochs', 90, 100)),
        (dict(param_scheduler__milestones=[20, 40]), ('param_scheduler.milestones', [20, 40], [30, 60, 90])),
        (dict(model__backbone__se__ratio=8), ('model.backbone.se.ratio', 8, None)),
        (dict(train_dataloader__dataset__indices=50), ('train_dataloader.dataset.indices', 50, None)),
        (dict(load_from='somebody.pth'), ('load_from', 'somebody.pth', None)),
        (dict(custom_hooks=[dict(type='EMAHook')]), ('custom_hooks.0.type', 'EMAHook', None)),
        (dict(sync_bn='torch'), ('sync_bn', 'torch', None)),
        (dict(default_hooks__timer__type='EMAHook'), ('default_hooks.timer.type', 'EMAHook', 'IterTimerHook')),
        (dict(model__init_cfg=dict(type='Pretrained')), ('model.init_cfg.type', 'Pretrained', None)),
    ],
)
def test_what_has_is_one(options, expected):
    assert deviations(**options) == [expected]


def test_the_batch_of_an_update_counts_however_it_is_made():
    assert deviations(processes=8) == []
    assert deviations(processes=4, train_dataloader__batch_size=256) == []
    assert deviations(processes=1) == [('batch', 128, 1024)]
    assert deviations(processes=1, change=lambda cfg: accumulate(cfg, 1)) == []
    assert deviations('faster_rcnn_r50_2x_coco', processes=2, change=lambda cfg: accumulate(cfg, 2)) == []
    # BatchNorm has to see enough of them at a time; the detectors' is frozen
    assert deviations(processes=8, change=lambda cfg: accumulate(cfg, 8), train_dataloader__batch_size=16) == []
    few = deviations(processes=8, change=lambda cfg: accumulate(cfg, 8), train_dataloader__batch_size=8)
    assert few == [('train_dataloader.batch_size', 8, 128)]
    scaled = deviations(processes=1, auto_scale_lr__enable=True)
    assert scaled == [('batch', 128, 1024), ('auto_scale_lr', 0.125, 1)]
    assert deviations(processes=8, auto_scale_lr__enable=True) == []
    # half the base doubles the learning rate
    assert deviations(auto_scale_lr=dict(enable=True, base_batch_size=512)) == [('auto_scale_lr', 2.0, 1)]


def test_mixed_precision_is_one_deviation():
    def amp(cfg):
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.loss_scale = 'dynamic'

    assert deviations(change=amp) == [('amp', True, None)]
    cfg = load('resnet50_imagenet', test_cfg__fp16=True)
    assert [item.key for item in protocol.test_deviations(cfg, load('resnet50_imagenet'), None, False)] == ['amp']


def test_where_the_validation_steers_the_schedule_it_counts():
    name = 'mobilenet_v1_imagenet'
    assert deviations(name, train_cfg__val_interval=2) == [('train_cfg.val_interval', 2, 1)]
    (found,) = deviations(name, val_dataloader__dataset__split='train')
    assert found == ('val_dataloader.dataset.split', 'train', 'val')


def crop_pipeline(cfg, crops):
    cfg.crops = crops
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = make_crops(crops, dataset.pipeline).pipeline


def test_tests_with_other_crops_are_of_another_protocol():
    published, cfg = load('senet154_imagenet'), load('senet154_imagenet')
    crop_pipeline(cfg, 'center-320')
    assert protocol.test_deviations(cfg, published, 'center-320', False) == []
    assert protocol.crops_of(cfg, published) == 'center-320'
    keys = [item.key for item in protocol.test_deviations(cfg, published, None, False)]
    assert keys == [
        'test_dataloader.dataset.pipeline.1.scale',
        'test_dataloader.dataset.pipeline.2.crop_size',
    ]
    same = load('senet154_imagenet')
    crop_pipeline(same, 'center-224')
    assert protocol.crops_of(same, published) is None


def test_the_mirror_image_is_one_deviation():
    cfg = load('resnet50_imagenet')
    cfg.test_dataloader.dataset.pipeline[-1] = dict(type='TestTimeAug', transforms=[[dict(type='RandomFlip')]])
    cfg.model = dict(type='senet_mm.CropAverage', module=cfg.model)
    (found,) = protocol.test_deviations(cfg, load('resnet50_imagenet'), None, True)
    assert found.key == 'tta'


def test_a_detectors_batch_of_tests_counts():
    name = 'faster_rcnn_r50_2x_coco'
    cfg = load(name, test_dataloader__batch_size=4)
    assert [item.key for item in protocol.test_deviations(cfg, load(name), None, False)] == [
        'test_dataloader.batch_size'
    ]


def test_nothing_that_a_runner_takes_is_forgotten():
    """mmengine's own list of what makes a run."""
    harmless = {'work_dir', 'launcher', 'env_cfg', 'log_processor', 'log_level', 'visualizer', 'experiment_name'}
    harmless |= {'resume', 'randomness', 'auto_scale_lr', 'cfg', 'self'}  # two of them by the batch, and by the seed
    known = {*protocol.TRAINING, *protocol.VALIDATION, *protocol.TEST}
    assert set(inspect.signature(Runner.__init__).parameters) - harmless <= known


def test_pinning(tmp_path):
    (tmp_path / 'ablation').mkdir()
    (tmp_path / '_base_').mkdir()
    (tmp_path / '_base_' / 'base.py').write_text('x = 1')
    header = '# What it is.\n#\n#   tools/train.py configs/ablation/small.py\n#   (fewer: add)\n#\n'
    body = 'train_dataloader = dict(batch_size=32)\nauto_scale_lr = dict(base_batch_size=256)\n'
    (tmp_path / 'ablation' / 'small.py').write_text(f'{header}{body}')
    pinned = protocol.pin(tmp_path)
    assert pinned['small'] | dict(hash='') == dict(
        path='configs/ablation/small.py',
        hash='',
        batch=256,
        gpus=8,
        commands=['tools/train.py configs/ablation/small.py'],
    )
    (tmp_path / 'ablation' / 'small.py').write_text(f'{header}helper = 1\n{body}')
    assert protocol.pin(tmp_path) == pinned
    (tmp_path / 'ablation' / 'small.py').write_text(f'{header}{body.replace("256", "128")}')
    assert protocol.pin(tmp_path)['small']['hash'] != pinned['small']['hash']
    (tmp_path / 'small.py').write_text('')
    with pytest.raises(DataError, match='has the stem of another config'):
        protocol.pin(tmp_path)
    with pytest.raises(DataError, match='there is no config in'):
        protocol.pin(tmp_path / 'nothing')


def test_what_is_pinned_is_current():
    path = Path('senet_mm/results/published.json')
    assert json.loads(path.read_text(encoding='utf-8')) == protocol.pin(CONFIGS), 'renew it: make tables'


def test_a_shipped_config_is_found_by_its_stem():
    assert protocol.published_path('se_resnet50_imagenet').name == 'se_resnet50_imagenet.py'
    assert protocol.published_path('faster_rcnn_r50_demo').parent.name == 'demo'
    assert protocol.published_path('imagenet_224') is None  # a base
