import numpy as np
import pytest
from mmpretrain.datasets import ImageNet
from PIL import Image

from senet_mm.data.demo.imagenet import PARTS, WNIDS, imagenet_scene
from senet_mm.data.demo.sources import DIGIT_NAMES
from tests.conftest import SIZES


@pytest.mark.parametrize('part', PARTS, ids=lambda part: part.name)
def test_mmpretrain_reads_it_with_the_right_labels(demo, pools, part):
    root = demo / 'imagenet'
    dataset = ImageNet(data_root=str(root), split=part.name, classes=str(root / 'meta' / 'classes.txt'))
    assert dataset.CLASSES == DIGIT_NAMES
    assert len(dataset) == SIZES['imagenet'][part.name]
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        (placement,) = imagenet_scene(pools[part.pool], part, index, seed=3).placements
        assert sample['gt_label'] == pools[part.pool].labels[placement.scan] == index % 10


def test_training_reads_the_same_from_its_class_folders(demo):
    root = demo / 'imagenet'
    with_list = ImageNet(data_root=str(root), split='train', classes=DIGIT_NAMES)
    without = ImageNet(data_root=str(root), data_prefix='train', classes=DIGIT_NAMES)
    assert sorted(path.name for path in (root / 'train').iterdir()) == list(WNIDS)
    assert labels(with_list) == labels(without)
    assert len(labels(without)) == 30


def labels(dataset):
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    return {sample['img_path']: int(sample['gt_label']) for sample in samples}


def test_pictures_show_the_scenes(demo, pools):
    for part in PARTS:
        for index, line in enumerate((demo / 'imagenet' / 'meta' / f'{part.name}.txt').read_text().splitlines()):
            with Image.open(demo / 'imagenet' / part.name / line.split()[0]) as picture:
                stored = np.asarray(picture).astype(int)
            scene = imagenet_scene(pools[part.pool], part, index, seed=3)
            assert stored.shape == scene.image.shape
            assert 48 <= stored.shape[0] <= 64
            assert np.abs(stored - scene.image).mean() < 10  # what JPEG loses
