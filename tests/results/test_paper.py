"""The paper's figures by config."""

import pytest

from senet_mm.results.paper import (
    ABLATIONS,
    MODELS,
    RELEASED,
    SE_ONLY,
    WEIGHTS,
    baseline_of,
    counts,
    figure,
    paper_row,
    paper_value,
    published,
    se_name,
)
from senet_mm.results.runs import plain_name


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
        ('resnet110_cifar100', 'top1_err', 26.88),
        ('se_wrn16_8_cifar10', 'top1_err', 3.88),
        ('se_resnet152_places365', 'top5_err', 11.01),
        ('resnet50_ablation_imagenet', 'top1_err', 23.3),
        ('se_resnet50_ablation_r8_imagenet', 'params_m', 30.7),
        ('se_resnet50_ablation_tanh_imagenet', 'top5_err', 6.38),
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
    assert len(stems) == 23
    for stem in stems:
        metrics = [paper_value(stem, metric) for metric in ('top1_err', 'top1_err_224', 'ap')]
        assert sum(value is not None for value in metrics) == 1, stem


def test_every_ablation_is_in_the_csv():
    for table, variants in ABLATIONS.items():
        for variant, stem in variants.items():
            assert figure(table, 'ResNet-50', variant, 'top1_err') is not None, stem


def test_the_shared_ablation_has_the_same_figure_everywhere():
    shared = [(10, 'ratio=16'), (11, 'squeeze=avg'), (12, 'gate=sigmoid'), (13, 'stages=all')]
    shared += [(14, 'position=standard'), (15, 'position=standard'), (16, 'squeeze=avg')]
    assert {ABLATIONS[table][variant] for table, variant in shared} == {'se_resnet50_ablation_r16_imagenet'}
    assert {figure(table, 'ResNet-50', variant, 'top1_err') for table, variant in shared} == {22.28}


@pytest.mark.parametrize(
    ('se', 'plain'),
    [
        ('se_resnet50_imagenet', 'resnet50_imagenet'),
        ('faster_rcnn_se_r50_2x_coco', 'faster_rcnn_r50_2x_coco'),
        ('senet154_imagenet', 'resnext152_64x4d_imagenet'),
        ('se_resnet50_ablation_pre_imagenet', 'resnet50_ablation_imagenet'),
        ('se_resnet50_ablation_270e_imagenet', 'resnet50_ablation_270e_imagenet'),
        ('resnet50_imagenet', None),
    ],
)
def test_what_se_is_compared_with(se, plain):
    assert baseline_of(se) == plain


def test_names_with_and_without_se_are_each_others():
    for plain in MODELS:
        assert plain_name(se_name(plain)) == plain


def test_every_config_of_a_table_is_shipped_and_counted():
    stems = {*MODELS, *map(se_name, MODELS), *SE_ONLY, *RELEASED, *WEIGHTS}
    stems |= {stem for variants in ABLATIONS.values() for stem in variants.values()}
    assert stems <= published().keys()
    assert stems <= counts().keys()
    trained = {stem for stem, entry in published().items() if entry['gpus']}
    assert stems - trained == set(RELEASED)
