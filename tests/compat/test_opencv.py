import importlib
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from senet_mm.compat import opencv
from senet_mm.compat.opencv import HEADLESS, MEND, WINDOWS


class Environment:
    """A pretended environment: the distributions in it, whose `cv2` lies on disk, and the pip commands it was given."""

    def __init__(self, folder):
        self.folder = folder
        self.installed = {}
        self.commands = []
        self.offline = False

    def install(self, name, version='4.12.0.88'):
        self.installed[name] = version
        self.write_cv2(headless=name == HEADLESS)

    def write_cv2(self, headless):
        (self.folder / '__init__.py').touch()
        (self.folder / 'version.py').write_text(f'contrib = False\nheadless = {headless}\nrolling = False\n')

    def version(self, name):
        if name not in self.installed:
            raise metadata.PackageNotFoundError(name)
        return self.installed[name]

    def find_spec(self, name):
        found = (self.folder / '__init__.py').exists()
        return SimpleNamespace(origin=str(self.folder / '__init__.py')) if found else None

    def pip(self, command, check):
        assert command[:3] == [sys.executable, '-m', 'pip']
        self.commands.append((command[3], command[-1]))
        if command[3] == 'download':
            return SimpleNamespace(returncode=int(self.offline))
        if command[3] == 'uninstall':
            self.installed.clear()
            for file in self.folder.iterdir():
                file.unlink()
        elif command[3] == 'install':
            self.install(HEADLESS)
        return SimpleNamespace(returncode=0)


@pytest.fixture
def environment(monkeypatch, tmp_path):
    pretended = Environment(tmp_path)
    monkeypatch.setattr(metadata, 'version', pretended.version)
    monkeypatch.setattr(importlib.util, 'find_spec', pretended.find_spec)
    monkeypatch.setattr(subprocess, 'run', pretended.pip)
    return pretended


def test_headless_alone_is_left_as_it_is(environment):
    environment.install(HEADLESS)
    assert opencv.is_headless()
    assert not opencv.leave_headless()
    assert environment.commands == []


@pytest.mark.parametrize('last', [HEADLESS, WINDOWS])
def test_both_builds_become_the_headless_one_at_its_version(environment, last):
    for name in (WINDOWS, HEADLESS, last):
        environment.install(name, '4.11.0.86')
    assert not opencv.is_headless()
    assert opencv.leave_headless()
    assert environment.commands == [
        ('download', 'opencv-python-headless==4.11.0.86'),
        ('uninstall', 'opencv-python-headless'),
        ('install', 'opencv-python-headless==4.11.0.86'),
    ]
    assert not opencv.leave_headless()


def test_without_a_headless_build_one_is_chosen(environment):
    environment.install(WINDOWS)
    assert opencv.leave_headless()
    assert environment.commands[-1] == ('install', 'opencv-python-headless<4.13')


def test_leftovers_of_the_windowed_build_are_replaced(environment):
    environment.install(HEADLESS)
    environment.write_cv2(headless=False)  # opencv-python was there and its metadata is gone
    assert not opencv.is_headless()
    assert opencv.leave_headless()


def test_an_opencv_without_metadata_is_reported(environment, monkeypatch):
    monkeypatch.setattr(environment, 'install', lambda name: environment.write_cv2(headless=False))
    with pytest.raises(RuntimeError, match='comes from elsewhere'):
        opencv.leave_headless()


def test_a_failed_download_changes_nothing(environment):
    environment.install(WINDOWS)
    environment.offline = True
    with pytest.raises(SystemExit, match=r'^OpenCV: .* download .* failed; run it by hand'):
        opencv.main()
    assert environment.installed == {WINDOWS: '4.12.0.88'}


def test_the_command_says_what_it_left(environment, capsys):
    environment.install(WINDOWS)
    opencv.main()
    opencv.main()
    assert capsys.readouterr().out.splitlines() == [
        'OpenCV: opencv-python-headless 4.12.0.88, now the only build.',
        'OpenCV: opencv-python-headless 4.12.0.88, already the only build.',
    ]


@pytest.mark.parametrize(
    'error',
    [
        ImportError('libGL.so.1: cannot open shared object file: No such file or directory'),
        ImportError('libgthread-2.0.so.0: cannot open shared object file: No such file or directory'),
        ModuleNotFoundError("No module named 'cv2'", name='cv2'),
    ],
)
def test_a_missing_library_is_answered_with_the_command_that_mends_it(monkeypatch, error):
    monkeypatch.setattr(importlib, 'import_module', raiser(error))
    with pytest.raises(ImportError) as caught:
        opencv.import_cv2()
    assert str(error) in str(caught.value)
    assert str(caught.value).endswith(MEND)


@pytest.mark.parametrize(
    'error', [ImportError('numpy.core.multiarray failed to import'), ModuleNotFoundError('no numpy', name='numpy')]
)
def test_other_errors_of_cv2_pass_through(monkeypatch, error):
    monkeypatch.setattr(importlib, 'import_module', raiser(error))
    with pytest.raises(type(error)) as caught:
        opencv.import_cv2()
    assert caught.value is error


def test_the_registry_asks_for_cv2_first():
    code = 'import sys; import senet_mm.compat.opencv as o; o.import_cv2 = sys.exit; import senet_mm.registry'
    done = subprocess.run([sys.executable, '-c', code + '; print("not asked")'], check=True, capture_output=True)
    assert done.stdout == b''


def raiser(error):
    def import_module(name):
        raise error

    return import_module
