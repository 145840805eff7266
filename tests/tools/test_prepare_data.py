import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / 'tools' / 'prepare_data.py'


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def test_it_is_executable_by_name():
    assert SCRIPT.stat().st_mode & 0o111 == 0o111
    assert SCRIPT.read_text().startswith('#!/usr/bin/env python\n')


@pytest.mark.parametrize('arguments', [['--help'], ['demo', '--help'], ['coco', '--help']])
def test_help_does_not_load_torch(arguments):
    code = (
        'import runpy, sys\n'
        f'sys.argv = [{str(SCRIPT)!r}, *{arguments!r}]\n'
        'try:\n    runpy.run_path(sys.argv[0], run_name="__main__")\n'
        'except SystemExit as end:\n    assert end.code == 0\n'
        'assert "torch" not in sys.modules and "mmengine" not in sys.modules'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert 'usage: prepare_data.py' in result.stdout


def test_failure_is_one_message_and_status_1(tmp_path):
    result = run('coco', '--source', 'nowhere', cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ''
    assert result.stderr == 'prepare_data.py coco: nowhere is not a folder.\n'
    assert run('coco', cwd=tmp_path).stderr.startswith('prepare_data.py coco: give --source FOLDER')
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_a_message_too(tmp_path):
    (tmp_path / 'file').touch()
    result = run('demo', '--out', 'file/demo', cwd=tmp_path)
    assert result.returncode == 1
    assert 'Traceback' not in result.stderr
    assert 'file' in result.stderr


def test_the_demo_is_a_coco_that_the_preparer_accepts_as_a_subset(tmp_path):
    made = run('demo', cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout == 'data/demo: written (coco 750 images, imagenet 1800 images; seed 0).\n'
    assert 'already there' in run('demo', cwd=tmp_path).stdout
    linked = run('coco', '--source', 'data/demo/coco', '--subset', cwd=tmp_path)
    assert linked.returncode == 0, linked.stderr
    assert 'a SUBSET of COCO in the layout of 2014, 600 train and 150 minival images' in linked.stdout
    assert run('coco', '--check', cwd=tmp_path).stdout.endswith('verified.\n')
    assert run('coco', '--check', '--source', 'data', cwd=tmp_path).returncode == 1
