"""A converted checkpoint is not tested on images that its network does not expect."""

import json

import pytest
import torch
from mmengine.config import Config
from safetensors.torch import save_file

from senet_mm.data.errors import DataError
from senet_mm.engine.provenance import check_preprocessing, provenance, safetensors_meta

CAFFE = dict(channels='BGR', mean=[104.0, 117.0, 123.0], std=[1.0, 1.0, 1.0], shorter_side=256, crop=224)
IMAGENET = dict(channels='RGB', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def converted(expected):
    return dict(meta=dict(provenance=dict(source='caffe', input=expected)), state_dict={})


@pytest.mark.parametrize(
    'checkpoint',
    [converted(CAFFE), converted(None), dict(state_dict={}), dict(meta=dict(epoch=1)), dict(meta=None), {}],
)
def test_what_agrees_or_does_not_say_passes(checkpoint):
    check_preprocessing(checkpoint, Config.fromfile('configs/se_resnet50_released_imagenet.py'))


def test_a_config_for_other_images_is_refused_with_the_options_to_set():
    with pytest.raises(DataError) as error:
        check_preprocessing(converted(CAFFE), Config.fromfile('configs/se_resnet50_imagenet.py'))
    assert str(error.value) == (
        'The checkpoint’s network expects BGR, mean 104, 117, 123, std 1, 1, 1; shorter side 256, crop 224.\n'
        'The config gives it RGB, mean 123.675, 116.28, 103.53, std 58.395, 57.12, 57.375.\n'
        'Add --cfg-options data_preprocessor.to_rgb=False data_preprocessor.mean="[104,117,123]" '
        'data_preprocessor.std="[1,1,1]"'
    )


def test_the_options_that_are_named_make_it_agree():
    for expected, stem in ((CAFFE, 'se_resnet50_imagenet'), (IMAGENET, 'senet154_released_imagenet')):
        cfg = Config.fromfile(f'configs/{stem}.py')
        with pytest.raises(DataError) as error:
            check_preprocessing(converted(expected), cfg)
        settings = str(error.value).partition('--cfg-options ')[2].split()
        pairs = (setting.replace('"', '').split('=') for setting in settings)
        cfg.merge_from_dict({name: json.loads(value.lower()) for name, value in pairs})
        check_preprocessing(converted(expected), cfg)


def test_detectors_and_test_time_augmentation():
    detector = Config.fromfile('configs/faster_rcnn_se_r50_2x_coco.py')
    check_preprocessing(converted(IMAGENET), detector)
    with pytest.raises(DataError, match=r'model\.data_preprocessor\.bgr_to_rgb=False model\.data_preprocessor\.mean='):
        check_preprocessing(converted(CAFFE), detector)
    detector.model = dict(type='DetTTAModel', module=detector.model)
    check_preprocessing(converted(IMAGENET), detector)
    with pytest.raises(DataError, match=r'bgr_to_rgb=False'):
        check_preprocessing(converted(CAFFE), detector)


@pytest.mark.parametrize(
    ('change', 'options'),
    [
        (dict(mean=[123.68, 116.28, 103.53]), None),  # as some configs round it
        (dict(mean=[120.0, 116.28, 103.53]), 'data_preprocessor.mean="[123.675,116.28,103.53]"'),
        (dict(std=None), 'data_preprocessor.std="[58.395,57.12,57.375]"'),
        (dict(to_rgb=False), 'data_preprocessor.to_rgb=True'),
    ],
)
def test_only_what_differs_is_named(change, options):
    cfg = Config.fromfile('configs/se_resnet50_imagenet.py')
    cfg.data_preprocessor.update(change)
    if options is None:
        check_preprocessing(converted(IMAGENET), cfg)
        return
    with pytest.raises(DataError) as error:
        check_preprocessing(converted(IMAGENET), cfg)
    assert str(error.value).partition('--cfg-options ')[2] == options


def test_the_runners_copy_of_the_common_options():
    cfg = Config.fromfile('configs/se_resnet50_imagenet.py')
    cfg.model.data_preprocessor = dict(cfg.data_preprocessor, type='ClsDataPreprocessor')
    with pytest.raises(DataError, match=r'--cfg-options data_preprocessor\.to_rgb=False'):
        check_preprocessing(converted(CAFFE), cfg)
    cfg.model.data_preprocessor.mean = [0.0, 0.0, 0.0]
    with pytest.raises(DataError, match=r'--cfg-options model\.data_preprocessor\.to_rgb=False'):
        check_preprocessing(converted(CAFFE), cfg)


def test_safetensors_keep_it_beside_the_tensors(tmp_path):
    tensors = dict(a=torch.zeros(1))
    save_file(tensors, tmp_path / 'a.safetensors', metadata=dict(provenance=json.dumps(dict(input=CAFFE))))
    assert safetensors_meta(tmp_path / 'a.safetensors') == dict(provenance=dict(input=CAFFE))
    for metadata in (None, dict(format='pt'), dict(provenance='{')):
        save_file(tensors, tmp_path / 'b.safetensors', metadata=metadata)
        assert safetensors_meta(tmp_path / 'b.safetensors') == {}
    assert provenance(dict(meta=dict(provenance=dict(input=CAFFE)))) == dict(input=CAFFE)
