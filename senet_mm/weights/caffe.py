"""The released Caffe networks (github.com/hujie-frank/SENet): SE-BN-Inception, SE-ResNet, SE-ResNeXt, SENet-154."""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import Tensor

from senet_mm.weights.caffemodel import EPS, CaffeModel, Layer
from senet_mm.weights.source import BGR_CAFFE, CROP_224, Source, WeightsError

# Layer in the prototxt → our convolution and our normalisation; `<layer>/bn` and `<layer>/bn/scale` are the latter's.
CLASSIFIER = (r'classifier', 'head.fc', '')
UNIT = r'conv(?P<stage>[2-5])_(?P<unit>\d+)'
RESIDUAL = (
    (r'conv1/7x7_s2', 'conv1', 'bn1'),
    (r'conv1_1/3x3_s2', 'stem.0', 'stem.1'),
    (r'conv1_2/3x3', 'stem.3', 'stem.4'),
    (r'conv1_3/3x3', 'stem.6', 'stem.7'),
    (rf'{UNIT}_1x1_reduce', '{block}.conv1', '{block}.bn1'),
    (rf'{UNIT}_3x3', '{block}.conv2', '{block}.bn2'),
    (rf'{UNIT}_1x1_increase', '{block}.conv3', '{block}.bn3'),
    (rf'{UNIT}_1x1_proj', '{block}.downsample.0', '{block}.downsample.1'),
    (rf'{UNIT}_1x1_down', '{block}.se.fc1', ''),
    (rf'{UNIT}_1x1_up', '{block}.se.fc2', ''),
    CLASSIFIER,
)
MODULE = r'(?P<module>inception_[345][a-e])'
BRANCHES = {'1x1': 'conv1x1', '3x3_reduce': 'conv3x3_reduce', '3x3': 'conv3x3'} | {
    name: name for name in ('double3x3_reduce', 'double3x3a', 'double3x3b', 'pool_proj')
}
INCEPTION = (
    (r'conv1/7x7_s2', 'conv1.conv', 'conv1.bn'),
    (r'conv2/3x3_reduce', 'conv2.0.conv', 'conv2.0.bn'),
    (r'conv2/3x3', 'conv2.1.conv', 'conv2.1.bn'),
    *[(rf'{MODULE}/{name}', f'{{block}}.{ours}.conv', f'{{block}}.{ours}.bn') for name, ours in BRANCHES.items()],
    (rf'{MODULE}_1x1_down', '{block}.se.fc1', ''),
    (rf'{MODULE}_1x1_up', '{block}.se.fc2', ''),
    CLASSIFIER,
)
STAGES = {'3a': 3, '3b': 3, '3c': 4, '4a': 4, '4b': 4, '4c': 4, '4d': 4, '4e': 5, '5a': 5, '5b': 5}

SOURCE = Source(
    name='caffe',
    title='Caffe, as released by the authors',
    marks=(),  # told by its bytes
    rules=(),
    styles=('caffe', 'pytorch'),
    ceil_pool=True,
    input=dict(BGR_CAFFE, **CROP_224),
)


def convert_layers(model: CaffeModel) -> dict[str, Tensor]:
    """The parameters of a Caffe network under our names: within the backbone, or `head.…`.

    Names that the map does not have are kept as `<layer>[<number>]`, for the strict check to list.

    Raises:
        WeightsError: A layer has another number of parameters, a BatchNorm another epsilon or the stem's pooling
            another padding than in the released networks.
    """
    inception = any(layer.name.startswith('inception_') for layer in model.layers)
    names = INCEPTION if inception else RESIDUAL
    pool = model.layer('pool1/3x3_s2')
    if pool is not None and pool.pad:
        raise WeightsError(f'{pool.name}: its padding is {pool.pad}, in the released networks it is 0')
    return {key: value for layer in model.layers if layer.blobs for key, value in _convert(layer, names)}


def trained_style(model: CaffeModel) -> str | None:
    """'caffe' or 'pytorch' by the stride of the first bottleneck of conv3; None if the file does not say."""
    first, second = (model.layer(f'conv3_1_{name}') for name in ('1x1_reduce', '3x3'))
    if first is not None and first.stride == 2:
        return 'caffe'
    return 'pytorch' if second is not None and second.stride == 2 else None


def _convert(layer: Layer, names: tuple[tuple[str, str, str], ...]) -> Iterator[tuple[str, Tensor]]:
    base = re.sub(r'/bn(/scale)?$', '', layer.name)
    kind = layer.name.removeprefix(base)
    for pattern, conv, norm in names:
        found = re.fullmatch(pattern, base)
        target = norm if kind else conv
        if found and target:
            yield from _parameters(layer, kind, target.format(block=_block(found.groupdict())))
            return
    yield from ((f'{layer.name}[{number}]', blob) for number, blob in enumerate(layer.blobs))


def _block(place: dict[str, str]) -> str:
    if 'unit' in place:
        return f'layer{int(place["stage"]) - 1}.{int(place["unit"]) - 1}'
    if 'module' in place:
        return f'stage{STAGES.get(place["module"][-2:], 0)}.{place["module"]}'
    return ''


def _parameters(layer: Layer, kind: str, target: str) -> Iterator[tuple[str, Tensor]]:
    """The blobs of a convolution or fully-connected layer (`kind` ''), a BatchNorm ('/bn') or a Scale ('/bn/scale')."""
    if kind == '/bn':
        mean, variance = _statistics(layer)
        yield f'{target}.running_mean', mean
        yield f'{target}.running_var', variance
        return
    if len(layer.blobs) > 2:
        raise WeightsError(f'{layer.name} has {len(layer.blobs)} parameters, in the released networks it has 1 or 2')
    yield from zip((f'{target}.weight', f'{target}.bias'), layer.blobs, strict=False)


def _statistics(layer: Layer) -> tuple[Tensor, Tensor]:
    """Mean and variance of a BatchNorm: stored as sums, with the factor that they are to be divided by."""
    if len(layer.blobs) != 3 or layer.blobs[2].numel() != 1:
        raise WeightsError(
            f'{layer.name} has {len(layer.blobs)} parameters, not mean, variance and their factor; a BatchNorm of '
            'another Caffe than BVLC’s cannot be read'
        )
    if abs(layer.eps - EPS) > 1e-9:
        raise WeightsError(f'{layer.name} has eps={layer.eps:g}, in the released networks it is {EPS:g}')
    mean, variance, factor = layer.blobs
    scale = 0.0 if factor.item() == 0 else 1 / factor.item()
    return mean * scale, variance * scale
