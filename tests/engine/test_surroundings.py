"""Commit, versions and hardware of a run."""

import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from senet_mm.engine import surroundings


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ('senet_mm/models', 'senet_mm/results', 'configs'):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / 'file.py').write_text('x = 1\n')
    monkeypatch.setattr(surroundings, 'ROOT', tmp_path)
    return tmp_path


def git(folder, *arguments):
    names = ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false']
    command = ['git', '-C', folder, *names, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_commit_and_changed_code(repository):
    assert surroundings.commit() == dict(commit=None, dirty=[])  # no repository, or one further up
    git(repository, 'init', '-q')
    git(repository, 'add', '.')
    git(repository, 'commit', '-q', '-m', 'All')
    head = git(repository, 'rev-parse', 'HEAD')
    assert surroundings.commit() == dict(commit=head, dirty=[])
    for name in ('senet_mm/results', 'configs'):  # neither has a say that is not looked at otherwise
        (repository / name / 'file.py').write_text('x = 2\n')
    assert surroundings.commit() == dict(commit=head, dirty=[])
    (repository / 'senet_mm' / 'models' / 'file.py').write_text('x = 2\n')
    (repository / 'senet_mm' / 'models' / 'new.py').touch()
    assert surroundings.commit()['dirty'] == ['senet_mm/models/file.py', 'senet_mm/models/new.py']


@pytest.mark.parametrize('harm', ['no commit', 'no git'])
def test_code_is_not_clean_where_git_cannot_tell(repository, monkeypatch, harm):
    git(repository, 'init', '-q')
    if harm == 'no git':
        monkeypatch.setenv('PATH', str(repository))
    found = surroundings.commit()
    assert found['commit'] is None
    (said,) = found['dirty']
    assert said.startswith('git cannot tell which (')
    assert {'no commit': 'HEAD', 'no git': 'No such file'}[harm] in said


def test_versions_are_of_what_is_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, 'mmdet', raising=False)
    monkeypatch.setitem(sys.modules, 'mmcv', SimpleNamespace(__version__='2.3.6'))
    found = surroundings.versions()
    assert (found['torch'], found['python'], found['mmcv']) == (torch.__version__, platform.python_version(), '2.3.6')
    assert 'mmdet' not in found


def test_hardware():
    found = surroundings.hardware(8)
    assert (found['processes'], len(found['gpus'])) == (8, torch.cuda.device_count())
    assert found['cpu']
