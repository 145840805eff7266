"""What senet_mm adds to every interpreter of the environment it is installed in: two finders, and no import.

An install puts this file into site-packages beside senet_mm.pth, which site.py reads at interpreter start, and which
imports it; `import senet_mm` calls `install()`, too, for environments that site.py does not prepare. It imports nothing
of senet_mm before that is needed, so a program that uses mmengine or mmcv without senet_mm does not notice.

- `mmcv._ext`, which nobody else finds, is looked for in senet_mm.compat (see mmcv_ext.py there).
- `senet_mm::<config>` becomes a config's name for mmengine (see mmengine_config.py there).
"""

from __future__ import annotations

import importlib.machinery
import sys
import warnings

TYPE_CHECKING = False  # typing's own would have every interpreter import typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

EXTENSION = 'mmcv._ext'
CONFIG = 'mmengine.config.config'
PREFIX = 'senet_mm::'


class SenetMmFinder:
    """Behind all other finders: finds a stand-in for mmcv's compiled operators where mmcv has none."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the stand-in; None for every other name, and where senet_mm cannot be imported."""
        if name != EXTENSION:
            return None
        try:
            from senet_mm.compat.mmcv_ext import stand_in_spec
        except Exception as error:
            warnings.warn(f'senet_mm cannot stand in for {EXTENSION}: {error}', stacklevel=2)
            return None
        return stand_in_spec()


class SenetMmConfigFinder:
    """Before all other finders: finds mmengine's config module where it is, and extends it when it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of mmengine's own module, with a loader that extends it; None for every other name."""
        spec = importlib.machinery.PathFinder.find_spec(name, path) if name == CONFIG else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_extend(module: ModuleType) -> None:
            load(module)
            extend(module.Config)

        spec.loader.exec_module = load_and_extend  # type: ignore[method-assign]
        return spec


def extend(config: Any) -> None:
    """Let mmengine's Config find bases named `senet_mm::…`; a second call changes nothing."""
    find = getattr(config, '_get_cfg_path', None)
    if find is None or getattr(find, 'finds_senet_mm', False):
        return

    def find_base(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if not cfg_path.startswith(PREFIX):
            return find(cfg_path, filename)
        from senet_mm.compat.mmengine_config import config_path

        # No scope: types are looked up in the default scope of the config, as if it were the user's own.
        return str(config_path(cfg_path.removeprefix(PREFIX))), None

    find_base.finds_senet_mm = True  # type: ignore[attr-defined]
    config._get_cfg_path = staticmethod(find_base)


def install() -> None:
    """Put in both finders, each once, whichever copy of this file they are from; extend mmengine if it is loaded."""
    installed = {type(finder).__name__ for finder in sys.meta_path}
    if SenetMmFinder.__name__ not in installed:
        sys.meta_path.append(SenetMmFinder())
    if SenetMmConfigFinder.__name__ not in installed:
        sys.meta_path.insert(0, SenetMmConfigFinder())
    if CONFIG in sys.modules:
        extend(sys.modules[CONFIG].Config)
