"""Checkpoints that would do something when they are read, and the file that proves they did."""

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import torch


class Touch:
    """Unpickled, it makes the file `canary`."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f'touch {self.canary}',)


class Reduced:
    """Pickled as a call of `function`, with a state to set on what that returns."""

    def __init__(self, function, *arguments, state=None):
        self.call = function, arguments, state

    def __reduce__(self):
        return self.call


def pointer():
    """A NumPy array whose elements are addresses that the file chose: its type is said to hold no objects."""
    kind = Reduced(np.dtype, 'O', False, True, state=(3, '|', None, None, None, -1, -1, 0))
    state = (1, (1,), kind, False, struct.pack('<Q', 0x4141414141414141))
    reconstruct = np.zeros(1).__reduce__()[0]
    return Reduced(reconstruct, np.ndarray, (0,), b'b', state=state)


def in_weights(path: Path, canary: Path, **options) -> Path:
    """Beside honest weights, in either of torch's formats."""
    torch.save({'state_dict': {'weight': torch.ones(2)}, 'meta': Touch(canary)}, path, **options)
    return path


def in_optimizer(path: Path, canary: Path, checkpoint: dict) -> Path:
    """Deep in the optimiser's state of a checkpoint that is honest otherwise."""
    state = {**checkpoint['optimizer']['state'], 0: {'momentum_buffer': [Touch(canary)]}}
    torch.save({**checkpoint, 'optimizer': {**checkpoint['optimizer'], 'state': state}}, path)
    return path


def bare(path: Path, canary: Path, protocol: int) -> Path:
    """A pickle without anything of torch's around it."""
    path.write_bytes(pickle.dumps({'state_dict': Touch(canary)}, protocol))
    return path
