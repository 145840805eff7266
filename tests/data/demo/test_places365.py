import numpy as np
import pytest
from PIL import Image

from senet_mm.data.demo.imagenet import imagenet_scene
from senet_mm.data.demo.places365 import CLASS_FOLDERS, PARTS
from senet_mm.data.demo.sources import DIGIT_NAMES
from senet_mm.data.images.datasets import Places365
from tests.conftest import SIZES


@pytest.mark.parametrize('part', PARTS, ids=lambda part: part.name)
def test_the_data_set_reads_it_with_the_right_labels(demo, pools, part):
    dataset = Places365(data_root=str(demo / 'places365'), split=part.name, metainfo=dict(classes=DIGIT_NAMES))
    assert dataset.CLASSES == DIGIT_NAMES
    assert len(dataset) == SIZES['places365'][part.name]
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        scene = imagenet_scene(pools[part.pool], part, index, seed=3)
        assert sample['gt_label'] == pools[part.pool].labels[scene.placements[0].scan] == index % 10
        with Image.open(sample['img_path']) as picture:
            assert np.abs(np.asarray(picture).astype(int) - scene.image).mean() < 10  # what JPEG loses


def test_training_images_are_in_folders_as_places365_has_them(demo):
    root = demo / 'places365'
    assert CLASS_FOLDERS[:2] == ('z/zero', 'o/one')
    for line in (root / 'meta' / 'train.txt').read_text().splitlines():
        file, label = line.split()
        assert file.rpartition('/')[0] == CLASS_FOLDERS[int(label)]
        assert (root / 'train' / file).is_file()


def test_it_shares_no_picture_with_the_demos_imagenet(demo):
    contents = [{path.read_bytes() for path in (demo / name).rglob('*.[jJ]*')} for name in ('imagenet', 'places365')]
    assert len(contents[0]) == len(contents[1]) == 50
    assert not contents[0] & contents[1]
