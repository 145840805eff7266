import argparse
import hashlib
import io
import pickle
import shutil
import subprocess
import sys
import tarfile
import threading
from dataclasses import replace

import pytest
from torchvision import datasets

from senet_mm.data.cifar import preparation as module
from senet_mm.data.cifar.files import read_cifar
from senet_mm.data.cifar.layout import LAYOUTS
from senet_mm.data.cifar.preparation import COMMANDS, CifarCommand, check_cifar, make_cifar, unpack
from senet_mm.data.errors import DataError
from senet_mm.data.files import download
from tests.data.cifar_sample import write_archive, write_sample
from tests.data.small import listing
from tests.data.web import serve

LOCK = '.cifar-10-python.tar.gz.lock'
FILES = ['batches.meta', *(f'data_batch_{number}' for number in range(1, 6)), 'test_batch']
TREE = ['cifar10', 'cifar10/cifar-10-batches-py', *(f'cifar10/cifar-10-batches-py/{file}' for file in FILES)]
MAKE = """
import pickle, sys
from pathlib import Path
from senet_mm.data.cifar.preparation import make_cifar
print(make_cifar(pickle.loads(bytes.fromhex(sys.argv[1])), Path(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(download, 'WAIT', 0)
    monkeypatch.setenv('no_proxy', '*')


@pytest.fixture
def sample(tmp_path_factory):
    """A small CIFAR-10: its layout, its folder, its archive."""
    root = tmp_path_factory.mktemp('sample')
    layout, _ = write_sample(root / 'unpacked', 'cifar10')
    archive = root / 'archive' / layout.archive
    archive.parent.mkdir()
    return write_archive(layout, root / 'unpacked', archive), root / 'unpacked', archive


@pytest.fixture
def web(sample):
    """The archive on the web: its layout, the site."""
    layout, _, archive = sample
    with serve(archive.read_bytes()) as (site, address):
        yield replace(layout, url=f'{address}/{layout.archive}'), site


def hashes(folder):
    files = [path for path in folder.rglob('*') if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize('name', ['cifar10', 'cifar100'])
def test_checksums_and_places_are_those_that_torchvision_knows(name):
    layout, theirs = LAYOUTS[name], {'cifar10': datasets.CIFAR10, 'cifar100': datasets.CIFAR100}[name]
    meta = [(theirs.meta['filename'], theirs.meta['md5'])]
    assert dict(map(tuple, theirs.train_list + theirs.test_list + meta)) == layout.md5
    assert [file for file, _ in theirs.train_list] == list(layout.splits['train'])
    assert (theirs.url, theirs.tgz_md5, theirs.base_folder) == (layout.url, layout.archive_md5, layout.folder)
    assert (theirs.filename, theirs.meta['key']) == (layout.archive, layout.names_key)


@pytest.mark.parametrize('place', ['archive', 'its folder', 'files', 'their folder'])
def test_a_copy_on_disk_is_taken_and_left_alone(sample, tmp_path, place):
    layout, unpacked, archive = sample
    files = unpacked / layout.folder
    source = {'archive': archive, 'its folder': archive.parent, 'files': files, 'their folder': unpacked}[place]
    before = hashes(archive.parents[1])
    said = make_cifar(layout, tmp_path / 'data' / 'cifar10', source)
    assert said.startswith(f'{tmp_path}/data/cifar10: CIFAR-10, 20 train and 4 test images, verified; from {source}')
    assert listing(tmp_path / 'data') == [LOCK, *TREE]
    assert hashes(archive.parents[1]) == before
    assert hashes(tmp_path / 'data/cifar10') == hashes(unpacked)
    assert len(read_cifar(tmp_path / 'data/cifar10', 'cifar10', 'train').labels) == 20


def test_cifar100(tmp_path):
    layout, parts = write_sample(tmp_path / 'mine', 'cifar100')
    assert '4 train and 4 test images' in make_cifar(layout, tmp_path / 'cifar100', tmp_path / 'mine')
    assert read_cifar(tmp_path / 'cifar100', 'cifar100', 'test').labels.tolist() == parts['test']['fine_labels']


def test_fetched_unpacked_and_tidied_up(web, tmp_path):
    layout, site = web
    site.cuts = [100, 20_000]
    said = make_cifar(layout, tmp_path / 'cifar10')
    assert said == f'{tmp_path}/cifar10: CIFAR-10, 20 train and 4 test images, verified; from {layout.url}.'
    assert listing(tmp_path) == [LOCK, *TREE]
    assert site.asked() == [None, 'bytes=100-', 'bytes=20100-']


def test_a_finished_set_is_only_verified(web, tmp_path):
    layout, site = web
    make_cifar(layout, tmp_path / 'cifar10')
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}
    said = f'{tmp_path}/cifar10: already there: CIFAR-10, 20 train and 4 test images, verified.'
    assert make_cifar(layout, tmp_path / 'cifar10') == said
    assert make_cifar(layout, tmp_path / 'cifar10', tmp_path) == said
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')} == before
    assert len(site.requests) == 1


def test_an_interrupted_fetch_goes_on_the_next_time(web, tmp_path):
    layout, site = web
    site.cuts, site.statuses = [20_000], [None, 404]
    with pytest.raises(DataError, match=r'no longer, to be had .* 20,000 of [\d,]+ bytes are kept in .*tar\.gz\.part'):
        make_cifar(layout, tmp_path / 'cifar10')
    assert listing(tmp_path) == [LOCK, f'{layout.archive}.part']
    make_cifar(layout, tmp_path / 'cifar10')
    assert site.asked() == [None, 'bytes=20000-', 'bytes=20000-']
    assert listing(tmp_path) == [LOCK, *TREE]


def test_an_archive_that_the_user_put_there_is_used_and_kept(sample, tmp_path):
    layout, _, archive = sample
    layout = replace(layout, url=f'https://nowhere.invalid/{layout.archive}')
    shutil.copy(archive, tmp_path)
    make_cifar(layout, tmp_path / 'cifar10')
    assert listing(tmp_path) == [LOCK, layout.archive, *TREE]


@pytest.mark.parametrize('change', [lambda content: content[:-100], lambda content: content[:-1] + b'?', lambda _: b''])
def test_an_archive_that_is_cut_off_or_altered(sample, tmp_path, change):
    layout, _, archive = sample
    content = change(archive.read_bytes())
    archive.write_bytes(content)
    with pytest.raises(DataError, match=rf'{archive} is not {layout.url}: .* expected\. It was cut off or altered'):
        make_cifar(layout, tmp_path / 'cifar10', archive)
    with pytest.raises(DataError, match=rf'{archive} is not'):
        check_cifar(layout, archive)
    assert listing(tmp_path) == []
    assert archive.read_bytes() == content


def test_every_altered_file_is_named(sample, tmp_path):
    layout, unpacked, _ = sample
    for file in ('data_batch_2', 'batches.meta'):
        with (unpacked / layout.folder / file).open('ab') as stream:
            stream.write(b'?')
    with pytest.raises(DataError) as caught:
        make_cifar(layout, tmp_path / 'cifar10', unpacked)
    first, *others = str(caught.value).splitlines()
    what = f'{unpacked}/{layout.folder}: not the official files of CIFAR-10'
    assert first == f'{what}; take them anew, or accept a cut-down set with --subset:'
    assert [line.split(':')[0].strip() for line in others] == ['data_batch_2', 'batches.meta']
    assert f'where {layout.md5["data_batch_2"]} is expected' in others[0]
    assert listing(tmp_path) == []


def test_missing_files_are_named(sample, tmp_path):
    layout, unpacked, _ = sample
    (unpacked / layout.folder / 'data_batch_2').unlink()
    with pytest.raises(DataError, match='which lacks data_batch_2'):
        make_cifar(layout, tmp_path / 'cifar10', unpacked)
    with pytest.raises(DataError, match='lacks data_batch_1, data_batch_2, '):
        make_cifar(layout, tmp_path / 'cifar10', tmp_path)
    with pytest.raises(DataError, match='elsewhere does not exist'):
        make_cifar(layout, tmp_path / 'cifar10', tmp_path / 'elsewhere')
    assert listing(tmp_path) == []


def test_a_wrong_number_of_images(sample):
    layout, unpacked, _ = sample
    layout = replace(layout, images={'train': 50_000, 'test': 10_000})
    with pytest.raises(DataError, match='20 train images, where CIFAR-10 has 50,000'):
        check_cifar(layout, unpacked)


def test_check_verifies_and_writes_nothing(sample):
    layout, unpacked, archive = sample
    before = listing(archive.parents[1])
    assert check_cifar(layout, archive) == f'{archive}: CIFAR-10, 20 train and 4 test images; verified.'
    assert check_cifar(layout, unpacked).startswith(f'{unpacked}/{layout.folder}: CIFAR-10, ')
    assert listing(archive.parents[1]) == before


@pytest.mark.parametrize('file', ['thesis.txt', 'cifar-10-batches-py/data_batch_1'])
def test_what_is_something_else_is_refused_and_kept(sample, tmp_path, file):
    layout, unpacked, _ = sample
    mine = tmp_path / 'cifar10' / file
    mine.parent.mkdir(parents=True)
    mine.write_text('years of work')
    before = listing(tmp_path)
    for source in (None, unpacked):
        with pytest.raises(DataError, match='cifar10 is not empty, and not a whole CIFAR-10; it is left as it is'):
            make_cifar(layout, tmp_path / 'cifar10', source)
    assert listing(tmp_path) == before
    assert mine.read_text() == 'years of work'


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError(28, 'No space left on device')])
def test_interrupted_unpacking_leaves_the_archive_and_nothing_else(web, tmp_path, monkeypatch, error):
    layout, _ = web

    def stop(content, stream):
        stream.write(content.read(10))
        raise error

    monkeypatch.setattr(module.shutil, 'copyfileobj', stop)
    with pytest.raises((KeyboardInterrupt, DataError), match=r'^$|nothing is left of it: .*No space left'):
        make_cifar(layout, tmp_path / 'cifar10')
    assert listing(tmp_path) == [LOCK, layout.archive]


def pack(path, members):
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def test_an_archive_can_write_nowhere_else(tmp_path):
    layout, folder = LAYOUTS['cifar100'], tmp_path / 'in' / 'folder'
    folder.mkdir(parents=True)
    inside = layout.folder
    evil = ['evil', '../evil', f'{tmp_path}/evil', f'{inside}/../../evil']
    pack(tmp_path / 'x.tgz', [(name, b'1') for name in evil])
    with pytest.raises(DataError, match=rf'x\.tgz lacks {inside}/train, {inside}/test, {inside}/meta\.'):
        unpack(layout, tmp_path / 'x.tgz', folder)
    pack(tmp_path / 'x.tgz', [(f'{inside}/train', '/etc/passwd'), (f'{inside}/test', b'2'), (f'{inside}/meta', b'3')])
    with pytest.raises(DataError, match=r'x\.tgz lacks cifar-100-python/train\.'):
        unpack(layout, tmp_path / 'x.tgz', folder)
    assert listing(tmp_path) == ['in', 'in/folder', 'in/folder/meta', 'in/folder/test', 'x.tgz']


def test_an_archive_cut_off_anywhere(sample, tmp_path):
    layout, unpacked, archive = sample
    content = archive.read_bytes()
    for kept in range(0, len(content) - 300, len(content) // 60):  # in the last bytes no file is touched
        archive.write_bytes(content[:kept])
        with pytest.raises(DataError, match=r'is cut off or damaged|lacks'):
            unpack(layout, archive, tmp_path)
    archive.write_bytes(content)
    unpack(layout, archive, tmp_path)
    assert hashes(tmp_path) == hashes(unpacked / layout.folder)


def test_of_two_processes_one_works_and_the_other_finds_it(web, tmp_path):
    layout, site = web
    site.cuts, site.pause = [1000], threading.Event()
    command = [sys.executable, '-c', MAKE, pickle.dumps(layout).hex(), str(tmp_path / 'cifar10')]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    site.pause.set()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert sorted('already there' in output for output in outputs) == [False, True, True]
    assert len(site.requests) == 1
    assert listing(tmp_path) == [LOCK, *TREE]


def test_the_command(sample, tmp_path, monkeypatch):
    layout, unpacked, _ = sample
    monkeypatch.chdir(tmp_path)
    command = CifarCommand(layout)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(['--check', '--source', str(unpacked)])).endswith('verified.')
    assert listing(tmp_path) == []
    assert command.run(parser.parse_args(['--source', str(unpacked)])).startswith('data/cifar10: CIFAR-10, 20 train')
    assert command.run(parser.parse_args(['--check'])).startswith(
        'data/cifar10/cifar-10-batches-py: CIFAR-10, 20 train'
    )
    assert 'already there' in command.run(parser.parse_args([]))


def read_of(cut_down, *arguments):
    parser = argparse.ArgumentParser()
    cut_down.add_arguments(parser)
    return cut_down.run(parser.parse_args([*map(str, arguments)]))


@pytest.mark.parametrize('packed', [False, True])
def test_a_cut_down_set_is_accepted_where_that_is_asked_for(sample, tmp_path, packed):
    layout, unpacked, archive = sample
    source, command = archive if packed else unpacked, CifarCommand(LAYOUTS['cifar10'])
    out = tmp_path / 'cifar10'
    for action in (['--check'], ['--out', out]):
        with pytest.raises(
            DataError, match='bytes, where' if packed else 'not the official files of CIFAR-10; .* --su'
        ):
            read_of(command, '--source', source, *action)
    line = 'a SUBSET of CIFAR-10, 20 train and 4 test images'
    found = source if packed else source / layout.folder
    assert read_of(command, '--source', source, '--check', '--subset') == f'{found}: {line}; verified.'
    made = read_of(command, '--source', source, '--out', out, '--subset')
    assert made == f'{out}: {line}, verified; from {found}.'
    assert hashes(out) == hashes(unpacked)
    assert read_of(command, '--out', out, '--subset') == f'{out}: already there: {line}, verified.'
    with pytest.raises(DataError, match='not the official files'):
        read_of(command, '--out', out)


def test_of_a_cut_down_set_every_file_is_read(sample, tmp_path):
    layout, unpacked, archive = sample
    (unpacked / layout.folder / 'data_batch_2').write_bytes(b'cut off')
    with pytest.raises(DataError, match='data_batch_2'):
        check_cifar(layout, unpacked, subset=True)
    with pytest.raises(DataError, match='data_batch_2'):
        make_cifar(layout, tmp_path / 'cifar10', unpacked, subset=True)
    archive.write_bytes(archive.read_bytes()[:-300])
    with pytest.raises(DataError, match='is cut off or damaged'):
        check_cifar(layout, archive, subset=True)
    assert listing(tmp_path) == []


def test_official_files_are_no_subset_and_other_files_of_the_whole_are_named(sample):
    layout, unpacked, archive = sample
    assert check_cifar(layout, unpacked, subset=True).endswith(': CIFAR-10, 20 train and 4 test images; verified.')
    other = replace(layout, md5=dict.fromkeys(layout.md5, ''))
    assert check_cifar(other, archive, subset=True) == (
        f'{archive}: CIFAR-10 in files of its own, 20 train and 4 test images; verified.'
    )


def test_both_sets_have_a_command():
    assert {name: command.layout for name, command in COMMANDS.items()} == LAYOUTS
