"""What a checkpoint may hold besides tensors and plain containers, and what one holds that is refused.

`torch.load(weights_only=True)` reads tensors, containers, numbers and strings. A checkpoint of an mmengine run also has
log buffers, NumPy arrays and NumPy numbers, and their pickles name `getattr` and NumPy's constructors. mmengine allows
those as they are; but `getattr` reaches everything, and a NumPy type can be told that its elements are pointers. Here
stand-ins are put in their place, which can make arrays of numbers and text and find six methods, and nothing else.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

PLAIN_KINDS = 'biufcSU'  # numpy's letters for bool, integers, floats, complex, bytes, str
METHODS = {  # functions that are stored by the name of their class and their own
    HistoryBuffer: ('min', 'max', 'mean', 'current'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
}
# What torch allows by itself, as far as checkpoints name it.
TORCHS_OWN = re.compile(
    r'torch\.(\w+Storage|\w*Tensor|Size|device|dtype|storage\.\w+|_utils\._rebuild_\w+|_tensor\._rebuild_\w+'
    r'|nn\.parameter\.\w+|u?int\d+|b?float\d+|bool|complex\d+)'
    r'|collections\.(OrderedDict|Counter)|_codecs\.encode|builtins\.(set|bytearray|complex)'
)


class RefusedError(Exception):
    """The file asks for something that reading weights does not need."""


class PlainType:
    """`numpy.dtype(code)`, for numbers and text only."""

    def __init__(self, code: Any, *_: object) -> None:
        self.dtype = np.dtype(code)
        if self.dtype.kind not in PLAIN_KINDS:
            raise RefusedError(f'a NumPy array of type {self.dtype}')

    def __setstate__(self, state: tuple) -> None:
        """Take the byte order from what NumPy stores of a type, and nothing else."""
        self.dtype = self.dtype.newbyteorder(state[1])


class PlainArray:
    """What `numpy.ndarray` and its `_reconstruct` stand for until `settle`: they make it, its state fills it."""

    value: np.ndarray

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple) -> None:
        """Fill the array from NumPy's (version, shape, type, Fortran order, bytes)."""
        _, shape, kind, fortran, content = state
        self.value = np.ndarray(shape, kind.dtype, buffer=content, order='F' if fortran else 'C').copy()


class OneCycle:
    """The name of mmengine's OneCycleParamScheduler; building one is not needed."""


def _number(kind: PlainType, content: bytes) -> Any:
    """`numpy`'s `scalar(dtype, bytes)`."""
    return np.ndarray((), kind.dtype, buffer=content)[()]


def _no_bytes() -> bytes:
    """`bytes()`, as an empty array stores its content."""
    return b''


def _method(owner: object, name: str) -> Any:
    """`getattr(owner, name)`, for METHODS."""
    owner = OneCycleParamScheduler if owner is OneCycle else owner
    if isinstance(owner, type) and name in METHODS.get(owner, ()):
        return getattr(owner, name)
    raise RefusedError(f'getattr({owner!r}, {name!r})')


def allowed() -> list[Any]:
    """What `torch.serialization.safe_globals` is to allow: each thing, or a stand-in for the one of that name."""
    stand_ins = {
        'builtins.getattr': _method,
        'builtins.bytes': _no_bytes,
        f'{OneCycleParamScheduler.__module__}.OneCycleParamScheduler': OneCycle,
        'numpy.dtype': PlainType,
        'numpy.ndarray': PlainArray,
    }
    for core in ('numpy.core', 'numpy._core'):  # NumPy 1 and 2
        stand_ins |= {f'{core}.multiarray._reconstruct': PlainArray, f'{core}.multiarray.scalar': _number}
    # The last two are their own classes under the names that NumPy's stand-ins must have to be filled.
    return [HistoryBuffer, ConfigDict, slice, *((thing, name) for name, thing in stand_ins.items())]


def settle(value: Any, seen: set[int] | None = None) -> Any:
    """The value with NumPy arrays in place of their stand-ins; containers are changed in place, except tuples."""
    seen = set() if seen is None else seen
    if isinstance(value, PlainArray):
        return value.value
    if type(value) is tuple:
        return tuple(settle(item, seen) for item in value)
    if id(value) in seen:
        return value
    seen.add(id(value))
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = settle(item, seen)
    elif isinstance(value, list):
        value[:] = [settle(item, seen) for item in value]
    elif isinstance(value, HistoryBuffer):
        settle(vars(value), seen)
    return value


def foreign_names(path: Path) -> list[str]:
    """The functions and classes that a file's pickles name and reading weights does not need; none is looked up."""
    names: set[str] = set()
    with suppress(Exception):  # as far as a damaged file can be read
        for stream in _pickles(path):
            names.update(_names(stream))
    known = {f'{thing.__module__}.{thing.__qualname__}' if callable(thing) else thing[1] for thing in allowed()}
    return sorted(name for name in names - known if not TORCHS_OWN.fullmatch(name))


def _pickles(path: Path) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith('.pkl'):
                    with archive.open(member) as stream:
                        yield stream
    else:
        with path.open('rb') as stream:
            for _ in range(4):  # before torch 1.6: a magic number, a version, the machine, the content
                yield stream


def _names(stream: IO[bytes]) -> Iterator[str]:
    strings = ['', '']
    for code, value, _ in pickletools.genops(stream):
        if code.name in ('GLOBAL', 'INST'):
            yield str(value).replace(' ', '.').replace('__builtin__.', 'builtins.')
        elif code.name == 'STACK_GLOBAL':
            yield '.'.join(strings[-2:])
        elif isinstance(value, str):
            strings.append(value)
