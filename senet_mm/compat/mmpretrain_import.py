"""mmpretrain imports mmdet where it finds it, for one class of no use in classification; that takes seconds."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


def import_without_mmdet() -> None:
    """Import mmpretrain's models with mmdet out of sight, unless mmdet is already imported.

    mmpretrain/models/utils/res_layer_extra_norm.py tries `from mmdet… import …` and goes without where that fails.
    Afterwards mmdet can be imported as ever.
    """
    if 'mmdet' in sys.modules or 'mmpretrain.models' in sys.modules:
        return
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules['mmdet'] = None  # importlib takes None for "there is no such module"
    try:
        importlib.import_module('mmpretrain.models')
    finally:
        del modules['mmdet']
