"""Finds a stand-in for `mmcv._ext`, the compiled half of mmcv, where a real one is missing.

`pip install onedl-mmcv` (or mmcv-lite) brings mmcv without its compiled operators, and then neither `mmcv.ops` nor
mmdet imports. `install`, called by `import senet_mm`, puts a finder for that one name on `sys.meta_path`; the module it
finds holds the operators of `senet_mm.compat.mmcv_ops`, and every other name of mmcv's as a function that raises when
called. A compiled extension is used, untouched, wherever there is one.

`senet_mm.pth`, which an install of senet_mm puts into site-packages, appends a finder of its own at interpreter start:
asked for `mmcv._ext` after all others have passed, it imports this module and returns `stand_in_spec()`. So mmdet's own
tools, which import `mmcv.ops` before they read a config, need senet_mm installed and nothing else.

This module imports neither torch nor mmcv.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

EXTENSION = 'mmcv._ext'

COMPILED = "mmcv's compiled operators (mmcv._ext) are in use."
STAND_IN = (
    "mmcv has no compiled operators (mmcv._ext); senet_mm's torchvision-backed stand-in serves nms, soft_nms, "
    'roi_align, roi_pool and sigmoid_focal_loss. NMS with offset=1, max-mode RoIAlign and all other operators raise '
    'when called.'
)


class StandInLoader(Loader):
    """Fills a module named `mmcv._ext` with torchvision-backed operators."""

    stands_in_for = EXTENSION

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system to make a plain module."""

    def exec_module(self, module: ModuleType) -> None:
        """Put in the operators, and have `mmcv.ops.batched_nms` place half-precision boxes in float32."""
        from senet_mm.compat import mmcv_common, mmcv_nms, mmcv_ops

        vars(module).update(mmcv_ops.OPERATORS, __getattr__=mmcv_common.missing_operator)
        # mmcv.ops, which is what asks for this module, copies its submodules' names only after this returns.
        nms = importlib.import_module('mmcv.ops.nms')
        vars(nms)['batched_nms'] = mmcv_nms.offsetting_in_float32(nms.batched_nms)
        _log_once(STAND_IN)


class StandInFinder(MetaPathFinder):
    """Asks the other finders for `mmcv._ext`, and offers the stand-in where they have none."""

    stands_in_for = EXTENSION

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the compiled extension's spec, else the stand-in's; None for every other name."""
        if fullname != EXTENSION:
            return None
        spec = _compiled_spec(path, target)
        if spec is None:
            return stand_in_spec()
        _log_once(COMPILED)
        return spec


def stand_in_spec() -> ModuleSpec:
    """Return the spec of the stand-in."""
    return ModuleSpec(EXTENSION, StandInLoader(), origin='senet_mm.compat.mmcv_ops')


def install() -> None:
    """Make `mmcv._ext` importable. Calling it again, from a reloaded module too, leaves one finder."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not _stands_in(finder)]
    sys.meta_path.insert(0, StandInFinder())


def _stands_in(finder_or_loader: object) -> bool:
    # By attribute: after a reload of this module, isinstance would not know what the old one installed.
    return getattr(finder_or_loader, 'stands_in_for', None) == EXTENSION


def _compiled_spec(path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        if _stands_in(finder) or not hasattr(finder, 'find_spec'):  # Python 3.11 still takes finders without
            continue
        spec = finder.find_spec(EXTENSION, path, target)
        if spec is not None and not _stands_in(spec.loader):  # senet_mm.pth's finder offers the stand-in, too
            return spec
    return None


@functools.cache
def _log_once(message: str) -> None:
    from mmengine.logging import print_log

    print_log(message, logger='current')
