"""From the options of tools/test.py to the config of a test run."""

from argparse import Namespace
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from senet_mm.data.errors import DataError
from senet_mm.engine import evaluation
from senet_mm.engine.dump_predictions import DumpDetections, DumpPredictions

CLASSIFIER, DETECTOR = 'configs/demo/resnet50_demo.py', 'configs/demo/faster_rcnn_r50_demo.py'


def configured(config=CLASSIFIER, options=None, **changes):
    defaults = dict(
        amp=False, out=None, out_item='pred', show=False, show_dir=None, wait_time=2, interval=1, tta=False, crops=None
    )
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options or {})
    evaluation.configure(cfg, Namespace(**{**defaults, **changes}))
    return cfg


@pytest.mark.parametrize(
    ('config', 'model', 'meta_keys'),
    [(CLASSIFIER, 'senet_mm.CropAverage', None), (DETECTOR, 'DetTTAModel', ('flip', 'flip_direction'))],
)
def test_test_time_augmentation_is_the_mirror_image(config, model, meta_keys):
    cfg = configured(config, tta=True)
    assert cfg.model.type == model
    assert cfg.model.module.backbone.type == 'senet_mm.ResNet'
    augment = cfg.test_dataloader.dataset.pipeline[-1]
    assert [flip['prob'] for flip in augment['transforms'][0]] == [1.0, 0.0]
    if meta_keys:
        assert set(meta_keys) <= set(augment['transforms'][1][0]['meta_keys'])


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        (CLASSIFIER, dict(type='senet_mm.ClassificationPictures', enable=True, out_dir='pictures')),
        (DETECTOR, dict(type='senet_mm.DetectionPictures', draw=True, test_out_dir='pictures')),
    ],
)
def test_pictures_are_switched_on_in_either_toolbox(config, expected):
    hook = configured(config, show_dir='pictures', interval=5).default_hooks.visualization
    assert dict(hook) | expected | {'interval': 5} == dict(hook)


def test_a_hook_of_the_users_own_stays():
    options = {'default_hooks.visualization': dict(_delete_=True, type='TrackVisualizationHook')}
    assert configured(DETECTOR, options, show_dir='a').default_hooks.visualization.type == 'TrackVisualizationHook'


def test_no_window_is_waited_for_where_there_is_none(monkeypatch):
    monkeypatch.setattr(evaluation, 'has_display', lambda: False)
    with pytest.raises(DataError, match=r'^--show: no window can be opened here .*; --show-dir FOLDER saves the pict'):
        configured(show=True)
    assert configured(show_dir='a').default_hooks.visualization.show is False
    monkeypatch.setattr(evaluation, 'has_display', lambda: True)
    assert configured(show=True).default_hooks.visualization.show is True


def test_without_options_the_test_is_the_configs():
    assert configured().to_dict() == Config.fromfile(CLASSIFIER).to_dict()


@pytest.mark.parametrize(('crops', 'images'), [('ten-224', 12), ('multi-299', 2)])
def test_as_many_fewer_images_a_batch_as_there_are_crops(crops, images):
    cfg = configured('configs/resnet50_imagenet.py', crops=crops)
    assert cfg.model.type == 'senet_mm.CropAverage'
    assert cfg.model.module.type == 'ImageClassifier'
    assert cfg.test_dataloader.batch_size == images
    assert cfg.val_dataloader.batch_size == 128
    assert 'TestTimeAug' in [step['type'] for step in cfg.test_dataloader.dataset.pipeline]
    assert cfg.val_dataloader.dataset.pipeline[-1]['type'] == 'PackInputs'


def test_one_crop_needs_no_mean_and_may_be_mirrored():
    cfg = configured('configs/senet154_imagenet.py', crops='center-320')
    assert cfg.model.type == 'ImageClassifier'
    assert (cfg.crops, cfg.test_dataloader.batch_size) == ('center-320', 128)
    assert [step.get('scale', step.get('crop_size')) for step in cfg.test_dataloader.dataset.pipeline[1:3]] == [
        352,
        320,
    ]
    cfg = configured('configs/senet154_imagenet.py', crops='center-320', tta=True)
    assert cfg.model.type == 'senet_mm.CropAverage'
    assert [step['type'] for step in cfg.test_dataloader.dataset.pipeline][1:] == [
        'ResizeEdge', 'CenterCrop', 'TestTimeAug'
    ]  # fmt: skip


def test_scales_come_from_the_config_or_the_command_line():
    cfg = configured(crops='multi-224', options=dict(crop_scales=[256, 288]))
    steps = cfg.test_dataloader.dataset.pipeline[1]['transforms'][0]
    assert [step['scale'] for step in steps] == [256, 288]
    assert cfg.test_dataloader.batch_size == 25 // 20


def test_crops_are_of_the_innermost_dataset():
    inner = Config.fromfile(CLASSIFIER).test_dataloader.dataset.to_dict()
    wrapped = dict(_delete_=True, type='RepeatDataset', times=2, dataset=inner)
    cfg = configured(options={'test_dataloader.dataset': wrapped}, crops='center-224')
    assert cfg.test_dataloader.dataset.dataset.pipeline[2] == dict(type='CenterCrop', crop_size=224)


def test_what_does_not_go_together_is_named():
    with pytest.raises(DataError, match='--crops is for classifiers'):
        configured(DETECTOR, crops='ten-224')
    with pytest.raises(DataError, match='--crops ten-224 has the mirror images already: leave out --tta'):
        configured(crops='ten-224', tta=True)
    with pytest.raises(DataError, match=r'the config has no default_hooks\.visualization'):
        configured(show=True, options={'default_hooks': dict(_delete_=True)})
    with pytest.raises(DataError, match='--interval 0: give 1 or more'):
        configured(show_dir='a', interval=0)
    for many in (dict(crops='ten-224'), dict(tta=True)):
        with pytest.raises(DataError, match='draw one crop of an image: leave out --tta and --crops'):
            configured(show_dir='a', **many)
    assert configured(show_dir='a', crops='center-224').default_hooks.visualization.enable
    assert configured(DETECTOR, show_dir='a', tta=True).default_hooks.visualization.draw


def test_where_the_predictions_go_is_tried_before_the_test(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match=r'^--out .*/file/a\.npz: nothing can be written to the folder .*/file \('):
        configured(out=str(tmp_path / 'file' / 'a.npz'))
    with pytest.raises(DataError, match=r'^--out .* is a folder; name a file$'):
        configured(out=str(tmp_path))
    for wrong in ('met.npz', 'met'):
        with pytest.raises(DataError, match=rf'^--out {wrong}: metrics go to a \.json file$'):
            configured(out=wrong, out_item='metrics')
    configured(out=str(tmp_path / 'new' / 'met.json'), out_item='metrics')
    assert list((tmp_path / 'new').iterdir()) == []


def test_a_test_set_without_labels_is_predicted_only():
    options = {'test_dataloader.dataset.split': 'test'}
    assert configured(options=options, out='scores.npz').test_evaluator == []
    for wrong in (dict(), dict(out='metrics.json', out_item='metrics')):
        with pytest.raises(DataError, match=r'The test set has no labels: give --out scores\.npz'):
            configured(options=options, **wrong)


def test_other_test_sets_have_labels():
    cfg = configured('configs/resnet20_cifar10.py')
    assert cfg.test_dataloader.dataset.split == 'test'
    assert cfg.test_evaluator == Config.fromfile('configs/resnet20_cifar10.py').test_evaluator


def runner(config):
    cfg = Config.fromfile(config)
    cfg.load_from, cfg.crops = 'epoch_1.pth', 'ten-224'
    return SimpleNamespace(cfg=cfg, test_evaluator=SimpleNamespace(metrics=[]))


def test_a_classifiers_predictions_go_to_the_file_that_the_ending_says():
    metrics = []
    for path in ('a.npz', 'a.pkl'):
        run = runner(CLASSIFIER)
        evaluation.save_predictions(run, path)
        metrics += run.test_evaluator.metrics
    arrays, pickle = metrics
    assert isinstance(arrays, DumpPredictions)
    assert arrays.source == dict(config=CLASSIFIER, checkpoint='epoch_1.pth', crops='ten-224')
    assert type(pickle).__name__ == 'DumpResults'


def test_a_detectors_predictions_go_to_cocos_file_or_a_pickle():
    run = runner(DETECTOR)
    run.test_loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=SimpleNamespace(cat_ids=[3, 8])))
    for path in ('a.json', 'a.pkl'):
        evaluation.save_predictions(run, path)
    results, pickle = run.test_evaluator.metrics
    assert isinstance(results, DumpDetections)
    assert results.categories == [3, 8]
    assert type(pickle).__name__ == 'DumpDetResults'
    del run.test_loop.dataloader.dataset.cat_ids
    with pytest.raises(DataError, match=r'--out a.json: the test set has no COCO categories; give a .pkl file'):
        evaluation.save_predictions(run, 'a.json')


@pytest.mark.parametrize(
    ('config', 'path', 'kinds'),
    [(CLASSIFIER, 'a.json', r'\.npz or \.pkl'), (DETECTOR, 'a.npz', r'\.json or \.pkl')],
)
def test_another_ending_is_refused(config, path, kinds):
    with pytest.raises(DataError, match=f'--out {path}: predictions go to a {kinds} file'):
        evaluation.save_predictions(runner(config), path)
