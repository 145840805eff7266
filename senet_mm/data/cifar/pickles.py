"""Pickles of the shape of CIFAR's, read without running anything, and written as Python 2 wrote them.

The published files are Python 2 pickles of a dict of byte strings, integers, lists of these, and uint8 arrays. A pickle
may name any function and have it called while it is read; here the few names that an array needs become inert records,
and every other name is refused.
"""

import io
import pickle
import struct
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ARRAY, _DTYPE = '_reconstruct', 'dtype'
_ALLOWED = {
    ('numpy.core.multiarray', _ARRAY),
    ('numpy._core.multiarray', _ARRAY),  # since NumPy 2
    ('numpy', 'ndarray'),
    ('numpy', _DTYPE),
}


def load_pickle(content: bytes) -> dict[str, Any]:
    """The dict in a pickle: byte strings become str, also inside lists, and arrays become NumPy's (read-only).

    Raises:
        ValueError: it is damaged or cut off, no dict, or names a function that CIFAR's files do not.
    """
    try:
        found = _Reader(io.BytesIO(content), encoding='bytes').load()
    except _RefusedError as error:
        raise ValueError(f'refused: {error}') from None
    except Exception as error:  # what a damaged pickle raises is anybody's guess
        raise ValueError(f'cut off or damaged ({type(error).__name__}: {error})') from None
    if not isinstance(found, dict):
        raise ValueError(f'a {type(found).__name__}, where a dict is expected')
    return {_text(key): _plain(value) for key, value in found.items()}


def dump_pickle(tree: dict[str, Any]) -> bytes:
    """Pickle dicts, lists, str, int and uint8 arrays as Python 2 with protocol 2 did: all strings are byte strings.

    So `pickle.load(file, encoding='bytes')` gives byte keys and `encoding='latin1'` str keys, as with the published
    files; a pickle that Python 3 writes gives the same keys either way.

    Raises:
        ValueError: the tree holds something else.
    """
    return pickle.PROTO + b'\x02' + _encode(tree) + pickle.STOP


class _RefusedError(Exception):
    pass


@dataclass
class _Record:
    """What a pickle says about an array or a dtype: the function it names, the arguments, and the state to set."""

    function: str
    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __call__(self, *arguments: Any) -> '_Record':
        return _Record(self.function, arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _RefusedError(f'it asks for {module}.{name}, which no CIFAR file does; nothing of it was run')
        return _Record(name)


def _plain(value: Any) -> Any:
    if isinstance(value, _Record):
        return _array(value)
    return [_text(item) for item in value] if isinstance(value, list) else _text(value)


def _text(value: Any) -> Any:
    return value.decode('latin1') if isinstance(value, bytes) else value


def _array(record: _Record) -> NDArray[np.uint8]:
    """The array (read-only) that a record describes."""
    try:
        _, shape, dtype, fortran, content = record.state
        kind = _text(dtype.arguments[0])
        if record.function != _ARRAY or dtype.function != _DTYPE or kind not in ('u1', '|u1'):
            raise ValueError(f'an array of {kind}, where uint8 (u1) is expected')
        if len(content) != prod(shape):
            raise ValueError(f'an array of shape {shape} with {len(content)} bytes')
        return np.frombuffer(content, np.uint8).reshape(shape, order='F' if fortran else 'C')
    except (AttributeError, IndexError, TypeError) as error:
        raise ValueError(f'not an array as NumPy pickles it ({error})') from None


def _encode(node: Any) -> bytes:
    """The opcodes that put `node` on the unpickler's stack."""
    if isinstance(node, str):
        return _string(node.encode('latin1'))
    if isinstance(node, int):
        return _int(node)
    if isinstance(node, list):
        return pickle.EMPTY_LIST + pickle.MARK + b''.join(map(_encode, node)) + pickle.APPENDS
    if isinstance(node, dict):
        items = b''.join(_encode(key) + _encode(value) for key, value in node.items())
        return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
    if isinstance(node, np.ndarray) and node.dtype == np.uint8:
        return _encode_array(node)
    raise ValueError(f'{type(node).__name__} has no place in a CIFAR file.')


def _encode_array(array: NDArray[np.uint8]) -> bytes:
    start = _tuple(_global('numpy', 'ndarray'), _tuple(_int(0)), _string(b'b'))
    dtype = _global('numpy', _DTYPE) + _tuple(_string(b'u1'), _int(0), _int(1)) + pickle.REDUCE
    details = _tuple(_int(3), _string(b'|'), pickle.NONE, pickle.NONE, pickle.NONE, _int(-1), _int(-1), _int(0))
    shape = _tuple(*map(_int, array.shape))
    state = _tuple(_int(1), shape, dtype + details + pickle.BUILD, pickle.NEWFALSE, _string(array.tobytes()))
    return _global('numpy.core.multiarray', _ARRAY) + start + pickle.REDUCE + state + pickle.BUILD


def _string(content: bytes) -> bytes:
    return pickle.BINSTRING + struct.pack('<i', len(content)) + content


def _int(number: int) -> bytes:
    return pickle.BININT + struct.pack('<i', number)


def _tuple(*items: bytes) -> bytes:
    return pickle.MARK + b''.join(items) + pickle.TUPLE


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f'{module}\n{name}\n'.encode()
