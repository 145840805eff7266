"""What the operators that stand in for mmcv's share: torchvision, the error for what is missing, and float32."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

try:
    import torchvision  # noqa: F401 - registers torch.ops.torchvision
except RuntimeError as error:  # "operator torchvision::nms does not exist"
    raise ImportError(
        f'torchvision does not fit the installed torch {torch.__version__} ({error}). '
        'Install the two together, from the same index: pip install --force-reinstall torch torchvision'
    ) from error

HOW_TO_GET_IT = (
    'Build mmcv with its compiled operators, beside a torch it compiles with (2.11 or older), a C++17 compiler and, '
    'for a GPU, nvcc: pip install --force-reinstall --no-deps --no-cache-dir --no-build-isolation onedl-mmcv'
)


class MissingOperatorError(NotImplementedError):
    """An operator of mmcv's that only a compiled mmcv has.

    Args:
        operator: its name in `mmcv._ext`.
        why: what stands in the way.
    """

    def __init__(self, operator: str, why: str = 'this mmcv has no compiled extension') -> None:
        super().__init__(f'mmcv operator {operator!r} is not available: {why}. {HOW_TO_GET_IT}')


def missing_operator(name: str) -> Callable[..., Any]:
    """Return a function that raises `MissingOperatorError` when called: mmcv looks all its operators up at import.

    Raises:
        AttributeError: names with a leading underscore, which are Python's and not operators.
    """
    if name.startswith('_'):
        raise AttributeError(f"module 'mmcv._ext' has no attribute {name!r}")

    def raise_missing(*args: object, **kwargs: object) -> None:
        raise MissingOperatorError(name)

    return raise_missing


def wide(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors in their common type, float32 at least."""
    dtype = functools.reduce(torch.promote_types, (t.dtype for t in tensors), torch.float32)
    return tuple(t.to(dtype) for t in tensors)
