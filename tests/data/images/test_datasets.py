import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain.datasets import ImageNet as FolderImageNet

from senet_mm.data.data_root import set_data_root
from senet_mm.data.errors import DataError
from senet_mm.data.images.datasets import ImageNet, Places365
from senet_mm.data.packs.packing import pack_folder

KINDS = ['zip', 'tar', 'lmdb']
SETS = {'imagenet': 'configs/resnet50_imagenet.py', 'places365': 'configs/resnet152_places365.py'}


@pytest.fixture(scope='module')
def packs(demo, tmp_path_factory):
    out = tmp_path_factory.mktemp('packs')
    for name in SETS:
        for kind in KINDS:
            pack_folder(demo / name, out / f'{name}.{kind}', verify=False)
    return out


def config(name, root):
    """A config as users have it, except for the place of the data and for smaller, fewer batches."""
    cfg = Config.fromfile(SETS[name])
    set_data_root(cfg, str(root))
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(batch_size=6, num_workers=2, pin_memory=False)
    cfg.train_dataloader.dataset.pipeline[1].scale = 32
    return cfg


def batches(loader):
    return [
        (batch['inputs'], [(sample.img_path, int(sample.gt_label)) for sample in batch['data_samples']])
        for batch in Runner.build_dataloader(loader, seed=7)
    ]


@pytest.mark.parametrize('name', SETS)
def test_batches_from_every_pack_are_those_from_the_folder(demo, packs, name):
    init_default_scope('mmpretrain')
    cfg = config(name, demo / name)
    wanted = {split: batches(cfg[f'{split}_dataloader']) for split in ('train', 'val')}
    assert [len(labels) for _, labels in wanted['train']] == [6] * 5
    assert len({label for _, labels in wanted['train'] for _, label in labels}) == 10
    for kind in KINDS:
        packed = config(name, packs / f'{name}.{kind}')
        for split in ('train', 'val'):
            found = batches(packed[f'{split}_dataloader'])
            for (images, samples), (same, others) in zip(found, wanted[split], strict=True):
                torch.testing.assert_close(torch.stack(list(images)), torch.stack(list(same)), rtol=0, atol=0)
                at = f'packed://{packs}/{name}.{kind}/'
                assert [(path.removeprefix(at), label) for path, label in samples] == [
                    (path.removeprefix(f'{demo / name}/'), label) for path, label in others
                ]


@pytest.mark.parametrize('kind', KINDS)
def test_without_a_list_a_pack_is_walked_like_a_folder(demo, packs, kind):
    classes = range(10)
    found = ImageNet(data_root=str(packs / f'imagenet.{kind}'), data_prefix='train', metainfo={'classes': classes})
    wanted = FolderImageNet(data_root=str(demo / 'imagenet'), data_prefix='train', metainfo={'classes': classes})
    for index in range(30):
        sample, same = found.get_data_info(index), wanted.get_data_info(index)
        assert sample['gt_label'] == same['gt_label']
        assert sample['img_path'].rpartition('/train/')[2] == same['img_path'].rpartition('/train/')[2]


def test_a_worker_that_was_not_forked_reads_a_pack_too(packs):
    dataset = ImageNet(data_root=str(packs / 'imagenet.lmdb'), split='val', pipeline=[dict(type='LoadImageFromFile')])
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=None, num_workers=1, multiprocessing_context='spawn', sampler=range(3)
    )
    for sample, same in zip(loader, map(dataset.__getitem__, range(3)), strict=True):
        np.testing.assert_array_equal(sample['img'], same['img'])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('ILSVRC2012_val_00000001.JPEG', r"meta/val\.txt is no list of lines 'FILE LABEL'"),
        ('ILSVRC2012_val_00000001.JPEG 65 cat', r"meta/val\.txt is no list of lines 'FILE LABEL'"),
        ('ILSVRC2012_val_00000001.JPEG 1000', 'has labels from 1000 to 1000; 0 to 999 are allowed'),
        ('ILSVRC2012_val_00000001.JPEG -1', 'has labels from -1 to -1'),
    ],
)
def test_a_wrong_list_is_named(tmp_path, text, message):
    (tmp_path / 'meta').mkdir()
    (tmp_path / 'meta' / 'val.txt').write_text(f'{text}\n')
    with pytest.raises(DataError, match=message):
        ImageNet(data_root=str(tmp_path), split='val')


def test_a_pack_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=f'there is no {tmp_path}/places365.zip; tools/pack_dataset.py makes it'):
        Places365(data_root=str(tmp_path / 'places365.zip'), split='val')


def test_test_images_have_no_labels(tmp_path):
    (tmp_path / 'test').mkdir()
    (tmp_path / 'test' / '1.JPEG').touch()
    dataset = ImageNet(data_root=str(tmp_path), split='test')
    assert 'gt_label' not in dataset.get_data_info(0)
