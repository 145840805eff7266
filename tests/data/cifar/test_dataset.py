"""CIFAR as data sets: what they deliver against the files read with pickle and NumPy, and how loaders fetch it."""

import pickle

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, RepeatDataset
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import Runner

from senet_mm.data.errors import DataError
from tests.data.random_cifar import SIZES, random_cifar

PIPELINE = [dict(type='Normalize', mean=[0, 0, 0], std=[1, 1, 1], to_rgb=False), dict(type='PackInputs')]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cifar')
    random_cifar(folder)
    random_cifar(folder, 'cifar100', classes=100)
    return folder


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpretrain')


def build(root, kind='CIFAR10', **options):
    return DATASETS.build(dict(type=f'senet_mm.{kind}', data_root=str(root), **options))


def read(path, labels):
    """Images (N,32,32,3) and labels of one file."""
    with path.open('rb') as stream:
        content = pickle.load(stream, encoding='latin1')
    return content['data'].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), content[labels]


@pytest.mark.parametrize(
    ('kind', 'split', 'files', 'labels'),
    [
        ('CIFAR10', 'train', [f'cifar-10-batches-py/data_batch_{number}' for number in range(1, 6)], 'labels'),
        ('CIFAR10', 'test', ['cifar-10-batches-py/test_batch'], 'labels'),
        ('CIFAR100', 'train', ['cifar-100-python/train'], 'fine_labels'),
        ('CIFAR100', 'test', ['cifar-100-python/test'], 'fine_labels'),
    ],
)
def test_samples_are_those_of_the_files_in_their_order(root, kind, split, files, labels):
    dataset = build(root, kind, split=split)
    parts = [read(root / file, labels) for file in files]
    images, truth = np.concatenate([part[0] for part in parts]), [label for part in parts for label in part[1]]
    assert len(dataset) == SIZES[split] == len(truth)
    assert (dataset.images.dtype, dataset.images.shape) == (torch.uint8, (SIZES[split], 3, 32, 32))
    for index in (0, 17, len(truth) - 1):
        sample = dataset.get_data_info(index)
        np.testing.assert_array_equal(sample['img'], images[index])
        assert (sample['gt_label'], sample['sample_idx']) == (truth[index], index)
        assert dataset.get_cat_ids(index) == [truth[index]]
    assert dataset.get_gt_labels().tolist() == truth
    assert dataset.get_data_info(-1)['sample_idx'] == len(truth) - 1
    assert list(dataset.CLASSES) == [f'class {number}' for number in range(100 if kind == 'CIFAR100' else 10)]


def test_a_transform_that_writes_into_its_image_damages_nothing(root):
    dataset = build(root)
    before = dataset.images.clone()
    dataset.get_data_info(3)['img'][:] = 0
    assert torch.equal(dataset.images, before)


def test_a_whole_batch_is_the_samples_in_one_piece(root):
    dataset = build(root, whole_batch=True, pipeline=PIPELINE)
    indices = [5, 0, 59, 5]
    batch, samples = dataset.__getitems__(indices), [dataset[index] for index in indices]
    assert torch.equal(batch['inputs'].float(), torch.stack([sample['inputs'] for sample in samples]))
    assert batch['inputs'].dtype == torch.uint8
    assert batch['gt_label'].tolist() == [sample['data_samples'].gt_label.item() for sample in samples]
    assert batch['sample_idx'].tolist() == indices
    assert len(batch['batch_pipeline'].steps) == 1
    assert build(root, pipeline=PIPELINE).__getitems__ is None


def test_subsets_are_of_images_and_labels_alike(root):
    whole, some = build(root), build(root, indices=[7, 3, 50], whole_batch=True)
    assert len(some) == 3
    assert len(build(root, indices=20)) == 20
    batch = some.get_batch([2, 0])
    assert torch.equal(batch['inputs'], whole.images[[50, 7]])
    assert batch['gt_label'].tolist() == [whole.get_data_info(index)['gt_label'] for index in (50, 7)]
    assert batch['sample_idx'].tolist() == [2, 0]
    subset = some.get_subset([1])
    assert torch.equal(subset.get_batch([0])['inputs'][0], whole.images[3])


def loader(root, *wrap, workers=0, **options):
    dataset = dict(type='senet_mm.CIFAR10', data_root=str(root), whole_batch=True, pipeline=PIPELINE)
    dataset |= options.pop('dataset', {})
    for wrapper in wrap:
        dataset = dict(wrapper, dataset=dataset)
    settings = dict(
        batch_size=16,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=dict(type='senet_mm.whole_batch_collate'),
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dataset,
    )
    return Runner.build_dataloader(settings | options, seed=3)


def contents(batches):
    """Image bytes and label of every sample, in order; and the sizes of the batches."""
    batches = list(batches)
    inputs = torch.cat([batch['inputs'].float() for batch in batches])
    labels = torch.cat(
        [
            batch['gt_label'] if 'gt_label' in batch else torch.cat([one.gt_label for one in batch['data_samples']])
            for batch in batches
        ]
    )
    return inputs, labels, [len(batch['inputs']) for batch in batches]


def test_loaders_deliver_the_same_with_workers_and_image_by_image(root):
    inputs, labels, sizes = contents(loader(root))
    assert sizes == [16, 16, 16, 12]
    whole = build(root)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(3))  # as mmengine's sampler draws it
    assert torch.equal(inputs, whole.images[order].float())
    for other in (loader(root), loader(root, workers=2), loader(root, dataset=dict(whole_batch=False))):
        for _ in range(2):  # persistent workers serve every epoch
            found = contents(other)
            assert torch.equal(found[0], inputs)
            assert torch.equal(found[1], labels)


def test_processes_share_the_images_of_an_epoch(root, monkeypatch):
    dataset, seen = build(root, whole_batch=True), []
    for rank in (0, 1):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        sampler = DefaultSampler(dataset, shuffle=True, seed=5)
        batches = torch.utils.data.DataLoader(dataset, 8, sampler=sampler, collate_fn=lambda batch: batch)
        seen += [index for batch in batches for index in batch['sample_idx'].tolist()]
    assert sorted(seen) == list(range(60))


def test_wrapped_data_sets_are_read_image_by_image(root):
    repeated = loader(root, dict(type='RepeatDataset', times=2))
    assert isinstance(repeated.dataset, RepeatDataset)
    batch = next(iter(repeated))
    assert 'batch_pipeline' not in batch
    assert (len(repeated.dataset), batch['inputs'].shape) == (120, (16, 3, 32, 32))


def test_a_cut_epoch_still_has_whole_batches(root):
    cut = loader(root, num_batch_per_epoch=2)
    assert [len(batch['inputs']) for batch in cut] == [16, 16]
    assert all('batch_pipeline' in batch for batch in cut)


def test_test_time_augmentation_runs_image_by_image(root):
    flips = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]
    augment = dict(type='TestTimeAug', transforms=[flips, [dict(type='PackInputs')]])
    dataset = build(root, whole_batch=True, pipeline=[PIPELINE[0], augment])
    assert dataset.__getitems__ is None
    mirrored, straight = dataset[4]['inputs']
    assert torch.equal(mirrored, straight.flip(2))


def test_class_names_may_be_given_if_they_fit(root):
    names = list('abcdefghij')
    assert build(root, metainfo=dict(classes=names)).metainfo['classes'] == names
    with pytest.raises(DataError, match=r'classes: 3 names are given, .* has 10'):
        build(root, classes=names[:3])


def test_mistakes_are_named(root, tmp_path):
    with pytest.raises(DataError, match=r'CIFAR-10 was expected in .*prepare_data.py cifar10'):
        build(tmp_path)
    with pytest.raises(DataError, match=r"split='val' of CIFAR-10: allowed are 'train', 'test'"):
        build(root, split='val')
    jitter = dict(type='ColorJitter', brightness=0.4)
    with pytest.raises(DataError, match=r'ColorJitter\(.*has no whole-batch form'):
        build(root, whole_batch=True, pipeline=[jitter])
    assert len(build(root, pipeline=[jitter])) == 60


def test_description_says_where_and_how(root):
    lines = repr(build(root, split='test', whole_batch=True, pipeline=PIPELINE))
    assert f'Root of data: \t{root}' in lines
    assert 'Whole batches: \tTrue' in lines
    assert 'Number of samples: \t23' in lines


@pytest.mark.parametrize(
    ('name', 'mean', 'std', 'hole'),
    [
        ('cifar10', [125.3, 123.0, 113.9], [63.0, 62.1, 66.7], None),
        ('cifar100', [129.3, 124.1, 112.4], [68.2, 65.4, 70.4], None),
        ('cifar10_cutout', [125.3, 123.0, 113.9], [63.0, 62.1, 66.7], 16),
        ('cifar100_cutout', [129.3, 124.1, 112.4], [68.2, 65.4, 70.4], 8),
    ],
)
def test_configs_prepare_images_as_the_originals(name, mean, std, hole):
    """fb.resnet.torch's datasets/cifar10.lua, cifar100.lua and transforms.lua; Cutout's train.py."""
    cfg = Config.fromfile(f'configs/_base_/datasets/{name}.py')
    normalize, pack = dict(type='Normalize', mean=mean, std=std, to_rgb=False), dict(type='PackInputs')
    augment = [
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        normalize,
        dict(type='RandomCrop', crop_size=32, padding=4),
        *([dict(type='senet_mm.Cutout', size=hole)] if hole else []),
    ]
    assert cfg.train_dataloader.dataset.pipeline == [*augment, pack]
    kind, classes = ('CIFAR100', 100) if 'cifar100' in name else ('CIFAR10', 10)
    for split, loader in (('train', cfg.train_dataloader), ('test', cfg.val_dataloader), ('test', cfg.test_dataloader)):
        dataset = loader.dataset
        assert (dataset.type, dataset.data_root) == (f'senet_mm.{kind}', f'data/{kind.lower()}')
        assert (dataset.split, dataset.whole_batch) == (split, True)
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.pipeline == [normalize, pack]
    assert cfg.train_dataloader.batch_size == 128
    assert cfg.data_preprocessor == dict(type='senet_mm.WholeBatchPreprocessor', num_classes=classes)
    assert cfg.data_help == f'tools/prepare_data.py {kind.lower()}'
