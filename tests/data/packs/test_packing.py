import errno
import io
import os
import shutil
import sys
import tarfile
import zipfile

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.packs import packing as pack
from senet_mm.data.packs.index import INDEX
from senet_mm.data.packs.packing import check_pack, list_files, pack_folder
from senet_mm.data.packs.readers import open_pack
from tests.data.small import listing

KINDS = ['zip', 'tar', 'lmdb']


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / 'folder'
    files = {
        'meta/train.txt': b'a/1.jpg 0\n',
        'train/a/1.jpg': os.urandom(5000),
        'train/a/2.jpg': b'',
        f'train/{"long" * 30}/3.jpg': b'3' * 511,  # longer than a tar's header has room for
        'train/ä b/4.jpg': b'4' * 513,
        'train-2/5.jpg': b'5' * 512,  # '-' is before '/'
    }
    for name, content in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    (out / '.imagenet.lock').touch()
    return out


def contents(folder):
    files = {name: folder / name for name in listing(folder)}
    return {name: path.read_bytes() for name, path in files.items() if path.is_file() and not path.name.startswith('.')}


@pytest.mark.parametrize('kind', KINDS)
def test_every_file_comes_back_in_order(folder, tmp_path, kind):
    out = tmp_path / 'data' / f'set.{kind}'
    message = pack_folder(folder, out)
    size = sum(map(len, contents(folder).values()))
    assert message == f'{out}: 6 files of {folder}, {size:,} bytes, compared.'
    reader = open_pack(out)
    assert {name: reader.read(name) for name in reader.names()} == contents(folder)
    assert list(reader.names()) == sorted(contents(folder), key=str.encode)
    assert list(reader.names('train/')) == [name for name in reader.names() if name.startswith('train/')]
    assert listing(tmp_path / 'data') == [f'set.{kind}']
    assert check_pack(folder, out) == f'{out}: 6 files, the same as in {folder}.'
    for name in ('train/a/3.jpg', 'train/a', '', 'zzz'):
        with pytest.raises(FileNotFoundError, match=f'is not in {out}'):
            reader.read(name)


def test_other_programs_read_it(folder, tmp_path):
    pack_folder(folder, tmp_path / 'a.zip')
    pack_folder(folder, tmp_path / 'a.tar')
    with zipfile.ZipFile(tmp_path / 'a.zip') as archive:
        first, *others = archive.namelist()
        assert first == INDEX
        assert {name: archive.read(name) for name in others} == contents(folder)
        assert archive.testzip() is None
    with tarfile.open(tmp_path / 'a.tar') as archive:
        first, *others = archive.getnames()
        assert first == INDEX
        assert {name: archive.extractfile(name).read() for name in others} == contents(folder)


@pytest.mark.parametrize('kind', ['zip', 'tar'])
def test_the_same_folder_gives_the_same_bytes(folder, tmp_path, kind):
    pack_folder(folder, tmp_path / f'a.{kind}')
    shutil.copytree(folder, tmp_path / 'copy')
    pack_folder(tmp_path / 'copy', tmp_path / f'b.{kind}')
    assert (tmp_path / f'a.{kind}').read_bytes() == (tmp_path / f'b.{kind}').read_bytes()


def test_packs_of_other_programs_are_read(folder, tmp_path):
    shutil.make_archive(tmp_path / 'a', 'tar', folder)
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        for name in sorted(contents(folder), reverse=True):
            archive.write(folder / name, name)  # with an extra field of the time in it
    for kind in ('tar', 'zip'):
        reader = open_pack(tmp_path / f'a.{kind}')
        found = {name: reader.read(name) for name in reader.names()}
        assert {name: found[name] for name in contents(folder)} == contents(folder)


def test_a_compressed_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('train/1.jpg', b'pixels' * 100)
    with pytest.raises(DataError, match=r'is compressed \(train/1\.jpg, …\)'):
        open_pack(tmp_path / 'a.zip')


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_a_name_that_is_there_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr('1.jpg', b'one')
        archive.writestr('1.jpg', b'two')
    with pytest.raises(DataError, match=r'1\.jpg is in it twice'):
        open_pack(tmp_path / 'a.zip')


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_not_there_or_damaged_is_named(folder, tmp_path, kind):
    out = tmp_path / f'set.{kind}'
    with pytest.raises(DataError, match=r'there is no .*; tools/pack_dataset\.py makes it'):
        open_pack(out)
    out.write_text('<html>404</html>')
    with pytest.raises(DataError, match=r'pack it anew with tools/pack_dataset\.py'):
        open_pack(out)
    out.unlink()
    pack_folder(folder, out)
    os.truncate(out, out.stat().st_size // 3)
    with pytest.raises(DataError, match='pack it anew'):
        check_pack(folder, out)


@pytest.mark.parametrize('kind', KINDS)
def test_differences_from_the_folder_are_named(folder, tmp_path, kind):
    out = tmp_path / f'set.{kind}'
    pack_folder(folder, out, verify=False)
    (folder / 'train' / 'a' / '1.jpg').write_bytes(b'other')
    with pytest.raises(DataError, match=r'differ in train/a/1\.jpg'):
        check_pack(folder, out)
    (folder / 'train' / 'a' / '0.jpg').write_bytes(b'new')
    with pytest.raises(DataError, match=r'train/a/0\.jpg is in one of them only'):
        check_pack(folder, out)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('error', [OSError(errno.ENOSPC, 'No space left on device'), KeyboardInterrupt()])
def test_a_full_disk_and_an_interrupt_leave_nothing(folder, tmp_path, monkeypatch, kind, error):
    read = pack._read

    def fail(folder, name, size):
        if name.endswith('4.jpg'):
            raise error
        return read(folder, name, size)

    monkeypatch.setattr(pack, '_read', fail)
    full = isinstance(error, OSError)
    message = r'could not be made; nothing is left of it: \[Errno 28\] No space left' if full else None
    with pytest.raises(DataError if full else KeyboardInterrupt, match=message):
        pack_folder(folder, tmp_path / f'set.{kind}')
    assert os.listdir(tmp_path) == ['folder']


def test_too_little_room_is_said_before_anything_is_written(folder, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(pack.shutil, 'disk_usage', lambda _: usage._replace(free=100))
    with pytest.raises(DataError, match=r'6,546 bytes are to be packed, .* has 100 free'):
        pack_folder(folder, tmp_path / 'set.zip')
    assert os.listdir(tmp_path) == ['folder']


def test_mistakes_are_named(folder, tmp_path):
    (tmp_path / 'there.zip').write_text('mine')
    with pytest.raises(DataError, match='is already there; it is left as it is'):
        pack_folder(folder, tmp_path / 'there.zip')
    assert (tmp_path / 'there.zip').read_text() == 'mine'
    with pytest.raises(DataError, match=r'ends in \.zip, \.tar, \.lmdb is expected'):
        pack_folder(folder, tmp_path / 'set.rar')
    with pytest.raises(DataError, match='is not a folder'):
        pack_folder(tmp_path / 'nowhere', tmp_path / 'set.zip')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='there is nothing to pack'):
        pack_folder(tmp_path / 'empty', tmp_path / 'set.zip')


def test_a_name_too_long_for_an_lmdb_is_named(folder, tmp_path):
    deep = folder / 'd' / '/'.join(['x' * 100] * 6)
    deep.mkdir(parents=True)
    (deep / '1.jpg').touch()
    with pytest.raises(DataError, match='an LMDB takes names of 511 bytes at most; pack to a'):
        pack_folder(folder, tmp_path / 'set.lmdb')
    assert os.listdir(tmp_path) == ['folder']


def test_a_file_that_changes_meanwhile_is_named(folder, tmp_path, monkeypatch):
    entries = [(name, size + (name == 'train/a/1.jpg')) for name, size in list_files(folder)]
    monkeypatch.setattr(pack, 'list_files', lambda _: entries)
    with pytest.raises(DataError, match=r'train/a/1\.jpg changed while it was packed'):
        pack_folder(folder, tmp_path / 'set.tar')
    assert os.listdir(tmp_path) == ['folder']


def test_a_name_that_is_no_text_is_refused(folder, tmp_path):
    (tmp_path / 'folder' / os.fsdecode(b'caf\xe9.jpg')).touch()
    with pytest.raises(DataError, match=r'not UTF-8: .*caf'):
        pack_folder(folder, tmp_path / 'set.zip')


def test_links_are_followed(folder, tmp_path):
    (tmp_path / 'linked').mkdir()
    for name in ('train', 'meta', 'train-2'):
        (tmp_path / 'linked' / name).symlink_to(folder / name)
    pack_folder(tmp_path / 'linked', tmp_path / 'a.tar')
    pack_folder(folder, tmp_path / 'b.tar')
    assert (tmp_path / 'a.tar').read_bytes() == (tmp_path / 'b.tar').read_bytes()


@pytest.mark.parametrize('kind', ['zip', 'tar'])
def test_a_pack_beyond_four_gigabytes_is_read_at_its_end(tmp_path, kind):
    """Places of more than 32 bits, in a sparse file: nothing of that size is written."""
    path = tmp_path / f'large.{kind}'
    hole = 5 << 30
    if kind == 'tar':
        with path.open('wb') as stream:
            info = tarfile.TarInfo('hole')
            info.size = hole
            stream.write(info.tobuf())
            stream.seek(hole, io.SEEK_CUR)
            with tarfile.open(fileobj=stream, mode='w:') as archive:
                last = tarfile.TarInfo('train/last.jpg')
                last.size = 6
                archive.addfile(last, io.BytesIO(b'pixels'))
    else:
        with path.open('wb') as stream:
            stream.seek(hole)
            with zipfile.ZipFile(stream, 'a') as archive:
                archive.writestr('train/last.jpg', b'pixels')
    assert open_pack(path).read('train/last.jpg') == b'pixels'


def test_a_missing_lmdb_names_the_extra(folder, tmp_path, monkeypatch):
    pack_folder(folder, tmp_path / 'set.lmdb')
    monkeypatch.setitem(sys.modules, 'lmdb', None)
    for use in (lambda: open_pack(tmp_path / 'set.lmdb'), lambda: pack_folder(folder, tmp_path / 'new.lmdb')):
        with pytest.raises(DataError, match=r"pip install 'senet_mm\[lmdb\]'"):
            use()
    assert sorted(os.listdir(tmp_path)) == ['folder', 'set.lmdb']
