from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, METRICS
from mmengine.fileio import BaseStorageBackend, register_backend
from mmengine.fileio.backends import backends
from mmengine.fileio.backends.registry_utils import prefix_to_backends
from PIL import Image

from senet_mm.data.coco.metric import CocoMinivalMetric
from senet_mm.data.coco.minival import CocoMinival
from senet_mm.data.demo.sources import DIGIT_NAMES
from tests.data.small import read, write

DIGITS = {'classes': DIGIT_NAMES}


def load(root, split='train', **kwargs):
    return CocoMinival(data_root=str(root), split=split, metainfo=DIGITS, **kwargs)


def contents(dataset):
    """Samples in order, image contents in place of file names."""
    samples = []
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        with Image.open(sample['img_path']) as picture:
            pixels = np.asarray(picture).tobytes()
        samples.append((sample['img_id'], sample['width'], sample['height'], sample['instances'], pixels))
    return samples


@pytest.mark.parametrize(('split', 'count'), [('train', 18), ('minival', 8)])
def test_both_layouts_give_the_same_samples_in_the_same_order(coco2014, coco2017, split, count):
    old, new = contents(load(coco2014, split)), contents(load(coco2017, split))
    assert len(old) == count
    assert old == new


def test_boxes_are_those_of_the_files(coco2014):
    instances = {sample[0]: sample[3] for sample in contents(load(coco2014))}
    assert set(instances) == set(range(1, 19))
    for part in ('train2014', 'valminusminival2014'):
        for annotation in read(coco2014, part)['annotations']:
            x, y, width, height = annotation['bbox']
            wanted = {'bbox': [x, y, x + width, y + height], 'bbox_label': annotation['category_id'] - 1}
            assert wanted.items() <= instances[annotation['image_id']].pop(0).items()
    assert not any(instances.values())


def test_annotation_files_are_not_touched(coco2014):
    before = {path: path.stat().st_mtime_ns for path in coco2014.rglob('*')}
    load(coco2014)
    assert {path: path.stat().st_mtime_ns for path in coco2014.rglob('*')} == before


def test_empty_images_of_either_part_are_filtered_on_request(coco2014):
    for part, image in (('train2014', 2), ('valminusminival2014', 15)):
        document = read(coco2014, part)
        document['annotations'] = [one for one in document['annotations'] if one['image_id'] != image]
        write(coco2014, part, document)
    filtered = load(coco2014, filter_cfg={'filter_empty_gt': True, 'min_size': 32})
    kept = [filtered.get_data_info(index)['img_id'] for index in range(len(filtered))]
    assert kept == [image for image in range(1, 19) if image not in (2, 15)]
    assert len(load(coco2014)) == 18
    assert len(load(coco2014, filter_cfg={'filter_empty_gt': True}, test_mode=True)) == 18


def test_an_image_in_both_parts_is_refused(coco2014):
    first, second = read(coco2014, 'train2014'), read(coco2014, 'valminusminival2014')
    second['images'][0]['id'] = first['images'][4]['id']
    write(coco2014, 'valminusminival2014', second)
    with pytest.raises(ValueError, match=r'image 5 of .*valminusminival2014\.json is also'):
        load(coco2014)


def test_parts_that_number_the_categories_otherwise_are_refused(coco2014):
    document = read(coco2014, 'valminusminival2014')
    for category in document['categories']:
        category['id'] += 1
    write(coco2014, 'valminusminival2014', document)
    with pytest.raises(ValueError, match=r'valminusminival2014\.json numbers the categories otherwise'):
        load(coco2014)


def test_classes_that_the_file_does_not_have_are_named(coco2014):
    with pytest.raises(ValueError, match=r"none of the 80 classes.*'person'.*metainfo"):
        CocoMinival(data_root=str(coco2014), split='minival')


@pytest.mark.parametrize('name', ['ann_file', 'data_prefix'])
def test_inherited_paths_are_refused(coco2014, name):
    with pytest.raises(TypeError, match=f'remove {name}.*_delete_'):
        load(coco2014, **{name: 'x'})
    with pytest.raises(TypeError, match='remove ann_file'):
        CocoMinivalMetric(data_root=str(coco2014), ann_file='x')


def test_missing_data_is_said_when_it_is_needed(tmp_path):
    load(tmp_path, lazy_init=True)
    with pytest.raises(FileNotFoundError, match=r'tools/prepare_data\.py coco'):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'tools/prepare_data\.py coco'):
        CocoMinivalMetric(data_root=str(tmp_path))


def score(dataset, metric, wrong_label=False):
    """COCO AP of the dataset's own boxes."""
    metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        labels = torch.tensor([one['bbox_label'] for one in sample['instances']])
        prediction = {
            'bboxes': torch.tensor([one['bbox'] for one in sample['instances']]),
            'scores': torch.full((len(labels),), 0.9),
            'labels': (labels + 1) % 10 if wrong_label else labels,
        }
        size = {'ori_shape': (sample['height'], sample['width'])}
        metric.process({}, [{'img_id': sample['img_id'], 'pred_instances': prediction, **size}])
    return metric.evaluate(len(dataset))


@pytest.mark.parametrize('layout', ['coco2014', 'coco2017'])
def test_metric_scores_the_truth_1_by_name_from_mmdet_registries(request, layout):
    root = str(request.getfixturevalue(layout))
    dataset = {'type': 'senet_mm.CocoMinival', 'data_root': root, 'split': 'minival', 'metainfo': DIGITS}
    metric = {'type': 'senet_mm.CocoMinivalMetric', 'data_root': root, 'metric': 'bbox'}
    dataset = DATASETS.build(dataset | {'test_mode': True})
    scores = score(dataset, METRICS.build(metric))
    assert scores['coco/bbox_mAP'] == 1
    assert scores['coco/bbox_mAP_50'] == 1
    assert score(dataset, METRICS.build(metric), wrong_label=True)['coco/bbox_mAP'] < 0.1


@pytest.fixture
def bucket(tmp_path):
    """A file backend `bucket://…` over `tmp_path`, where nothing can be opened by its path."""

    class Bucket(BaseStorageBackend):
        def path(self, name):
            return tmp_path / str(name).removeprefix('bucket://')

        def get(self, filepath):
            return self.path(filepath).read_bytes()

        def get_text(self, filepath, encoding='utf-8'):
            return self.path(filepath).read_text(encoding)

        def isfile(self, filepath):
            return self.path(filepath).is_file()

        def join_path(self, filepath, *filepaths):
            return '/'.join([filepath, *filepaths])

        @contextmanager
        def get_local_path(self, filepath):
            yield self.path(filepath)

    register_backend('bucket', Bucket, prefixes='bucket', force=True)
    yield {'backend': 'bucket'}
    del backends['bucket'], prefix_to_backends['bucket']


@pytest.mark.usefixtures('coco2014')
@pytest.mark.parametrize('explicit', [True, False])
def test_data_behind_a_file_backend(bucket, explicit):
    kwargs = {'backend_args': bucket} if explicit else {}
    dataset = load('bucket://coco2014', **kwargs)
    assert len(dataset) == 18
    assert dataset.get_data_info(0)['img_path'] == 'bucket://coco2014/train2014/COCO_train2014_000000000001.jpg'
    minival = load('bucket://coco2014', 'minival', test_mode=True, **kwargs)
    assert score(minival, CocoMinivalMetric(data_root='bucket://coco2014', **kwargs))['coco/bbox_mAP'] == 1
    with pytest.raises(FileNotFoundError, match='expected in bucket://nowhere,'):
        load('bucket://nowhere', **kwargs)
    assert not Path('bucket:').exists()
