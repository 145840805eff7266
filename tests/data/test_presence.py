import re

import pytest
from mmengine.config import Config

from senet_mm.data.errors import DataError
from senet_mm.data.presence import require_data
from tests.data.random_cifar import random_cifar


def config(*datasets, **more):
    splits = ('train', 'val', 'test')
    return Config(
        {f'{split}_dataloader': {'dataset': one} for split, one in zip(splits, datasets, strict=False)} | more
    )


def coco(root, split='train'):
    return {'type': 'senet_mm.CocoMinival', 'data_root': str(root), 'split': split}


def test_data_that_is_there_passes(coco2014, demo):
    imagenet = {'type': 'ImageNet', 'data_root': str(demo / 'imagenet'), 'split': 'train', 'ann_file': 'meta/train.txt'}
    require_data(config(coco(coco2014), coco(coco2014, 'minival'), imagenet))


def test_one_message_names_every_place_and_the_command(tmp_path):
    cfg = config(
        coco(tmp_path / 'coco'),
        {'type': 'ImageNet', 'data_root': str(tmp_path / 'imagenet'), 'split': 'val'},
        data_help='tools/prepare_data.py demo --seed 7',
    )
    with pytest.raises(DataError) as caught:
        require_data(cfg)
    message = str(caught.value)
    assert f'expected in {tmp_path}/coco,' in message
    assert f'Expected the folder {tmp_path}/imagenet\n' in message
    assert message.endswith('\nTo make it: tools/prepare_data.py demo --seed 7')
    assert message.count('prepare_data') == 1


def test_a_split_without_its_folder_is_named(demo):
    """Such as ILSVRC's test set, which the command does not make."""
    imagenet = {'type': 'senet_mm.ImageNet', 'data_root': str(demo / 'imagenet'), 'split': 'test'}
    with pytest.raises(DataError, match=rf'Expected the folder {demo}/imagenet/test\n'):
        require_data(config(imagenet))


def test_without_data_help_coco_names_its_own_commands(tmp_path):
    with pytest.raises(DataError, match=r'coco --source FOLDER'):
        require_data(config(coco(tmp_path)))


def test_only_the_loaders_asked_for(tmp_path, coco2014):
    cfg = config(coco(tmp_path), coco(coco2014, 'minival'), test_dataloader=None)
    require_data(cfg, splits=('val', 'test'))
    with pytest.raises(DataError):
        require_data(cfg, splits=('train',))


def test_the_same_place_is_named_once(tmp_path):
    missing = {'type': 'CIFAR10', 'data_root': str(tmp_path / 'cifar')}
    with pytest.raises(DataError) as caught:
        require_data(config(missing, missing))
    assert str(caught.value).count('Expected') == 1


def test_a_missing_annotation_file_is_named(tmp_path):
    dataset = {'type': 'CocoDataset', 'data_root': str(tmp_path), 'ann_file': 'annotations/a.json'}
    with pytest.raises(DataError, match=f'Expected the file {tmp_path}/annotations/a.json'):
        require_data(config(dataset))


@pytest.mark.parametrize(
    'wrap',
    [
        lambda one: {'type': 'RepeatDataset', 'times': 2, 'dataset': one},
        lambda one: {'type': 'ConcatDataset', 'datasets': [{'type': 'X'}, one]},
        lambda one: {'type': 'RepeatDataset', 'dataset': {'type': 'ConcatDataset', 'datasets': [one]}},
    ],
)
def test_wrappers_are_looked_into(tmp_path, wrap):
    with pytest.raises(DataError, match=str(tmp_path)):
        require_data(config(wrap(coco(tmp_path))))


@pytest.mark.parametrize(
    'dataset',
    [
        {'type': 'ImageNet', 'data_root': 's3://bucket/imagenet'},
        {'type': 'ImageNet', 'data_root': 'nowhere', 'backend_args': {'backend': 'petrel'}},
        {'type': 'CIFAR10', 'data_root': 'nowhere', 'download': True},
        {'type': 'RandomDataset'},
    ],
)
def test_what_cannot_be_seen_from_here_is_trusted(dataset):
    require_data(config(dataset))


def test_a_config_without_loaders_and_a_dataset_class_for_a_type(tmp_path):
    class CocoMinival:
        pass

    require_data({})
    with pytest.raises(DataError, match='COCO'):
        require_data({'val_dataloader': {'dataset': coco(tmp_path) | {'type': CocoMinival}}})


@pytest.mark.parametrize('helped', [True, False])
def test_cifar_that_is_not_whole_is_named_with_the_command(tmp_path, helped):
    random_cifar(tmp_path / 'cifar10')
    (tmp_path / 'cifar10' / 'cifar-10-batches-py' / 'data_batch_3').unlink()
    train = {'type': 'senet_mm.CIFAR10', 'data_root': str(tmp_path / 'cifar10'), 'whole_batch': True}
    test = {'type': 'senet_mm.CIFAR100', 'data_root': str(tmp_path / 'cifar100'), 'split': 'test'}
    cfg = config(train, test, **({'data_help': 'tools/prepare_data.py demo'} if helped else {}))
    with pytest.raises(DataError) as caught:
        require_data(cfg)
    message = str(caught.value)
    assert f'{tmp_path}/cifar10/cifar-10-batches-py, which lacks data_batch_3.' in message
    assert f'{tmp_path}/cifar100/cifar-100-python, which lacks test, meta.' in message
    commands = ['demo'] if helped else ['cifar10', 'cifar100']
    assert re.findall(r'prepare_data.py (\w+)', message) == commands
    require_data(config(train | {'split': 'test'}, train | {'split': 'else'}))
