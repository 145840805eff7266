"""docs/data.md, "When something is wrong": every command is run, prints what is there, and leaves what is said.

The sets are the tests' small ones, taken for the whole: as if ImageNet had ten classes of three images.
"""

import errno
import os
import re
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from senet_mm.data.cifar import preparation as cifar
from senet_mm.data.cifar.layout import LAYOUTS
from senet_mm.data.coco.check import COUNTS
from senet_mm.data.files import download, whole_file
from senet_mm.data.imagenet import labels as imagenet_labels
from senet_mm.data.imagenet import preparation as imagenet
from senet_mm.data.imagenet.layout import ARCHIVES, FACTS
from senet_mm.data.images.tree import read_list
from tests.data.archives import facts_of, remote, write_imagenet_archives
from tests.data.cifar_sample import write_archive, write_sample
from tests.data.small import listing, read, write
from tests.data.web import serve

ROOT = Path(__file__).parents[2]
HOME = '/home/me'  # what the page writes for the folder that the commands run in
CIFAR = 'https://www.cs.toronto.edu/~kriz'  # and for the tests' own site
_, _, CHAPTER = (ROOT / 'docs' / 'data.md').read_text(encoding='utf-8').partition('## When something is wrong')
SECTIONS = dict(re.findall(r'^### (.+?)\n(.*?)(?=^### |^## |\Z)', CHAPTER, re.MULTILINE | re.DOTALL))


def printed(text):
    """A command's output without progress bars and the like; nor does it matter how large the small files are."""
    progress = r'━|-:--:--$|: verifying its checksum'
    lines = [line for line in text.splitlines() if not re.search(progress, line)]
    return re.sub(r'\d{1,3}(,\d{3})+|\d+(?= bytes not processed)|line 1 column \d+ \(char \d+\)', 'N', '\n'.join(lines))


@pytest.fixture
def page(monkeypatch, tmp_path, capsys):
    """Run a section of the page in `tmp_path`, with what is to happen before each of its commands."""
    monkeypatch.chdir(tmp_path)
    tools = {
        name: runpy.run_path(str(ROOT / 'tools' / name))['main'] for name in ('prepare_data.py', 'pack_dataset.py')
    }

    def run(title, *steps):
        (block,) = re.findall(r'^```text\n(.*?)^```$', SECTIONS[title], re.MULTILINE | re.DOTALL)
        commands = re.split(r'^\$ ', block, flags=re.MULTILINE)[1:]
        assert len(commands) == len(steps)
        for command, step in zip(commands, steps, strict=True):
            line, _, wanted = command.partition('\n')
            with monkeypatch.context() as patch:
                step(patch)
                words = line.split()
                patch.setattr(sys, 'argv', words)
                status = tools[Path(words[0]).name]()
            out, err = capsys.readouterr()
            found = re.sub(r'http://127\.0\.0\.1:\d+', CIFAR, (err + out).replace(str(tmp_path), HOME))
            assert printed(found) == printed(wanted.rstrip('\n')), found
            assert status in (0, 1, 130)

    return run


@pytest.fixture
def ilsvrc(monkeypatch, demo, tmp_path):
    """The official archives, and the folder of a set that was unpacked by hand."""
    archives = write_imagenet_archives(demo, tmp_path / 'ILSVRC')
    shutil.copytree(demo / 'imagenet', tmp_path / 'unpacked')
    monkeypatch.setattr(imagenet, 'read_synsets', lambda: {f'n{label:08d}': '' for label in range(10)})
    for split in ('train', 'val'):
        monkeypatch.setitem(FACTS, split, facts_of(read_list(demo / 'imagenet' / 'meta' / f'{split}.txt')))
    for name, official in list(ARCHIVES.items()):
        known = remote(archives / official.url.rpartition('/')[2])
        monkeypatch.setitem(ARCHIVES, name, replace(known, url=official.url))
    labels = [label for _, label in read_list(demo / 'imagenet' / 'meta' / 'val.txt')]
    monkeypatch.setattr(imagenet_labels, 'FIRST_LABELS', tuple(labels[:10]))
    return tmp_path


def nothing(_):
    """No more happens before a command."""


def stop_writing(error, after):
    """After a number of images, the disk or the user stops."""

    def step(patch):
        written = []

        def rename(source, target):
            if len(written) == after:
                raise error
            Path(source).rename(target)
            if target.suffix == '.JPEG':
                written.append(target)

        patch.setattr(whole_file.os, 'replace', rename)

    return step


def made(folder):
    """What is there of a data set's folder and its like, but for locks, which are empty."""
    return [name for name in listing(folder) if not name.endswith('.lock')] if folder.exists() else []


def images(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob('*.JPEG') if not path.name.startswith('.')}


def test_a_bad_archive(page, ilsvrc):
    archive = ilsvrc / 'ILSVRC' / 'ILSVRC2012_img_train.tar'
    whole = archive.read_bytes()
    archive.write_bytes(whole[:60_000])

    def fetched_again(_):
        assert made(ilsvrc / 'data') == []
        assert archive.read_bytes() == whole[:60_000]
        archive.write_bytes(whole)

    page('A bad archive', nothing, fetched_again)
    assert len(images(ilsvrc / 'data' / 'imagenet')) == 50


def test_a_truncated_image(page, ilsvrc, demo):
    name = 'train/n00000003/n00000003_14.JPEG'
    page_html = ilsvrc / 'unpacked' / 'train' / 'n00000007' / 'n00000007_28.JPEG'
    content = (ilsvrc / 'unpacked' / name).read_bytes()
    (ilsvrc / 'unpacked' / name).write_bytes(content[:900])
    page_html.write_text('<html>404</html>')
    before = listing(ilsvrc / 'unpacked')

    def replaced(_):
        assert made(ilsvrc / 'data') == []
        assert listing(ilsvrc / 'unpacked') == before
        (ilsvrc / 'unpacked' / name).write_bytes(content)
        shutil.copy(demo / 'imagenet' / page_html.relative_to(ilsvrc / 'unpacked'), page_html)

    page('A truncated image', nothing, replaced)
    assert (ilsvrc / 'data' / 'imagenet' / 'train').resolve() == ilsvrc / 'unpacked' / 'train'


def test_a_missing_class(page, ilsvrc):
    shutil.rmtree(ilsvrc / 'unpacked' / 'train' / 'n00000003')
    page('A missing class', nothing)
    assert made(ilsvrc / 'data') == []
    assert len(list((ilsvrc / 'unpacked' / 'train').iterdir())) == 9


def test_a_wrong_annotation_file(page, coco2017, tmp_path, monkeypatch):
    for file, count in zip(COUNTS, (12, 6, 8, 18, 8), strict=True):
        monkeypatch.setitem(COUNTS, file, count)
    coco2017.rename(tmp_path / 'coco')
    path = tmp_path / 'coco' / 'annotations' / 'instances_val2017.json'
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    before = listing(tmp_path / 'coco')

    def another_splits(_):
        assert made(tmp_path / 'data') == []
        path.write_bytes(whole)
        document = read(tmp_path / 'coco', 'train2017')
        write(tmp_path / 'coco', 'val2017', document | {'images': document['images'][:8], 'annotations': []})

    page('A wrong annotation file', nothing, another_splits)
    assert made(tmp_path / 'data') == []
    assert listing(tmp_path / 'coco') == before


def test_a_list_of_labels_in_another_order(page, ilsvrc):
    path = ilsvrc / 'unpacked' / 'meta' / 'val.txt'
    text = ''.join(f'{file} {9 - label}\n' for file, label in read_list(path))
    path.write_text(text)
    page('A list of labels in another order', nothing)
    assert made(ilsvrc / 'data') == []
    assert path.read_text() == text


def test_a_full_disk(page, ilsvrc, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    kept = {}

    def room_was_made(_):
        assert not (ilsvrc / 'data' / 'imagenet').exists()
        kept.update(images(ilsvrc / 'data' / '.imagenet.part'))
        assert len(kept) == 12

    def little_room(patch):
        usage = shutil.disk_usage(ilsvrc)
        patch.setattr(shutil, 'disk_usage', lambda _: usage._replace(free=90_112))

    page('A full disk', stop_writing(full, 12), room_was_made, little_room)
    there = images(ilsvrc / 'data' / 'imagenet')
    assert len(there) == 50
    assert kept.items() <= there.items()
    assert not list((ilsvrc / 'data').glob('*imagenet.zip*'))


def test_an_interrupted_preparation(page, ilsvrc):
    kept = {}

    def started_again(_):
        assert not (ilsvrc / 'data' / 'imagenet').exists()
        kept.update(images(ilsvrc / 'data' / '.imagenet.part'))

    page('An interrupted preparation', stop_writing(KeyboardInterrupt(), 20), started_again)
    assert len(kept) == 20
    assert kept.items() <= images(ilsvrc / 'data' / 'imagenet').items()


def test_an_interrupted_download(page, tmp_path, monkeypatch):
    monkeypatch.setattr(download, 'WAIT', 0)
    monkeypatch.setenv('no_proxy', '*')
    layout, _ = write_sample(tmp_path / 'unpacked', 'cifar10')
    archive = tmp_path / 'elsewhere' / layout.archive
    archive.parent.mkdir()
    layout = write_archive(layout, tmp_path / 'unpacked', archive)
    part = tmp_path / 'data' / f'{layout.archive}.part'
    with serve(archive.read_bytes()) as (site, address):
        command = cifar.COMMANDS['cifar10']
        monkeypatch.setattr(command, 'layout', replace(layout, url=f'{address}/{layout.archive}'))
        site.cuts, site.statuses = [20_000], [None, 503, 503, 503, 503, 503]

        def the_network_is_back(_):
            assert part.read_bytes() == archive.read_bytes()[:20_000]
            assert not (tmp_path / 'data' / 'cifar10').exists()

        page('An interrupted download', nothing, the_network_is_back)
    assert site.asked() == [None, *['bytes=20000-'] * 6]
    files = [f'cifar10/{layout.folder}/{file}' for file in layout.files]
    assert [name for name in made(tmp_path / 'data') if '/' in name] == sorted([f'cifar10/{layout.folder}', *files])
    assert not part.exists()
    assert LAYOUTS['cifar10'].archive == layout.archive


def test_another_set_at_the_same_place(page, ilsvrc):
    before = {}

    def other(_):
        before.update(images(ilsvrc / 'data' / 'imagenet'))

    page('Another set at the same place', nothing, other)
    assert images(ilsvrc / 'data' / 'imagenet') == before
    assert len(before) == 50


def test_a_damaged_pack(page, ilsvrc):
    pack = ilsvrc / 'data' / 'imagenet.zip'

    def cut_off(_):
        os.truncate(pack, pack.stat().st_size // 2)

    page('A damaged pack', nothing, nothing, cut_off)
    assert len(images(ilsvrc / 'data' / 'imagenet')) == 50


def test_every_section_is_held():
    tests = {name.removeprefix('test_').replace('_', ' ') for name in globals() if name.startswith('test_')}
    assert {title.lower() for title in SECTIONS} == tests - {'every section is held'}
