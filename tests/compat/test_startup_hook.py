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


def test_hook_run_twice_adds_one_finder(site_packages):
    code = f"""
site.addsitedir({str(site_packages)!r})
print([type(finder).__name__ for finder in sys.meta_path].count('SenetMmFinder'))
"""
    assert start(site_packages, code).stdout == '1\n'


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
    (record,) = (name for name in files if name.endswith('.dist-info/RECORD'))
    rows = {path: (digest, size) for path, digest, size in csv.reader(files[record].decode().splitlines())}
    assert rows.keys() == files.keys()
    assert rows.pop(record) == ('', '')
    for path, (digest, size) in rows.items():
        expected = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).rstrip(b'=').decode()
        assert (digest, int(size)) == (f'sha256={expected}', len(files[path]))
