"""What is in run.json: the fields that other code relies on, and of what kind each is. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LARGEST = 2**63  # of a number; Python's integers have no end, and everybody else's have

DEVIATION = {'key': str, 'value': Any, 'published': Any}
DATA = {'name': str, 'split?': Any, 'images?': int, 'expected?': int, 'official': bool, 'sha256?': str}
HARDWARE = {'gpus?': [str], 'cpu?': str, 'processes?': int}
EVALUATION = {
    'config?': str,
    'date': str,
    'checkpoint': str,
    'checkpoint_sha256': str,
    'provenance': dict,
    'crops?': str,
    'tta': bool,
    'metrics': {'*?': float},
    'parameters': int,
    'latency?': {'ms_per_image': float},
    'hardware?': HARDWARE,
    'data?': DATA,
    'published_hash?': str,
    'deviations': [DEVIATION],
    'dirty?': [str],
    'file': str,
    'file_sha256': str,
}
SESSION = {'started?': str, 'last?': str, 'wall_time_s?': float, 'log': str, 'host?': str, 'pid?': int}
# A '?' says that a field may be missing or null; '*' stands for every key; settings are flat: dotted key → value.
RECORD = {
    'schema': int,
    'config': str,
    'status': str,
    'seed?': int,
    'batch?': int,
    'settings?': dict,
    'published_hash?': str,
    'deviations?': [DEVIATION],
    'data?': {'*': DATA},
    'weights?': {'sha256': str},
    'dirty?': [str],
    'hardware?': HARDWARE,
    'started?': str,
    'wall_time_s?': float,
    'throughput?': {'images_per_s': float},
    'edited?': bool,
    'sessions': [SESSION],
    'checkpoints?': [{'file': str, 'sha256': str}],
    'evaluations': [EVALUATION],
}


def misfits(value: Any, shape: Any = RECORD, place: str = '') -> Iterator[str]:
    """The places in a value, as dotted keys, that are not as a shape has them.

    Args:
        value: As JSON gives it.
        shape: A dict of shapes, a list with the shape of its items, a type, or Any.
        place: Of the value itself.
    """
    if shape is Any:
        return
    if isinstance(shape, list) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from misfits(item, shape[0], f'{place}.{index}')
    elif isinstance(shape, dict) and isinstance(value, Mapping):
        for name, inner in shape.items():
            key = name.removesuffix('?')
            for each in value if key == '*' else (key,):
                below = f'{place}.{each}'.lstrip('.')
                if value.get(each) is not None:
                    yield from misfits(value[each], inner, below)
                elif name == key and (inner is not Any or each not in value):
                    yield below
    elif not isinstance(shape, type) or not _is(value, shape):
        yield place or 'all of it'


def _is(value: Any, kind: type) -> bool:
    if kind in (int, float):  # NaN is not smaller than anything
        number = int if kind is int else int | float
        return isinstance(value, number) and not isinstance(value, bool) and abs(value) < LARGEST
    return isinstance(value, kind)
