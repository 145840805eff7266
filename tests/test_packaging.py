"""What an installed senet_mm brings besides its modules: configs and tools in .mim/, for mmengine and for mim."""

import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).parents[1]
SOURCES = ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE', 'MANIFEST.in', 'CHANGELOG.md', 'constraints.txt')
FOLDERS = ('senet_mm', 'configs', 'tools')
pytestmark = pytest.mark.slow


def build(folder, what):
    """Make a wheel or sdist of the sources in `folder`; returns its path."""
    code = f"from setuptools import build_meta; print(build_meta.{what}('dist'))"
    done = subprocess.run([sys.executable, '-c', code], cwd=folder, check=True, capture_output=True, text=True)
    return folder / 'dist' / done.stdout.splitlines()[-1]


@pytest.fixture(scope='module')
def sources(tmp_path_factory):
    """A copy of what is built: setuptools leaves files behind."""
    folder = tmp_path_factory.mktemp('sources')
    for name in (*SOURCES, 'model-index.yml'):
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
    return folder


@pytest.fixture(scope='module')
def wheel(sources):
    return build(sources, 'build_wheel')


@pytest.fixture(scope='module')
def site_packages(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp('site-packages')
    command = [sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--no-index', '--target', folder, wheel]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def python(site_packages, tmp_path):
    """Run code in another folder, in an interpreter that has read that site-packages before all others."""

    def run(code):
        start = f'import site, sys; sys.path.insert(0, {str(site_packages)!r}); site.addsitedir({str(site_packages)!r})'
        command = [sys.executable, '-c', f'{start}\n{code}']
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(
    'name',
    [
        'faster_rcnn_se_r50_2x_coco.py',
        'demo/faster_rcnn_se_r50_demo.py',
        'ablation/se_resnet50_ablation_max_imagenet.py',
        'retinanet_se_r50_1x_coco.py',
    ],
)
def test_a_config_elsewhere_inherits_from_ours(python, site_packages, tmp_path, name):
    (tmp_path / 'mine.py').write_text(f"_base_ = 'senet_mm::{name}'\nmodel = dict(backbone=dict(norm_eval=False))\n")
    done = python("from mmengine.config import Config; Config.fromfile('mine.py').dump('resolved.py')")
    assert done.returncode == 0, done.stderr
    expected = Config.fromfile(ROOT / 'configs' / name)
    expected.model.backbone.norm_eval = False
    assert Config.fromfile(tmp_path / 'resolved.py').to_dict() == expected.to_dict()
    where = python(
        f"from mmengine.config import Config; print(Config._get_cfg_path('senet_mm::{name}', '')[0])\n"
        'import senet_mm; print(senet_mm.__file__)'
    )
    assert where.stdout.splitlines() == [
        f'{site_packages}/senet_mm/.mim/configs/{name}',
        f'{site_packages}/senet_mm/__init__.py',
    ]


def test_all_configs_and_tools_are_there(site_packages):
    for name in ('configs', 'tools'):
        files = {
            path.relative_to(ROOT): path.read_bytes()
            for path in (ROOT / name).rglob('*')
            if path.is_file() and '__pycache__' not in path.parts
        }
        assert len(files) > 20
        for path, content in files.items():
            assert (site_packages / 'senet_mm' / '.mim' / path).read_bytes() == content


def test_every_model_of_the_index_has_its_config(site_packages):
    home = site_packages / 'senet_mm' / '.mim'
    index = yaml.safe_load((home / 'model-index.yml').read_text())
    models = [model for path in index['Import'] for model in yaml.safe_load((home / path).read_text())['Models']]
    assert len(models) > 50
    assert all((home / model['Config']).is_file() for model in models)


def test_mim_finds_it(site_packages):
    """As mim does: in the folder of the first file that was installed."""
    (distribution,) = importlib.metadata.distributions(path=[str(site_packages)])
    folder = site_packages / distribution.files[0].parts[0] / '.mim'
    assert (folder / 'model-index.yml').is_file()
    assert (folder / 'tools' / 'train.py').is_file()
    assert len(list(folder.rglob('se_resnet50_imagenet.py'))) == 1


def test_mim_itself(python):
    pytest.importorskip('mim')
    code = (
        "from mim.commands.search import get_model_info; print(get_model_info('senet_mm').loc['se_resnet50_imagenet'])"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert 'configs/se_resnet50_imagenet.py' in done.stdout


@pytest.mark.parametrize('tool', ['train.py', 'test.py', 'leaderboard.py'])
def test_the_tools_run_from_there(python, site_packages, tool):
    path = site_packages / 'senet_mm' / '.mim' / 'tools' / tool
    done = python(f"import runpy; sys.argv = ['{tool}', '--help']; runpy.run_path({str(path)!r}, run_name='__main__')")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'usage: {tool}')


def test_data_files_of_the_package_are_there(site_packages):
    kept = ('.py', '.pth', '.pyc')
    files = [path for path in (ROOT / 'senet_mm').rglob('*') if path.is_file() and path.suffix not in kept]
    assert len(files) > 2
    assert all((site_packages / path.relative_to(ROOT)).is_file() for path in files)


def test_a_wheel_from_an_sdist_is_the_same(sources, wheel, tmp_path):
    shutil.unpack_archive(build(sources, 'build_sdist'), tmp_path)
    (folder,) = tmp_path.iterdir()
    with zipfile.ZipFile(build(folder, 'build_wheel')) as one, zipfile.ZipFile(wheel) as other:
        assert set(one.namelist()) == set(other.namelist())
