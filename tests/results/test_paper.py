"""The paper's figures by config."""

import pytest

from senet_mm.results.paper import MODELS, SE_ONLY, paper_row, paper_value


@pytest.mark.parametrize(
    ('stem', 'metric', 'value'),
    [
        ('resnet50_imagenet', 'gflops', 3.86),
        ('se_resnet50_imagenet', 'gflops', 3.87),
        ('se_resnext101_32x4d_imagenet', 'top1_err', 20.70),
        ('resnext50_32x4d_imagenet', 'top5_err', 5.90),
        ('se_mobilenet_v1_imagenet', 'mflops', 572),
        ('shufflenet_v1_imagenet', 'params_m', 1.8),
        ('senet154_imagenet', 'top1_err_320', 17.28),
        ('senet154_320_imagenet', 'top5_err', 3.58),
        ('faster_rcnn_se_r101_2x_coco', 'ap', 41.9),
        ('resnet50_imagenet', 'params_m', None),
        ('resnext152_64x4d_imagenet', 'top1_err', None),
        ('se_densenet121_imagenet', 'gflops', None),
    ],
)
def test_figures(stem, metric, value):
    assert paper_value(stem, metric) == value


def test_a_row_is_table_model_and_variant():
    assert paper_row('faster_rcnn_se_r50_2x_coco') == (7, 'ResNet-50', 'se')
    assert paper_row('vgg16_imagenet') == (2, 'VGG-16', 'baseline')
    assert paper_row('senet154_imagenet') == (8, 'SENet-154', 'se')
    assert paper_row('densenet121_imagenet') is None


def test_every_row_is_in_the_csv():
    stems = [*MODELS, *SE_ONLY]
    assert len(stems) == 14
    for stem in stems:
        metrics = [paper_value(stem, metric) for metric in ('top1_err', 'top1_err_224', 'ap')]
        assert sum(value is not None for value in metrics) == 1, stem
