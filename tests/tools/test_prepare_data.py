import argparse
import os
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.data.archives import tar_of, write_imagenet_archives, write_places_archives

SCRIPT = Path(__file__).parents[2] / 'tools' / 'prepare_data.py'
COMMANDS = runpy.run_path(str(SCRIPT))['COMMANDS']


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def test_it_is_executable_by_name():
    assert SCRIPT.stat().st_mode & 0o111 == 0o111
    assert SCRIPT.read_text().startswith('#!/usr/bin/env python\n')


@pytest.mark.parametrize('command', ['', 'demo', 'coco', 'cifar10', 'cifar100', 'imagenet', 'places365'])
def test_help_loads_nothing_heavy(command):
    code = (
        'import runpy, sys\n'
        f'sys.argv = [{str(SCRIPT)!r}, *{command.split()!r}, "--help"]\n'
        'try:\n    runpy.run_path(sys.argv[0], run_name="__main__")\n'
        'except SystemExit as end:\n    assert end.code == 0\n'
        'assert not {"torch", "numpy", "cv2", "mmengine"} & set(sys.modules)'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert f'usage: prepare_data.py {command}' in result.stdout


def test_the_page_says_which_command_has_which_option():
    page = (SCRIPT.parents[1] / 'docs' / 'data.md').read_text(encoding='utf-8')
    documented = {name: {'--help'} for name in COMMANDS}
    for options, of in re.findall(r'^\| (`--.+?) \| (.+?) \| .+ \|$', page, re.MULTILINE):
        names = set(re.findall(r'\w+', of.removeprefix('all but '))) - {'all'}
        for name in COMMANDS.keys() - names if of.startswith('all') else names:
            documented[name] |= set(re.findall(r'--[\w-]+', options))
    for name, command in COMMANDS.items():
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        found = {option for action in parser._actions for option in action.option_strings if option.startswith('--')}
        assert documented[name] == found, name


def test_failure_is_one_message_and_status_1(tmp_path):
    result = run('coco', '--source', 'nowhere', cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ''
    assert result.stderr == 'prepare_data.py coco: nowhere is not a folder.\n'
    assert run('coco', cwd=tmp_path).stderr.startswith('prepare_data.py coco: give --source FOLDER')
    assert run('cifar10', '--source', 'nowhere', cwd=tmp_path).stderr == (
        'prepare_data.py cifar10: nowhere does not exist.\n'
    )
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
    parts = 'coco 750 images, imagenet 1800 images, cifar10 1797 images, places365 400 images'
    assert made.stdout == f'data/demo: written ({parts}; seed 0).\n'
    assert 'already there' in run('demo', cwd=tmp_path).stdout
    linked = run('coco', '--source', 'data/demo/coco', '--subset', cwd=tmp_path)
    assert linked.returncode == 0, linked.stderr
    assert 'a SUBSET of COCO in the layout of 2014, 600 train and 150 minival images' in linked.stdout
    assert run('coco', '--check', cwd=tmp_path).stdout.endswith('verified.\n')
    assert run('coco', '--check', '--source', 'data', cwd=tmp_path).returncode == 1
    refused = run('cifar10', '--check', '--source', 'data/demo/cifar10', cwd=tmp_path)
    assert refused.returncode == 1
    assert 'cifar-10-batches-py: not the official files of CIFAR-10' in refused.stderr
    checked = run('cifar10', '--check', '--out', 'data/demo/cifar10', '--subset', cwd=tmp_path)
    place = 'data/demo/cifar10/cifar-10-batches-py'
    assert checked.stdout == f'{place}: a SUBSET of CIFAR-10, 1,437 train and 360 test images; verified.\n'
    for variant in ('challenge', 'standard'):
        options = ['--variant', variant, '--out', f'data/{variant}', '--subset', '--source', 'data/demo/places365']
        places = run('places365', *options, cwd=tmp_path)
        line = f'a SUBSET of Places365-{variant.capitalize()}, 256×256, 300 train and 100 val images of 10 classes'
        assert places.stdout == f'data/{variant}: {line}; all read.\n', places.stderr


def test_imagenet_and_places365_from_their_archives(demo, tmp_path):
    write_imagenet_archives(demo, tmp_path / 'ILSVRC')
    write_places_archives(demo, tmp_path / 'places', 'standard')
    for command, source, options, title in (
        ('imagenet', 'ILSVRC', [], 'ImageNet'),
        ('places365', 'places', ['--variant', 'standard'], 'Places365-Standard, 256×256'),
    ):
        refused = run(command, '--source', source, *options, cwd=tmp_path)
        assert refused.returncode == 1
        assert 'bytes, where' in refused.stderr  # not the official archives
        made = run(command, '--source', source, '--subset', *options, cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        line = f'data/{command}: a SUBSET of {title}, 30 train and 20 val images of 10 classes'
        assert made.stdout == f'{line}; all read.\n'
        assert run(command, '--check', cwd=tmp_path).stdout == f'{line}; verified.\n'
        again = run(command, '--source', source, '--subset', '--workers', '2', *options, cwd=tmp_path)
        assert again.stdout == f'{line.replace(": ", ": already there: ")}. --check verifies it.\n'
    assert run('imagenet', '--source', 'ILSVRC', '--workers', '0', cwd=tmp_path).stderr == (
        'prepare_data.py imagenet: --workers 0: give 1 or more.\n'
    )


@pytest.mark.slow
def test_a_killed_preparation_goes_on(demo, tmp_path):
    """Killed, not interrupted: nothing can be tidied up any more."""
    source = write_places_archives(demo, tmp_path / 'places')
    content = next((demo / 'places365' / 'val').iterdir()).read_bytes()
    names = [f'z/zero/{number:08d}.jpg' for number in range(20_000)]
    lists = {'places365_train_challenge.txt': ''.join(f'/{name} 0\n' for name in names).encode()}
    lists['places365_val.txt'] = (demo / 'places365' / 'meta' / 'val.txt').read_bytes()
    (source / 'filelist_places365-challenge.tar').write_bytes(tar_of(lists))
    (source / 'train_256_places365challenge.tar').write_bytes(tar_of({f'data_256/{name}': content for name in names}))
    arguments = ['places365', '--source', 'places', '--subset', '--no-scan', '--workers', '1']
    process = subprocess.Popen([sys.executable, SCRIPT, *arguments], cwd=tmp_path, stderr=subprocess.DEVNULL)
    part = tmp_path / 'data' / '.places365.part' / 'train' / 'z' / 'zero'
    while process.poll() is None and not (part.exists() and len(os.listdir(part)) > 500):
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in part.iterdir() if not path.name.startswith('.')}
    assert 500 <= len(kept) < len(names)
    assert {path.stat().st_size for path in kept} == {len(content)}
    assert not (tmp_path / 'data' / 'places365').exists()
    made = run(*arguments, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert '20,000 train and 20 val images' in made.stdout
    there = tmp_path / 'data' / 'places365' / 'train' / 'z' / 'zero'
    assert sorted(os.listdir(there)) == [name.rpartition('/')[2] for name in names]
    assert all((there / path.name).stat().st_mtime_ns == stamp for path, stamp in kept.items())
