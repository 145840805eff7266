"""Reading checkpoints. They are untrusted input: nothing that a file brings is executed, unless the user says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from senet_mm.data.errors import DataError
from senet_mm.engine.checkpoint_pickle import RefusedError, allowed, foreign_names, settle
from senet_mm.engine.checkpoint_source import locate
from senet_mm.engine.provenance import safetensors_meta

LISTED = 8
BEGINNINGS = {
    b'<': 'is a web page: download the file itself',
    b'version https://git-lfs': 'is only the pointer of a Git LFS file: git lfs pull',
}

_trusted = False  # what --trust-checkpoint says for the whole process


def load_checkpoint(source: str | Path, *, trust: bool = False) -> dict[str, Any]:
    """Read a checkpoint onto the CPU: tensors, containers, numbers, text, NumPy arrays and mmengine's log buffers.

    Args:
        source: A file of torch.save's, a .safetensors file, an https:// address, or one of the names that mmengine
            knows an address for, e.g. openmmlab://resnet50_caffe.
        trust: Read the file even if it executes code of its own choice.

    Raises:
        DataError: The file is not there, damaged, no checkpoint, or needs more than `trust=False` reads.
    """
    path = locate(source)
    content = _read_safetensors(path) if path.suffix == '.safetensors' else _read_pickle(path, trust or _trusted)
    if not isinstance(content, dict):
        raise DataError(f'{path} holds a {type(content).__name__}, not a dict of weights: save a state_dict() instead')
    return content


def use_in_mmengine(trust: bool = False) -> None:
    """Have everything in this process that mmengine loads read by `load_checkpoint`.

    mmengine itself reads files with `weights_only=True` and, when that is refused, once more without; what it fetches
    it reads without at once.

    Args:
        trust: What `load_checkpoint` takes where it is not told: `--trust-checkpoint`.
    """
    global _trusted  # noqa: PLW0603
    _trusted = trust
    CheckpointLoader.register_scheme(list(CheckpointLoader._schemes), load_from_weights_only, force=True)


def load_from_weights_only(filename: str, map_location: object = None) -> dict[str, Any]:
    """`load_checkpoint` as mmengine's loader; its log calls it by its name.

    Tensors stay on the CPU whatever `map_location` says: loading into a model and an optimiser moves them.
    """
    checkpoint = load_checkpoint(filename)
    if checkpoint and all(isinstance(value, Tensor) for value in checkpoint.values()):
        checkpoint = dict(state_dict=checkpoint)
        if filename.endswith('.safetensors'):
            checkpoint['meta'] = safetensors_meta(locate(filename))
    if isinstance(checkpoint.get('meta'), dict):
        checkpoint['meta'].pop('config', None)  # a config of mmcv's time, which Runner.resume executes
    state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise DataError(f'{filename}: its state_dict is not a dict of names and weights')
    if filename.startswith('mmcls://'):  # means the backbone
        return dict(state_dict={key[9:]: value for key, value in state.items() if key.startswith('backbone.')})
    return checkpoint


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f'{path} is not a whole safetensors file ({error}): copy or download it anew') from None


def _read_pickle(path: Path, trust: bool) -> Any:
    try:
        if trust:
            return torch.load(path, map_location='cpu', weights_only=False)
        with torch.serialization.safe_globals(allowed()):
            return settle(torch.load(path, map_location='cpu', weights_only=True))
    except Exception as error:  # whatever a file of unknown content leads to
        raise DataError(_complaint(path, error, trust)) from None


def _complaint(path: Path, error: Exception, trust: bool) -> str:
    """What is wrong with a file that could not be read, and what to do."""
    names = [] if trust else foreign_names(path)
    if isinstance(error, RefusedError):
        names.append(str(error))
    if names:
        shown = ', '.join(names[:LISTED]) + (f' and {len(names) - LISTED} more' if len(names) > LISTED else '')
        return (
            f'{path} is refused: it holds more than weights, and reading it would execute what it names: {shown}.\n'
            'Nothing was executed. If you trust whoever made the file: --trust-checkpoint'
        )
    with path.open('rb') as file:
        beginning = file.read(64).lstrip()
    for start, what in BEGINNINGS.items():
        if beginning.startswith(start):
            return f'{path} {what}'
    # torch's message for a refused pickle is a page of advice, with the reason at its end.
    reason = str(error).rpartition('WeightsUnpickler error:')[2].strip().split('\n')[0]
    return (
        f'{path} cannot be read: it is truncated, damaged or not a checkpoint '
        f'({type(error).__name__}: {reason or "no more is known"}). Copy or download it anew.'
    )
