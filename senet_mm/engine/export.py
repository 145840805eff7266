"""A trained network for other runtimes: ONNX, or torch.export's .pt2. What is written was compared with PyTorch."""

from __future__ import annotations

import senet_mm.registry  # isort: skip  (first: it says what to do where OpenCV cannot be imported)

import json
import os
import re
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn
from torch.export import Dim

import senet_mm
from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.data.errors import DataError
from senet_mm.data.images.size import image_size
from senet_mm.engine.checkpoint import load_checkpoint
from senet_mm.engine.checkpoint_fit import Fit
from senet_mm.engine.run import load_config

TOLERANCE = 1e-4  # between PyTorch and what was written, as a part of the largest output
INPUT = 'image'
ONNX_PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')

Outputs = Sequence[Tensor]


def export(args: Namespace) -> None:
    """Export as `tools/export.py` was asked to.

    A classifier takes images (N,3,H,W), normalised as its config says, and returns logits (N,classes); a backbone
    returns its maps. Config, normalisation and test pipeline are stored with it.

    Raises:
        DataError: Config or checkpoint are not there or do not fit, this part cannot be exported, or what was written
            computes something else; nothing is left behind then.
    """
    out = Path(args.out)
    _check_format(out)
    cfg = load_config(args)
    if args.part == 'whole' and cfg.get('default_scope') != 'mmpretrain':
        raise DataError(
            f'{args.config} is no classifier. Of a detector, tools/export.py exports the backbone: --part backbone. '
            'For the whole of it, boxes included, there is mmdeploy: https://github.com/open-mmlab/mmdeploy'
        )
    width, height = args.input_size or image_size(cfg)
    network = _network(cfg, args)
    meta = dict(
        senet_mm=senet_mm.__version__,
        config=args.config,
        checkpoint=str(args.checkpoint),
        part=args.part,
        data_preprocessor=cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor'),
        test_pipeline=cfg.get('test_dataloader', {}).get('dataset', {}).get('pipeline'),
    )
    difference = write(network, out, (height, width), dynamic_batch=args.dynamic_batch, meta=meta)
    batch = 'N' if args.dynamic_batch else 1
    what = 'logits' if args.part == 'whole' else 'the maps of the backbone'
    print(f'{out}: image ({batch},3,{height},{width}), normalised as in {args.config} → {what}')
    print(f'largest difference from PyTorch: {difference:.1e} of the largest output')


def _network(cfg: Config, args: Namespace) -> nn.Module:
    """The model of the config, or its backbone, with the weights of the checkpoint."""
    scope = cfg.get('default_scope', 'mmengine')
    if scope == 'mmpretrain':
        import_without_mmdet()
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(cfg.model)
    checkpoint = load_checkpoint(args.checkpoint, trust=args.trust_checkpoint)
    state = checkpoint.get('state_dict', checkpoint)
    fit = Fit.of(model, {re.sub(r'^module\.', '', name): value for name, value in state.items()})
    if not fit.whole:
        raise DataError(f'{args.checkpoint} does not fit the model of this config:\n{fit}\n{fit.likely()}')
    if args.part == 'whole':
        return model
    if not isinstance(getattr(model, 'backbone', None), nn.Module):
        raise DataError(f'--part backbone: {type(model).__name__}, the model of {args.config}, has no backbone')
    return model.backbone


def write(
    network: nn.Module,
    out: Path,
    size: tuple[int, int],
    *,
    dynamic_batch: bool = False,
    meta: Mapping[str, Any] | None = None,
) -> float:
    """Write `network` for images (N,3,H,W) to `out`, whole and compared with PyTorch, or not at all.

    In ONNX the input is called 'image' and the output 'logits', or 'map0', 'map1', … if the network returns a tuple.

    Args:
        network: Any module that takes such images and returns a tensor or a tuple of tensors; on the CPU, in float32.
        out: A name that ends in .onnx or .pt2. A file of this name is replaced.
        size: H and W.
        dynamic_batch: Whether N is free; 1 if not.
        meta: Stored with it, as JSON: in ONNX a metadata property for each, in .pt2 the extra file meta.json.

    Returns:
        The largest difference of an output from PyTorch's, as a part of the largest output.

    Raises:
        DataError: The format is unknown or its packages are missing, or it does not compute the same to 1e-4.
    """
    form = _check_format(out)
    network.eval()
    text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (meta or {}).items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f'.{os.getpid()}.{out.name}')
    try:
        with torch.no_grad():
            form.write(network, torch.randn(2 if dynamic_batch else 1, 3, *size), dynamic_batch, text, temporary)
            difference = _compare(network, form.read(temporary), size, (1, 3) if dynamic_batch else (1,))
        if not difference <= TOLERANCE:
            raise DataError(
                f'{out} is not written: its outputs would differ from PyTorch’s by {difference:.1e} of the largest, '
                f'more than {TOLERANCE:g}'
            )
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return difference


def _compare(
    network: nn.Module, written: Callable[[Tensor], Outputs], size: tuple[int, int], batches: Sequence[int]
) -> float:
    differences = []
    for count in batches:
        images = torch.randn(count, 3, *size)
        for ours, theirs in zip(_outputs(network(images)), written(images), strict=True):
            differences.append((ours - theirs).abs().max() / ours.abs().max().clamp(min=1e-12))
    return float(torch.stack(differences).max())  # NaN if one is


def _outputs(result: Tensor | Outputs) -> Outputs:
    return [result] if isinstance(result, Tensor) else list(result)


def _write_onnx(network: nn.Module, images: Tensor, dynamic: bool, meta: Mapping[str, str], path: Path) -> None:
    count = len(_outputs(result)) if not isinstance(result := network(images), Tensor) else 0
    program = torch.onnx.export(
        network,
        (images,),
        dynamo=True,
        dynamic_shapes=_dynamic_shapes(dynamic),
        input_names=[INPUT],
        output_names=[f'map{index}' for index in range(count)] or ['logits'],
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(meta)
    program.save(path, external_data=False)


def _read_onnx(path: Path) -> Callable[[Tensor], Outputs]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    return lambda images: [torch.from_numpy(output) for output in session.run(None, {INPUT: images.numpy()})]


def _write_pt2(network: nn.Module, images: Tensor, dynamic: bool, meta: Mapping[str, str], path: Path) -> None:
    program = torch.export.export(network, (images,), dynamic_shapes=_dynamic_shapes(dynamic))
    torch.export.save(program, path, extra_files={'meta.json': json.dumps(dict(meta))})


def _read_pt2(path: Path) -> Callable[[Tensor], Outputs]:
    network = torch.export.load(path).module()
    return lambda images: _outputs(network(images))


def _dynamic_shapes(dynamic: bool) -> tuple[dict[int, Dim]] | None:
    return ({0: Dim('N', min=1)},) if dynamic else None


@dataclass(frozen=True)
class Format:
    """How a network is written to a file, and how that is run again."""

    write: Callable[[nn.Module, Tensor, bool, Mapping[str, str], Path], None]
    read: Callable[[Path], Callable[[Tensor], Outputs]]
    packages: tuple[str, ...] = ()


FORMATS = {'.onnx': Format(_write_onnx, _read_onnx, ONNX_PACKAGES), '.pt2': Format(_write_pt2, _read_pt2)}


def _check_format(out: Path) -> Format:
    form = FORMATS.get(out.suffix)
    if form is None:
        raise DataError(f'{out}: the name says the format, and has to end in {" or ".join(FORMATS)}')
    missing = [name for name in form.packages if find_spec(name) is None]
    if missing:
        raise DataError(f'{out.suffix} needs {", ".join(missing)}: pip install "senet_mm[export]"')
    return form
