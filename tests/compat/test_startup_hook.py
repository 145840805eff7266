"""The start-up hook: what senet_mm.pth does to an interpreter, and that wheels and editable installs bring it."""

import base64
import csv
import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOOK = ROOT / 'senet_mm' / 'compat' / 'senet_mm.pth'
CODE = ROOT / 'senet_mm' / 'compat' / 'senet_mm_startup.py'
CODE = HOOK.with_name('senet_mm_startup.py')


@pytest.fixture
def site_packages(tmp_path):
    """A site-packages folder with the hook and a mmcv that has no compiled extension."""
    shutil.copy(HOOK, tmp_path)
    (tmp_path / 'senet_mm_startup').mkdir()
    shutil.copy(CODE, tmp_path / 'senet_mm_startup' / '__init__.py')
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').touch()
    return tmp_path


def start(site_packages, code, *more_paths):
    """Run `code` in an interpreter that has read `site_packages` as site.py does at start-up, and no other packages."""
    paths = [str(path) for path in (site_packages, *more_paths)]
    start_up = f'import site, sys; sys.path += {paths[1:]}; site.addsitedir({paths[0]!r})'
    command = [sys.executable, '-I', '-S', '-c', f'{start_up}\n{code}']
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_hook_is_one_import_line():
    lines = [line for line in HOOK.read_text('ascii').splitlines() if not line.startswith('#')]
    assert len(lines) == 1
    assert lines[0].startswith('import ')


def test_hook_run_twice_adds_each_finder_once(site_packages):
    code = f"""
site.addsitedir({str(site_packages)!r})
names = [type(finder).__name__ for finder in sys.meta_path]
print(names.count('SenetMmFinder'), names.count('SenetMmConfigFinder'))
"""
    assert start(site_packages, code).stdout == '1 1\n'


def test_hook_imports_little(site_packages):
    code = "print(sorted({'typing', 'inspect', 're', 'senet_mm', 'mmengine', 'torch'} & set(sys.modules)))"
    assert start(site_packages, code).stdout == '[]\n'


def test_hook_imports_nothing_before_the_extension_is_asked_for(site_packages):
    code = "assert 'senet_mm' not in sys.modules; import mmcv; assert 'senet_mm' not in sys.modules"
    done = start(site_packages, code, ROOT)
    assert (done.returncode, done.stderr) == (0, '')


def test_hook_finds_the_stand_in(site_packages):
    code = "from importlib.util import find_spec; print(find_spec('mmcv._ext').origin); import senet_mm"
    assert start(site_packages, code, ROOT).stdout.strip() == 'senet_mm.compat.mmcv_ops'


def test_hook_gives_way_to_a_compiled_extension(site_packages):
    (site_packages / 'mmcv' / '_ext.py').write_text('compiled = True')
    code = "import mmcv._ext; assert mmcv._ext.compiled; assert 'senet_mm' not in sys.modules"
    assert start(site_packages, code, ROOT).returncode == 0


@pytest.mark.parametrize('left', [None, 'senet_mm', 'senet_mm/compat'])
def test_hook_without_senet_mm_changes_nothing(site_packages, left):
    if left:
        (site_packages / left).mkdir(parents=True)  # an uninstall interrupted, or one that left __pycache__ behind
    code = """
import warnings
try:
    with warnings.catch_warnings(record=True) as caught:
        import mmcv._ext
except ModuleNotFoundError as error:
    print(error.name, len(caught))
"""
    done = start(site_packages, code)
    assert (done.stdout, done.stderr) == ('mmcv._ext 1\n', '')


def test_hook_says_why_senet_mm_cannot_help(site_packages):
    (site_packages / 'senet_mm').mkdir()
    (site_packages / 'senet_mm' / '__init__.py').write_text("raise ImportError('torch 2.4.1 is installed')")
    done = start(site_packages, 'import mmcv._ext')
    assert "No module named 'mmcv._ext'" in done.stderr
    assert 'senet_mm cannot stand in for mmcv._ext: torch 2.4.1 is installed' in done.stderr


MMENGINE = """
class Config:
    @staticmethod
    def _get_cfg_path(cfg_path, filename):
        return f'{filename}: {cfg_path}', None
"""


@pytest.fixture
def mmengine(site_packages):
    """A mmengine of a few lines beside the hook."""
    folder = site_packages / 'mmengine' / 'config'
    folder.mkdir(parents=True)
    (site_packages / 'mmengine' / '__init__.py').write_text('from mmengine.config.config import Config')
    (folder / '__init__.py').touch()
    (folder / 'config.py').write_text(MMENGINE)
    return site_packages


def test_hook_extends_mmengine_without_importing_senet_mm(mmengine):
    code = """
import mmengine
print(*mmengine.Config._get_cfg_path('mmdet::a/b.py', 'here'), 'senet_mm' in sys.modules)
print(*mmengine.Config._get_cfg_path('senet_mm::se_resnet50_imagenet.py', 'here'), 'senet_mm' in sys.modules)
"""
    configs = ROOT / 'configs'
    assert start(mmengine, code, ROOT).stdout == (
        f'here: mmdet::a/b.py None False\n{configs}/se_resnet50_imagenet.py None True\n'
    )


def test_a_config_that_is_not_there_is_named_with_its_like(mmengine):
    code = "import mmengine; mmengine.Config._get_cfg_path('senet_mm::se_resnet50_imagnet.py', '')"
    assert "no config 'se_resnet50_imagnet.py'; is it senet_mm::se_resnet50_imagenet.py" in (
        start(mmengine, code, ROOT).stderr
    )


def test_mmengine_without_senet_mm_works_as_ever(mmengine):
    code = """
import mmengine
print(mmengine.Config._get_cfg_path('a.py', ''))
mmengine.Config._get_cfg_path('senet_mm::a.py', '')
"""
    done = start(mmengine, code)
    assert done.stdout == "(': a.py', None)\n"
    assert "No module named 'senet_mm'" in done.stderr


def test_installing_after_mmengine_was_imported(mmengine):
    code = """
sys.meta_path[:] = [finder for finder in sys.meta_path if 'SenetMm' not in type(finder).__name__]
import mmengine
from senet_mm.compat import senet_mm_startup
senet_mm_startup.install()
senet_mm_startup.install()
print(mmengine.Config._get_cfg_path('senet_mm::demo/resnet50_demo.py', '')[0])
"""
    assert start(mmengine, code, ROOT).stdout == f'{ROOT}/configs/demo/resnet50_demo.py\n'


@pytest.mark.parametrize('build', ['build_wheel', 'build_editable'])
def test_wheels_bring_the_hook(tmp_path, build):
    pytest.importorskip('setuptools', minversion='77')
    for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / 'senet_mm', tmp_path / 'senet_mm', ignore=shutil.ignore_patterns('__pycache__'))
    command = [sys.executable, '-c', f"from setuptools import build_meta; build_meta.{build}('dist')"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / 'dist').glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files['senet_mm.pth'] == HOOK.read_bytes()
    assert files['senet_mm_startup/__init__.py'] == CODE.read_bytes()
    assert files['senet_mm_startup/__init__.py'] == CODE.read_bytes()
    (record,) = (name for name in files if name.endswith('.dist-info/RECORD'))
    rows = {path: (digest, size) for path, digest, size in csv.reader(files[record].decode().splitlines())}
    assert rows.keys() == files.keys()
    assert rows.pop(record) == ('', '')
    for path, (digest, size) in rows.items():
        expected = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).rstrip(b'=').decode()
        assert (digest, int(size)) == (f'sha256={expected}', len(files[path]))
