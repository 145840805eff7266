"""Other people's weights as checkpoints of ours: the network found, every name checked, the provenance kept."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from safetensors.torch import save_file
from torch import Tensor

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.data.errors import DataError
from senet_mm.data.files.download import digest
from senet_mm.engine.checkpoint_source import locate
from senet_mm.engine.config import read_config
from senet_mm.models import Backbone
from senet_mm.registry import MODELS
from senet_mm.weights.architecture import architecture_name, infer_backbone
from senet_mm.weights.reading import read_weights
from senet_mm.weights.source import Weights, WeightsError
from senet_mm.weights.strict import check_options, load_strictly

SUFFIXES = ('.pth', '.safetensors')


@dataclass(frozen=True)
class Converted:
    """A checkpoint of ours.

    Attributes:
        state: Weights named `backbone.…` and, for a classifier, `head.…`.
        provenance: Where they are from and what they are for; see `convert`.
        weights: What was read.
    """

    state: dict[str, Tensor]
    provenance: dict[str, Any]
    weights: Weights

    @property
    def stem(self) -> str:
        """A file name without its hash."""
        return f'{self.provenance["architecture"]}_{self.provenance["source"]}'


def convert(
    source: str | Path, *, config: str | Path | None = None, arch: str | None = None, trust: bool = False
) -> Converted:
    """Convert weights of anybody's; see senet_mm.weights.Pretrained.

    The provenance is: source, file, url (if there is one), sha256 of what was read; architecture, backbone (its
    options), classes; input (channels, mean, std and, if known, shorter_side and crop); date.

    Args:
        source: A file or an https:// address.
        config: The network's config; found from the weights if None.
        arch: The network's name, e.g. 'se_resnet50': an error if the weights are for another.
        trust: Read the file even if it executes code of its own choice.

    Raises:
        DataError: The file cannot be read.
        WeightsError: The weights are for none of our networks, or not for the one that is asked for.
    """
    weights = read_weights(source, trust=trust)
    name = _name(weights, config)
    if arch is not None and arch != name:
        raise WeightsError(f'{source} is {name}, not {arch}')
    backbone, state = _by_itself(weights) if config is None else _through_config(weights, Path(config))
    provenance = dict(
        source=weights.before.get('source', weights.source.name),
        **_file(str(source)),
        architecture=name,
        backbone=backbone,
        classes=_classes(state),
        input=weights.input,
        date=datetime.now().astimezone().isoformat(timespec='seconds'),
        **(dict(before=weights.before) if weights.before else {}),
    )
    return Converted(state, provenance, weights)


def convert_file(args: Namespace) -> None:
    """What `tools/convert_weights.py` was asked to do.

    Raises:
        DataError: See `convert` and `write`.
    """
    out = Path(args.out)
    _is_folder(out)  # a mistake there is said before the work is done
    converted = convert(args.source, config=args.config, arch=args.arch, trust=args.trust_checkpoint)
    path = write(converted, out)
    classes = converted.provenance['classes']
    print('\n'.join(converted.weights.summary))
    classifier = f'{classes} classes' if classes else 'without a classifier'
    print(f'network: {converted.provenance["architecture"]}, {classifier}')
    values = sum(value.numel() for key, value in converted.state.items() if not key.endswith('num_batches_tracked'))
    print(f'{path}: {values / 1e6:.2f} M values')


def write(converted: Converted, out: Path) -> Path:
    """Write a converted checkpoint whole or not at all: to the file `out`, or into the folder `out`.

    In a folder it is named as mmpretrain's and mmdet's publish_model name theirs, with the first eight digits of its
    sha256: `se_resnet50_caffe-0a1b2c3d.pth`. Either way `torch.load(weights_only=True)` reads it.

    Raises:
        DataError: `out` is neither a folder nor named .pth or .safetensors.
    """
    is_folder = _is_folder(out)
    folder = out if is_folder else out.parent
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f'.{converted.stem}.{os.getpid()}'
    try:
        _save(converted, temporary, '.pth' if is_folder else out.suffix)
        path = folder / f'{converted.stem}-{digest(temporary, "sha256")[:8]}.pth' if is_folder else out
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _is_folder(out: Path) -> bool:
    """Whether `out` is a folder, there or to be made, and not a checkpoint's file."""
    if out.is_dir() or not out.suffix:
        return True
    if out.suffix not in SUFFIXES:
        raise DataError(f'{out}: a checkpoint is written to a folder or to a file named {" or ".join(SUFFIXES)}')
    return False


def _save(converted: Converted, path: Path, suffix: str) -> None:
    state = {key: value.contiguous() for key, value in converted.state.items()}
    if suffix == '.pth':
        torch.save(dict(meta=dict(provenance=converted.provenance), state_dict=state), path)
    else:
        save_file(state, path, metadata=dict(format='pt', provenance=json.dumps(converted.provenance)))


def _name(weights: Weights, config: str | Path | None) -> str:
    """The network's name; of one that only its config describes, the config's."""
    try:
        return architecture_name(infer_backbone(weights.backbone, {}))
    except WeightsError as error:
        if config is not None:
            return Path(config).stem
        raise WeightsError(f'{weights.origin}: {error}') from None


def _by_itself(weights: Weights) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The config of the backbone that the weights are for, and the checked state of backbone and head."""
    if weights.has_bottlenecks and 'style' not in weights.options:
        raise WeightsError(
            f'{weights.origin} does not say which convolution of a bottleneck has the stride (style): name its config, '
            '--config'
        )
    backbone = infer_backbone(weights.backbone, weights.options)
    try:
        network = MODELS.build(dict(backbone))
    except ValueError as error:
        raise WeightsError(f'{weights.origin}: {error}') from None
    check_options(weights, network)
    load_strictly(network, weights.backbone, weights.origin)
    state = {f'backbone.{key}': value for key, value in network.state_dict().items()}
    return backbone, state | {f'head.{key}': value for key, value in _checked_head(weights, network).items()}


def _through_config(weights: Weights, config: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The same for the classifier of a config, or for its backbone if it is none or the file has no classifier."""
    model = read_config(config).model
    model.backbone.pop('init_cfg', None)
    backbone = model.backbone.to_dict()
    if weights.head and model.get('type') == 'ImageClassifier':
        import_without_mmdet()
        from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS

        network = MMPRETRAIN_MODELS.build(model)
        check_options(weights, network.backbone)
        both = {f'backbone.{key}': value for key, value in weights.backbone.items()}
        both |= {f'head.{key}': value for key, value in weights.head.items()}
        load_strictly(network, both, weights.origin)
        return backbone, network.state_dict()
    network = MODELS.build(model.backbone)
    check_options(weights, network)
    load_strictly(network, weights.backbone, weights.origin)
    return backbone, {f'backbone.{key}': value for key, value in network.state_dict().items()}


def _checked_head(weights: Weights, backbone: Backbone) -> dict[str, Tensor]:
    """The head's weights, as matrices, if they are a chain of fully-connected layers behind the backbone."""
    head = dict(weights.head)
    if not head:
        return head
    if weights.others:
        raise WeightsError(f'{weights.origin}: between backbone and head it has {", ".join(weights.others)}; --config')
    layers = sorted({key.rpartition('.')[0] for key in head})
    if layers != ['fc'] and layers != [f'layers.{number}.fc' for number in range(len(layers))]:
        raise WeightsError(f'{weights.origin}: a head with {", ".join(layers)} is not known here; --config')
    inputs = backbone.out_channels[-1] * (49 if layers != ['fc'] else 1)  # a VGG's maps are flattened at 7×7
    for layer in layers:
        weight, bias = head[f'{layer}.weight'].flatten(1), head[f'{layer}.bias'].flatten()
        if weight.shape[1] != inputs or len(bias) != len(weight):
            shapes = f'{tuple(weight.shape)} and {tuple(bias.shape)}'
            raise WeightsError(f'{weights.origin}: head.{layer} has shapes {shapes}, its input has {inputs} channels')
        head[f'{layer}.weight'], head[f'{layer}.bias'] = weight, bias
        inputs = len(weight)
    return head


def _classes(state: Mapping[str, Tensor]) -> int | None:
    biases = [value for key, value in state.items() if key.startswith('head.') and key.endswith('.bias')]
    return len(biases[-1]) if biases else None


def _file(source: str) -> dict[str, str]:
    path = locate(source)
    url = dict(url=source) if '://' in source else {}
    return dict(file=Path(urlparse(source).path).name if url else path.name, **url, sha256=digest(path, 'sha256'))
