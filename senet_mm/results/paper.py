"""The paper's figures, from paper.csv beside this file, by the stem of the config that reproduces them."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from senet_mm.results.runs import plain_name

# Config stem without SE → table and model there. The SE network's row is the one of the same model.
MODELS = {
    'resnet50_imagenet': (2, 'ResNet-50'),
    'resnet101_imagenet': (2, 'ResNet-101'),
    'resnet152_imagenet': (2, 'ResNet-152'),
    'resnext50_32x4d_imagenet': (2, 'ResNeXt-50'),
    'resnext101_32x4d_imagenet': (2, 'ResNeXt-101'),
    'vgg16_imagenet': (2, 'VGG-16'),
    'bn_inception_imagenet': (2, 'BN-Inception'),
    'inception_resnet_v2_imagenet': (2, 'Inception-ResNet-v2'),
    'mobilenet_v1_imagenet': (3, 'MobileNet'),
    'shufflenet_v1_imagenet': (3, 'ShuffleNet'),
    'faster_rcnn_r50_2x_coco': (7, 'ResNet-50'),
    'faster_rcnn_r101_2x_coco': (7, 'ResNet-101'),
}
# Networks that the paper has with SE only.
SE_ONLY = {
    'senet154_imagenet': (8, 'SENet-154'),
    'senet154_320_imagenet': (9, 'SENet-154 (trained at 320)'),
}


@cache
def _figures() -> dict[tuple[int, str, str, str], float]:
    with Path(__file__).with_name('paper.csv').open(encoding='utf-8', newline='') as file:
        return {
            (int(line['table']), line['model'], line['variant'], line['metric']): float(line['value'])
            for line in csv.DictReader(file)
        }


def paper_row(stem: str) -> tuple[int, str, str] | None:
    """Table, model and variant ('baseline' or 'se') of a config's row in the paper; None if it has none."""
    if stem in SE_ONLY:
        return *SE_ONLY[stem], 'se'
    plain = plain_name(stem)
    row = MODELS.get(plain or stem)
    return (*row, 'se' if plain else 'baseline') if row else None


def paper_value(stem: str, metric: str) -> float | None:
    """The paper's figure of a config, in the unit of paper.csv; None if it prints none.

    Args:
        stem: The config's stem, e.g. 'se_resnet50_imagenet'.
        metric: As in paper.csv: 'gflops', 'mflops', 'params_m', 'top1_err', 'ap', …
    """
    row = paper_row(stem)
    return _figures().get((*row, metric)) if row else None
