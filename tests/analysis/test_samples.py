"""Pictures of samples have the colours of the file, whatever the pipeline made of them."""

import numpy as np
import pytest
from mmengine.dataset import RepeatDataset
from mmengine.registry import DATASETS, init_default_scope

from senet_mm.analysis.samples import as_picture
from tests.data.random_cifar import random_cifar

STATISTICS = dict(mean=[125.3, 123.0, 113.9], std=[63.0, 62.1, 66.7])


@pytest.mark.parametrize('normalize', [None, dict(to_rgb=False), dict(to_rgb=True)])
def test_normalisation_and_channel_order_are_undone(tmp_path, normalize):
    init_default_scope('mmpretrain')
    expected = random_cifar(tmp_path)['train'].images[3].transpose(1, 2, 0)
    steps = [] if normalize is None else [dict(type='Normalize', **STATISTICS, **normalize)]
    dataset = DATASETS.build(
        dict(type='senet_mm.CIFAR10', data_root=str(tmp_path), pipeline=[*steps, dict(type='PackInputs')])
    )
    for one in (dataset, RepeatDataset(dataset, times=2)):
        picture = as_picture(one[3]['inputs'], one)
        assert picture.dtype == np.uint8
        np.testing.assert_array_equal(picture, expected)


def test_images_of_the_mm_tools_are_blue_first(demo):
    init_default_scope('mmpretrain')
    dataset = DATASETS.build(
        dict(
            type='ImageNet',
            data_root=str(demo / 'imagenet'),
            split='train',
            pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
        )
    )
    inputs = dataset[0]['inputs']
    np.testing.assert_array_equal(as_picture(inputs, dataset), inputs.flip(0).permute(1, 2, 0).numpy())
