"""From a file of anybody's to weights under our names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from senet_mm.engine.checkpoint import load_checkpoint
from senet_mm.engine.checkpoint_source import locate
from senet_mm.engine.provenance import provenance, safetensors_meta
from senet_mm.layers import rename_openmmlab_keys
from senet_mm.models.pretrained import trained_options
from senet_mm.weights import cadene, caffe, openmmlab, timm, torchvision
from senet_mm.weights.caffemodel import looks_like_caffemodel, read_caffemodel
from senet_mm.weights.source import Source, Weights, WeightsError
from senet_mm.weights.strict import compact

# The first that recognises the names has them: torchvision's are timm's without SE.
SOURCES = (*openmmlab.SOURCES, *cadene.SOURCES, *timm.SOURCES, *torchvision.SOURCES)
STATES = ('state_dict', 'model', 'model_state_dict')  # where a checkpoint keeps its weights
HIDDEN_OPTIONS = ('style', 'ceil_pool', 'branch_relu', 'se')  # what names and shapes do not tell, or not all of it
RESNETS = r'(\w+\.)?(SE)?Res(Net|NeXt)(V1[cd])?'  # types, here and in OpenMMLab's configs
HALVES = (torch.float16, torch.bfloat16)


def read_weights(source: str | Path, *, prefix: str | None = None, trust: bool = False) -> Weights:
    """Read weights, recognise whose they are, and name them as we do.

    Args:
        source: A file or an address: a Caffe network, or what `load_checkpoint` reads.
        prefix: Of the backbone's names in a run's checkpoint; found by itself if it is 'backbone.'.
        trust: See load_checkpoint.

    Raises:
        DataError: The file cannot be read.
        WeightsError: It has no weights, or no use for them is known; see WeightsError.
    """
    path = locate(source)
    with path.open('rb') as file:
        head = file.read(8)
    if path.suffix != '.safetensors' and looks_like_caffemodel(head):
        return _caffe(str(source), path)
    content = load_checkpoint(path, trust=trust)
    if path.suffix == '.safetensors':
        content = dict(state_dict=content, meta=safetensors_meta(path))
    weights = _recognise(str(source), _state(content, str(source)), prefix)
    for refused, why in weights.source.refused_files:
        if re.search(refused, path.name):
            raise WeightsError(f'{source}: {path.name} names a network that is not ours: {why}')
    _add_known(weights, content)
    return weights


def _caffe(origin: str, path: Path) -> Weights:
    model = read_caffemodel(path)
    state = {key: value.clone() for key, value in caffe.convert_layers(model).items()}
    weights = _split(origin, state, caffe.SOURCE)
    style = caffe.trained_style(model)
    if weights.has_bottlenecks:
        weights.options.update(_source_options(weights), **({'style': style} if style else {}))
    weights.input = dict(caffe.SOURCE.input or {})
    return weights


def _state(content: Mapping[str, Any], origin: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint, without the prefix of a parallel run."""
    inner = next((content[name] for name in STATES if isinstance(content.get(name), Mapping)), content)
    state = {re.sub(r'^module\.', '', key): value for key, value in inner.items() if isinstance(value, Tensor)}
    if not state:
        found = ', '.join(map(str, list(content)[:8])) or 'nothing'
        raise WeightsError(f'{origin} holds no weights: no state_dict and no tensors; it has {found}')
    return state


def _recognise(origin: str, state: dict[str, Tensor], prefix: str | None) -> Weights:
    """Split a checkpoint into backbone, head and others, and find whose it is."""
    prefix = f'{prefix.rstrip(".")}.' if prefix else 'backbone.'
    if any(key.startswith(prefix) for key in state):
        backbone = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        head = {key: value for key, value in state.items() if key.startswith('head.')}
        others = {key.split('.')[0] for key in state if not key.startswith((prefix, 'head.', 'data_preprocessor.'))}
        weights = _split(origin, {**backbone, **head}, _source(backbone) or openmmlab.RUN)
        weights.others = tuple(sorted(others))
        return weights
    source = _source(state)
    if source is None and prefix != 'backbone.':
        raise WeightsError(f'{origin}: no name in it begins with the prefix {prefix!r}')
    return _split(origin, state, source or openmmlab.BARE)


def _source(state: Mapping[str, Tensor]) -> Source | None:
    return next((source for source in SOURCES if source.recognises(state)), None)


def _split(origin: str, state: Mapping[str, Tensor], source: Source) -> Weights:
    """Weights of a source under our names, float32, backbone and head apart."""
    renamed = {source.rename(key): value for key, value in state.items()}
    rename_openmmlab_keys(renamed, '')
    infinite = [key for key, value in renamed.items() if value.is_floating_point() and not value.isfinite().all()]
    if infinite:
        raise WeightsError(f'{origin} has values that are infinite or no numbers: {", ".join(compact(infinite))}')
    halves = sorted({str(value.dtype) for value in renamed.values() if value.dtype in HALVES})
    weights = Weights(origin, source, {}, {})
    for key, value in renamed.items():
        part, name = (weights.head, key[5:]) if key.startswith('head.') else (weights.backbone, key)
        part[name] = value.float() if value.is_floating_point() else value
    if halves:
        weights.notes.append(f'half precision ({", ".join(halves)}): widened to float32, which changes no value')
    return weights


def _source_options(weights: Weights) -> dict[str, Any]:
    """What the source alone says of a residual network's options."""
    options: dict[str, Any] = {}
    if 'layer1.0.conv1.weight' not in weights.backbone:
        return options
    if weights.source.styles and weights.has_bottlenecks:
        options['style'] = weights.source.styles[weights.is_grouped]
    if weights.source.styles and not weights.has_bottlenecks:
        options['branch_relu'] = weights.source.branch_relu
    if weights.source.ceil_pool is not None:
        options['ceil_pool'] = weights.source.ceil_pool
    return options


def _add_known(weights: Weights, content: Mapping[str, Any]) -> None:
    """What is known of the network and its input: from our own conversion, from a run's config, or by the source."""
    if before := provenance(content):
        options, weights.input = dict(before.get('backbone') or {}), before.get('input')
        weights.before = before
    elif trained := trained_options(content):
        options, weights.input = trained, _run_input(content)
        if re.fullmatch(RESNETS, str(trained.get('type'))):
            options = (
                dict(style='pytorch', ceil_pool=False, branch_relu=False) | options
            )  # what OpenMMLab and we mean by nothing
    else:
        options, weights.input = _source_options(weights), dict(weights.source.input or {}) or None
    weights.options = {name: options[name] for name in HIDDEN_OPTIONS if options.get(name) is not None}


def _run_input(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The normalisation in a run's config: `data_preprocessor`, or `img_norm_cfg` before 2022."""
    for part in ('data_preprocessor', 'img_norm_cfg'):
        options = trained_options(content, part)
        to_rgb = options.get('to_rgb', options.get('bgr_to_rgb'))
        if to_rgb is not None and options.get('mean') and options.get('std'):
            return dict(channels='RGB' if to_rgb else 'BGR', mean=list(options['mean']), std=list(options['std']))
    return None
