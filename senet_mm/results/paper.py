"""The paper's figures, from paper.csv beside this file, by the stem of the config that reproduces them."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

from senet_mm.results.runs import plain_name

HERE = Path(__file__).parent
PUBLISHED, COUNTED = HERE / 'published.json', HERE / 'complexity.json'  # make tables
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
    'resnet110_cifar10': (4, 'ResNet-110'),
    'resnet164_cifar10': (4, 'ResNet-164'),
    'wrn16_8_cifar10': (4, 'WRN-16-8'),
    'shake_shake26_2x96d_cutout_cifar10': (4, 'Shake-Shake 26 2x96d + Cutout'),
    'resnet110_cifar100': (5, 'ResNet-110'),
    'resnet164_cifar100': (5, 'ResNet-164'),
    'wrn16_8_cifar100': (5, 'WRN-16-8'),
    'shake_even29_2x4x64d_cutout_cifar100': (5, 'Shake-Even 29 2x4x64d + Cutout'),
    'resnet152_places365': (6, 'ResNet-152'),
    'faster_rcnn_r50_2x_coco': (7, 'ResNet-50'),
    'faster_rcnn_r101_2x_coco': (7, 'ResNet-101'),
}
# What the paper calls the plain variant: it took the numbers of Tables 4 and 5 from their authors, the others it ran.
PLAIN = {4: 'original', 5: 'original'}
# Networks that the paper has with SE only.
SE_ONLY = {
    'senet154_imagenet': (8, 'SENet-154'),
    'senet154_320_imagenet': (9, 'SENet-154 (trained at 320)'),
}
# The ablations' baseline, and the SE network that several of the tables share.
ABLATION_PLAIN, ABLATION_SE = 'resnet50_ablation_imagenet', 'se_resnet50_ablation_r16_imagenet'
_OPTION = 'se_resnet50_ablation_{}_imagenet'.format
# Table → the paper's variant → config stem.
ABLATIONS = {
    10: {f'ratio={ratio}': _OPTION(f'r{ratio}') for ratio in (2, 4, 8, 16, 32)} | {'baseline': ABLATION_PLAIN},
    11: {'squeeze=max': _OPTION('max'), 'squeeze=avg': ABLATION_SE},
    12: {'gate=relu': _OPTION('relu'), 'gate=tanh': _OPTION('tanh'), 'gate=sigmoid': ABLATION_SE},
    13: {
        'baseline': ABLATION_PLAIN,
        **{f'stages={stage}': _OPTION(f'stage{stage}') for stage in (2, 3, 4)},
        'stages=all': ABLATION_SE,
    },
    14: {
        'position=standard': ABLATION_SE,
        **{f'position={place}': _OPTION(place) for place in ('pre', 'post', 'identity')},
    },
    15: {'position=standard': ABLATION_SE, 'position=3x3': _OPTION('3x3')},
    16: {'baseline': ABLATION_PLAIN, 'squeeze=none': _OPTION('nosqueeze'), 'squeeze=avg': ABLATION_SE},
}
# The authors' released networks, trained anew after the paper: top-1 and top-5 error in % that the README of
# github.com/hujie-frank/SENet gives for them.
RELEASED = {
    'se_bn_inception_released_imagenet': (23.62, 7.04),
    'se_resnet50_released_imagenet': (22.37, 6.36),
    'se_resnet101_released_imagenet': (21.75, 5.72),
    'se_resnet152_released_imagenet': (21.34, 5.54),
    'se_resnext50_32x4d_released_imagenet': (20.97, 5.54),
    'se_resnext101_32x4d_released_imagenet': (19.81, 4.96),
    'senet154_released_imagenet': (18.68, 4.47),
}
# The ImageNet network whose weights a detector may start from in place of the published ones.
WEIGHTS = {
    f'faster_rcnn_{se}r{depth}_2x_coco': f'{se}resnet{depth}_imagenet' for se in ('', 'se_') for depth in (50, 101)
}


# Config stem → why its multiply-adds or parameters differ from the paper's.
_INCEPTION_RESNET = (
    'The released network (timm has the same weights) counts 13.16 G without SE; where the paper’s 11.75 G comes from '
    'is open.'
)
_SHUFFLENET = (
    'ShuffleNet’s own paper has 137 M for 1×, g = 3 (its Table 1); 140 M is its name for networks of this size. The '
    'parameters are the paper’s when cut off, not rounded, after one decimal.'
)
COUNT_NOTES = {
    'inception_resnet_v2_imagenet': _INCEPTION_RESNET,
    'se_inception_resnet_v2_imagenet': _INCEPTION_RESNET,
    'shufflenet_v1_imagenet': _SHUFFLENET,
    'se_shufflenet_v1_imagenet': _SHUFFLENET,
}


def se_name(plain: str) -> str:
    """The config with SE of one without."""
    detector = plain.startswith('faster_rcnn_')
    return plain.replace('faster_rcnn_', 'faster_rcnn_se_') if detector else f'se_{plain}'


def baseline_of(stem: str) -> str | None:
    """The config without SE that an SE config is compared with; None if it has no SE."""
    plain = {'senet154_imagenet': 'resnext152_64x4d_imagenet'}.get(stem) or plain_name(stem)
    if plain and plain.startswith('resnet50_ablation_') and plain not in published():  # options of SE have one baseline
        return ABLATION_PLAIN
    return plain


@cache
def _figures() -> dict[tuple[int, str, str, str], float]:
    with (HERE / 'paper.csv').open(encoding='utf-8', newline='') as file:
        return {
            (int(line['table']), line['model'], line['variant'], line['metric']): float(line['value'])
            for line in csv.DictReader(file)
        }


def models_of(table: int) -> list[tuple[str, str]]:
    """Models and variants of a table, in the paper's order."""
    return list(dict.fromkeys((model, variant) for number, model, variant, _ in _figures() if number == table))


def figure(table: int, model: str, variant: str, metric: str) -> float | None:
    """One number of the paper; None if it prints none there."""
    return _figures().get((table, model, variant, metric))


def paper_row(stem: str) -> tuple[int, str, str] | None:
    """Table, model and variant ('baseline', 'original' or 'se') of a config's row in the paper; None if it has none.

    An ablation's is its first row, with a variant such as 'ratio=8'.
    """
    if stem in SE_ONLY:
        return *SE_ONLY[stem], 'se'
    for table, variants in ABLATIONS.items():
        for variant, config in variants.items():
            if config == stem:
                return table, 'ResNet-50', variant
    plain = plain_name(stem)
    row = MODELS.get(plain or stem)
    return (*row, 'se' if plain else PLAIN.get(row[0], 'baseline')) if row else None


def paper_value(stem: str, metric: str) -> float | None:
    """The paper's figure of a config, in the unit of paper.csv; None if it prints none.

    Args:
        stem: The config's stem, e.g. 'se_resnet50_imagenet'.
        metric: As in paper.csv: 'gflops', 'mflops', 'params_m', 'top1_err', 'ap', …
    """
    row = paper_row(stem)
    return figure(*row, metric) if row else None


@cache
def published() -> dict[str, dict[str, Any]]:
    """What tools/pin_configs.py knows of every config: stem → path, hash, batch, gpus, commands."""
    return json.loads(PUBLISHED.read_text(encoding='utf-8'))


@cache
def counts() -> dict[str, dict[str, Any]]:
    """What tools/complexity.py counted: stem → parameters, macs, input, …, of the whole network."""
    lines = json.loads(COUNTED.read_text(encoding='utf-8'))
    return {line['config']: line for line in lines if line['part'] == 'whole'}
