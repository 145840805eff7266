import shutil

import pytest

from senet_mm.data.demo.sources import load_pools
from tests.data.small import read, write


@pytest.fixture(scope='session')
def pools():
    return load_pools()


@pytest.fixture
def coco2014(demo, tmp_path):
    """A COCO 2014 that a test may damage."""
    return shutil.copytree(demo / 'coco', tmp_path / 'coco2014')


@pytest.fixture
def coco2017(demo, tmp_path):
    """The same images as COCO 2017 has them: renamed, in two folders, the training list in another order."""
    out = tmp_path / 'coco2017'
    (out / 'annotations').mkdir(parents=True)
    for name, years in {'train2017': ('valminusminival2014', 'train2014'), 'val2017': ('minival2014',)}.items():
        (out / name).mkdir()
        whole = {'images': [], 'annotations': []}
        for year in years:
            document = read(demo / 'coco', year)
            for image in document['images']:
                old = demo / 'coco' / image['file_name'].split('_')[1] / image['file_name']
                image['file_name'] = f'{image["id"]:012d}.jpg'
                shutil.copy(old, out / name / image['file_name'])
            whole['images'] += document['images']
            whole['annotations'] += document['annotations']
        write(out, name, document | whole)
    return out
