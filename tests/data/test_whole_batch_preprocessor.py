"""The data preprocessor of whole batches: as the per-sample path, but for the random numbers, which are its own."""

import copy
import pickle

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner
from mmpretrain.models.utils import ClsDataPreprocessor

from senet_mm.data import whole_batch_preprocessor
from tests.data.random_cifar import random_cifar

STATISTICS = dict(mean=[125.3, 123.0, 113.9], std=[63.0, 62.1, 66.7])
TEST = [dict(type='Normalize', to_rgb=False, **STATISTICS), dict(type='PackInputs')]
TRAIN = [
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    TEST[0],
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='senet_mm.Cutout', size=16),
    TEST[1],
]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cifar')
    random_cifar(folder)
    return folder


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpretrain')


def dataset(root, pipeline=TRAIN, split='train'):
    return DATASETS.build(
        dict(type='senet_mm.CIFAR10', data_root=str(root), split=split, whole_batch=True, pipeline=pipeline)
    )


def preprocessor(**options):
    return MODELS.build(dict(type='senet_mm.WholeBatchPreprocessor', num_classes=10, **options))


def augmented(root, seed, batches=2):
    """The inputs of the first batches of a run."""
    torch.manual_seed(seed)
    prepare, data = preprocessor(), dataset(root)
    return torch.stack([prepare(data.get_batch(range(20)), True)['inputs'] for _ in range(batches)])


@pytest.mark.parametrize('options', [{}, dict(to_onehot=True), dict(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True)])
def test_without_randomness_both_ways_give_the_same(root, options):
    data = dataset(root, TEST)
    indices = [4, 44, 0]
    whole = preprocessor(**options)(data.get_batch(indices))
    samples = default_collate([data[index] for index in indices])
    expected = ClsDataPreprocessor(num_classes=10, **options)(copy.deepcopy(samples))
    for found in (whole, preprocessor(**options)(samples)):
        assert torch.equal(found['inputs'], expected['inputs'])
        for one, other in zip(found['data_samples'], expected['data_samples'], strict=True):
            assert torch.equal(one.gt_label, other.gt_label)
            assert one.sample_idx == other.sample_idx
            assert ('gt_score' in one) == ('gt_score' in other) == ('to_onehot' in options)
            if 'gt_score' in one:
                assert torch.equal(one.gt_score, other.gt_score)


def test_the_seed_decides_and_nothing_else_does(root):
    first = augmented(root, seed=1)
    assert torch.equal(augmented(root, seed=1), first)
    assert not torch.equal(augmented(root, seed=2), first)
    assert not torch.equal(first[0], first[1])  # the same images, another batch

    torch.manual_seed(1)
    prepare, data = preprocessor(), dataset(root)
    torch.rand(100)  # as a network's initialisation, dropout and the like draw
    state = torch.get_rng_state()
    batches = [prepare(data.get_batch(range(20)), True)['inputs']]
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(100)
    batches.append(prepare(data.get_batch(range(20)), True)['inputs'])
    assert torch.equal(torch.stack(batches), first)


def test_processes_draw_differently(root, monkeypatch):
    first = augmented(root, seed=1)
    for rank in (1, 2):
        monkeypatch.setattr(whole_batch_preprocessor, 'get_rank', lambda rank=rank: rank)
        other = augmented(root, seed=1)
        assert not any(torch.equal(one, two) for one, two in zip(first[0], other[0], strict=True))


def test_mixup_mixes_whole_batches(root):
    torch.manual_seed(0)
    prepare, plain = preprocessor(batch_augments=dict(augments=[dict(type='Mixup', alpha=1.0)])), preprocessor()
    batch = dataset(root, TEST).get_batch(range(30))
    mixed, inputs = prepare(batch, True), plain(batch, True)['inputs']
    scores = torch.stack([sample.gt_score for sample in mixed['data_samples']])
    torch.testing.assert_close(scores.sum(1), torch.ones(30))
    assert ((scores > 0).sum(1) == 2).any()
    assert not torch.equal(mixed['inputs'], inputs)
    untouched = prepare(batch, False)
    assert torch.equal(untouched['inputs'], inputs)


def test_copies_and_pickles_after_use(root):
    prepare, batch = preprocessor(), dataset(root).get_batch(range(8))
    prepare(batch, True)
    expected = copy.deepcopy(prepare), pickle.loads(pickle.dumps(prepare))
    inputs = prepare(batch, True)['inputs']
    for other in expected:
        assert torch.equal(other(batch, True)['inputs'], inputs)
    assert not prepare.state_dict()


def config(root, work_dir, **changes):
    """Two epochs of a small ResNet on the real data config, by mmengine's own runner."""
    cfg = Config.fromfile('configs/_base_/datasets/cifar10_cutout.py')
    cfg.merge_from_dict(
        {
            'default_scope': 'mmpretrain',
            'custom_imports': dict(imports=['senet_mm']),
            'work_dir': str(work_dir),
            'model': dict(
                type='ImageClassifier',
                backbone=dict(type='ResNet_CIFAR', depth=18, base_channels=8, stem_channels=8),
                neck=dict(type='GlobalAveragePooling'),
                head=dict(type='LinearClsHead', num_classes=10, in_channels=64, cal_acc=True),
            ),
            'optim_wrapper': dict(optimizer=dict(type='SGD', lr=0.01)),
            'train_cfg': dict(by_epoch=True, max_epochs=2),
            'val_cfg': {},
            'test_cfg': {},
            'train_dataloader.batch_size': 16,
            'randomness': dict(seed=1),
            'log_level': 'ERROR',
            'default_hooks': dict(checkpoint=None, logger=None),
            'visualizer': None,
            'experiment_name': str(work_dir.name),
            **{f'{split}_dataloader.dataset.data_root': str(root) for split in ('train', 'val', 'test')},
        }
    )
    cfg.merge_from_dict(changes)
    return cfg


def test_the_standard_runner_trains_and_tests_either_way(root, tmp_path):
    weights, accuracies = {}, {}
    for name, changes in {
        'whole': {},
        'again': {},
        'single': {'train_dataloader.dataset.whole_batch': False},
        'workers': {'train_dataloader.num_workers': 1},
    }.items():
        runner = Runner.from_cfg(config(root, tmp_path / name, **changes))
        runner.train()
        weights[name] = torch.nn.utils.parameters_to_vector(runner.model.parameters())
        accuracies[name] = runner.message_hub.get_scalar('val/accuracy/top5').current()
    assert torch.equal(weights['whole'], weights['again'])
    assert torch.equal(weights['whole'], weights['workers'])
    assert not torch.equal(weights['whole'], weights['single'])
    assert runner.iter == 8

    test = {'test_dataloader.dataset.whole_batch': False, 'experiment_name': 'test'}
    tested = Runner.from_cfg(config(root, tmp_path / 'test', **test))
    tested.model.load_state_dict(runner.model.state_dict())
    assert tested.test()['accuracy/top5'] == pytest.approx(accuracies['workers'])
