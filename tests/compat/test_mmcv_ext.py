import importlib
import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest

import senet_mm
from senet_mm.compat import mmcv_ext


class FinderOfACompiledExtension:
    """Stands for the finder of a mmcv that was built with its operators."""

    spec = ModuleSpec('mmcv._ext', loader=None, origin='/site-packages/mmcv/_ext.so')

    def find_spec(self, name, path=None, target=None):
        return self.spec if name == 'mmcv._ext' else None


class OldFinder:
    """Of before Python 3.4: without find_spec."""


@pytest.fixture
def meta_path(monkeypatch):
    """An empty sys.meta_path, put back afterwards."""
    monkeypatch.setattr(sys, 'meta_path', [])
    return sys.meta_path


@pytest.fixture
def logged(monkeypatch):
    mmengine_logging = pytest.importorskip('mmengine.logging')
    lines = []
    monkeypatch.setattr(mmengine_logging, 'print_log', lambda line, logger: lines.append((logger, line)))
    mmcv_ext._log_once.cache_clear()
    return lines


def test_a_compiled_extension_is_used_untouched_and_logged_once(meta_path, logged):
    meta_path.extend([OldFinder(), FinderOfACompiledExtension()])
    mmcv_ext.install()
    for _ in range(2):
        assert sys.meta_path[0].find_spec('mmcv._ext') is FinderOfACompiledExtension.spec
    assert logged == [('current', mmcv_ext.COMPILED)]


def test_without_one_the_stand_in_is_found(meta_path, logged):
    mmcv_ext.install()
    spec = sys.meta_path[0].find_spec('mmcv._ext')
    assert spec.name == 'mmcv._ext'
    assert spec.origin == 'senet_mm.compat.mmcv_ops'
    assert logged == []  # found, not yet in use


def test_only_one_name_is_looked_for(meta_path):
    mmcv_ext.install()
    meta_path.append(FinderOfACompiledExtension())
    assert all(sys.meta_path[0].find_spec(name) is None for name in ('mmcv', 'mmcv.ops', '_ext', 'mmcv._ext.nms'))


def test_installing_again_leaves_one_finder(monkeypatch, logged):
    monkeypatch.setattr(sys, 'meta_path', [*sys.meta_path, FinderOfACompiledExtension()])
    mmcv_ext.install()
    mmcv_ext.install()
    importlib.reload(mmcv_ext).install()
    importlib.reload(senet_mm)
    assert [hasattr(finder, 'stands_in_for') for finder in sys.meta_path].count(True) == 1
    assert sys.meta_path[0].find_spec('mmcv._ext') is FinderOfACompiledExtension.spec


def test_the_stand_in_says_what_it_covers_when_it_is_loaded(logged):
    pytest.importorskip('mmcv.ops')
    spec = mmcv_ext.stand_in_spec()
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert logged == [('current', mmcv_ext.STAND_IN)]
    assert callable(module.nms)
    assert hasattr(module, 'any_name_that_mmcv_may_ask_for')
    assert module.__spec__ is spec


def test_mmcv_and_mmengine_see_the_operators():
    mmengine_utils = pytest.importorskip('mmengine.utils.dl_utils.misc')
    ext_loader = pytest.importorskip('mmcv.utils.ext_loader')
    assert mmengine_utils.mmcv_full_available()
    assert ext_loader.check_ops_exist()


def test_importing_senet_mm_imports_nothing_heavy():
    code = "import sys, senet_mm; print(*{'torch', 'numpy', 'cv2', 'mmengine', 'mmcv', 'mmdet'} & set(sys.modules))"
    assert run(code).strip() == ''


def test_mmdet_imports_whole():
    pytest.importorskip('mmdet')
    run('import senet_mm, mmdet.models, mmdet.apis; from mmdet.engine.hooks.utils import trigger_visualization_hook')


def run(code):
    return subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout
