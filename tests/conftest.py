"""Every test runs from the repository's root, as the commands do; those of runs share one small demo data set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIZES = {
    'coco': {'train2014': 12, 'valminusminival2014': 6, 'minival2014': 8},
    'imagenet': {'train': 30, 'val': 20},
    'cifar10': {'train': 60, 'test': 20},
    'places365': {'train': 30, 'val': 20},
}


@pytest.fixture(autouse=True)
def _repository_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(autouse=True)
def _own_scope():
    """mmengine's default scope is global, and every Runner sets it: no test shall build in another's."""
    yield
    registry = sys.modules.get('mmengine.registry')
    if registry:
        registry.DefaultScope._instance_dict.clear()


@pytest.fixture(autouse=True)
def _own_environment():
    """A command that runs in this process sets variables for itself: TORCH_FORCE_WEIGHTS_ONLY_LOAD."""
    saved = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(saved)


@pytest.fixture(scope='session')
def demo(tmp_path_factory):
    """A small demo data set: coco/, imagenet/, cifar10/ and places365/."""
    from senet_mm.data.demo.preparation import make_demo

    out = tmp_path_factory.mktemp('demo') / 'demo'
    make_demo(out, seed=3, sizes=SIZES)
    return out


@pytest.fixture
def run_tool():
    """Run a Python command from the repository's root; the finished process, with its output as text."""

    def run(*arguments, **options):
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, **options)

    return run
