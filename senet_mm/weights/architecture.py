"""Which of our networks given weights are for, from names and shapes alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from senet_mm.models.densenet import DEPTHS as DENSENETS
from senet_mm.models.resnet import ARCHITECTURES, BasicBlock, Bottleneck
from senet_mm.models.vgg import DEPTHS as VGGS
from senet_mm.weights.source import WeightsError

State = Mapping[str, Tensor]
NO_VGG_NORM = 'a VGG without batch normalisation; ours has it, and loads torchvision’s vgg*_bn'
FLOORED = 'timm and OpenMMLab make the width a multiple of 8, ours is C // r, as in the paper and its released networks'
# SENet-154 (appendix) as options of senet_mm.ResNeXt, beside its SE.
SENET_154 = dict(
    depth=152, groups=64, base_width=4, deep_stem=True, stem_channels=128, halve_first=True, projection_kernel=3
)


def infer_backbone(state: State, options: Mapping[str, Any]) -> dict[str, Any]:
    """The config of the backbone that weights are for.

    Args:
        state: Weights under our names.
        options: What names and shapes do not tell, e.g. `style`.

    Raises:
        WeightsError: They are for none of our networks; the message says why.
    """
    family = next((family for mark, family in FAMILIES.items() if mark in state), None)
    if family is None:
        first = ', '.join(list(state)[:5])
        raise WeightsError(
            f'these weights are for none of the networks that are known here; their names begin {first}, … . '
            'If they are a run’s of another network of senet_mm, name its config: --config'
        )
    try:
        backbone, se = family(state), _se(state)
    except WeightsError:
        raise
    except KeyError as error:
        raise WeightsError(f'{error.args[0]} is missing, without which the network cannot be told') from None
    except (ArithmeticError, IndexError, ValueError):
        raise WeightsError('the shapes of these weights are of no network; the file is damaged') from None
    return {**backbone, **({'se': se} if se else {}), **options}


def architecture_name(backbone: Mapping[str, Any]) -> str:
    """The name of a network that infer_backbone found, as its configs' begin: 'se_resnext50_32x4d', 'senet154'."""
    family, options = backbone['type'].removeprefix('senet_mm.'), dict(backbone)
    if all(options.get(name) == value for name, value in SENET_154.items()) and 'se' in options:
        return 'senet154'
    name = 'bn_inception' if family == 'BNInception' else f'{family.lower()}{options["depth"]}'
    if options.get('deep_stem'):
        name += 'd' if options.get('avg_down') else 'c'
    if 'groups' in options:
        name += f'_{options["groups"]}x{options["base_width"]}d'
    elif 'base_width' in options:
        name += f'_w{options["base_width"]}'
    return f'se_{name}' if 'se' in options else name


def _resnet(state: State) -> dict[str, Any]:
    """Options of ResNet or ResNeXt."""
    bottlenecks = 'layer1.0.conv3.weight' in state
    deep = 'stem.0.weight' in state
    options: dict[str, Any] = dict(depth=_depth(state, bottlenecks))
    if deep:
        widths = [state[f'stem.{3 * number}.weight'].shape[0] for number in range(3)]
        if widths[0] != widths[1] or widths[0] * 2 != widths[2]:
            raise WeightsError(f'its stem has widths {widths}; with deep_stem ours has C/2, C/2, C')
        options.update(deep_stem=True, stem_channels=widths[2])
    elif state['conv1.weight'].shape[0] != 64:
        options.update(stem_channels=state['conv1.weight'].shape[0])
    groups = 1
    if bottlenecks:
        reduced, (width, inputs) = state['layer1.0.conv1.weight'].shape[0], state['layer1.0.conv2.weight'].shape[:2]
        groups = reduced // inputs
        options.update({} if groups == 1 else dict(groups=groups), base_width=width // groups)
        if reduced * 2 == width:
            options.update(halve_first=True)
    projection = state.get('layer2.0.downsample.0.weight')
    if 'layer2.0.downsample.2.weight' in state:
        options.update(avg_down=True)
    elif projection is not None and projection.shape[-1] != 1:
        options.update(projection_kernel=projection.shape[-1])
    if options.get('base_width') == 64 and groups == 1:
        del options['base_width']
    return dict(type='senet_mm.ResNeXt' if groups > 1 else 'senet_mm.ResNet', **options)


def _bn_inception(_: State) -> dict[str, Any]:
    return dict(type='senet_mm.BNInception')


def _depth(state: State, bottlenecks: bool) -> int:
    """The depth whose stages have as many units as these weights."""
    counts = tuple(_count(state, rf'layer{stage}\.(\d+)\.conv1\.weight') for stage in range(1, 5))
    kind = Bottleneck if bottlenecks else BasicBlock
    for depth, architecture in ARCHITECTURES.items():
        if architecture == (kind, counts):
            return depth
    units = 'bottlenecks' if bottlenecks else 'basic blocks'
    known = ', '.join(map(str, ARCHITECTURES))
    raise WeightsError(f'stages of {", ".join(map(str, counts))} {units}: no ResNet of ours; its depths are {known}')


def _densenet(state: State) -> dict[str, Any]:
    names = (rf'features\.denseblock{block}\.denselayer(\d+)\.conv1\.weight' for block in range(1, 5))
    counts = tuple(_count(state, name) for name in names)
    growth = state['features.denseblock1.denselayer1.conv2.weight'].shape[0]
    for depth, (rate, _, layers) in DENSENETS.items():
        if (rate, layers) == (growth, counts):
            return dict(type='senet_mm.DenseNet', depth=depth)
    known = ', '.join(map(str, DENSENETS))
    raise WeightsError(f'blocks of {counts} layers, growth rate {growth}: no DenseNet of ours; its depths are {known}')


def _vgg(state: State) -> dict[str, Any]:
    if 'features.1.running_mean' not in state:
        raise WeightsError(NO_VGG_NORM)
    layers = [value for key, value in state.items() if re.fullmatch(r'features\.\d+\.weight', key)]
    convolutions = sum(value.dim() == 4 for value in layers)
    for depth, counts in VGGS.items():
        if sum(counts) == convolutions:
            return dict(type='senet_mm.VGG', depth=depth)
    raise WeightsError(f'{convolutions} convolutions: no VGG of ours; its depths are {", ".join(map(str, VGGS))}')


def _se(state: State) -> dict[str, Any] | None:
    """Options of the SE blocks: `ratio`, and `bias` or `stages` of residual networks where they are not the default."""
    widths = {key: value.shape[:2] for key, value in state.items() if key.endswith('.se.fc1.weight')}
    if not widths:
        return None
    hidden, channels = max(widths.values(), key=lambda width: width[1])
    ratio = channels // hidden
    for key, (narrow, wide) in widths.items():
        ours = max(1, wide // ratio)
        if narrow != ours:
            raise WeightsError(f'{key}: {narrow} of {wide} channels, where r = {ratio} gives {ours}; {FLOORED}')
    options: dict[str, Any] = dict(ratio=ratio)
    if not any(key.endswith('.se.fc1.bias') for key in state):
        options.update(bias=False)
    stages = sorted({int(key[5]) + 1 for key in widths if key.startswith('layer')})
    if 0 < len(stages) < _count(state, r'layer(\d)\.0\.conv1\.weight'):
        options.update(stages=stages)
    return options


def _count(state: State, pattern: str) -> int:
    """How many different numbers the pattern finds in the names."""
    return len({match[1] for key in state if (match := re.match(pattern, key))})


# A name that the family's networks have and no others.
FAMILIES = {
    'layer1.0.conv1.weight': _resnet,
    'conv2.0.conv.weight': _bn_inception,
    'features.denseblock1.denselayer1.conv1.weight': _densenet,
    'features.0.weight': _vgg,
}
