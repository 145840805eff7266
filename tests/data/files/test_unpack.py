import errno
import io
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.files import whole_file
from senet_mm.data.files.unpack import strip_folder, unpack, unpack_nested
from tests.data.archives import tar_of
from tests.data.small import listing

FILES = {f'data/{letter}/{number}.jpg': bytes([number]) * (number * 700) for letter in 'ab' for number in range(90)}


def write(path, files):
    if path.suffix == '.zip':
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir('data') if hasattr(archive, 'mkdir') else None
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        path.write_bytes(tar_of(files))
    return path


def contents(folder):
    return {name: (folder / name).read_bytes() for name in listing(folder) if (folder / name).is_file()}


@pytest.mark.parametrize('workers', [1, 4])
@pytest.mark.parametrize('kind', ['tar', 'zip'])
def test_every_file_arrives_and_nothing_else(tmp_path, kind, workers):
    more = {'data/a/._1.jpg': b'of macOS', 'elsewhere/1.jpg': b'not asked for'}
    archive = write(tmp_path / f'x.{kind}', FILES | more)
    unpack(archive, tmp_path / 'out', strip_folder('data', 'other'), workers)
    assert contents(tmp_path / 'out') == {name.removeprefix('data/'): content for name, content in FILES.items()}


@pytest.mark.parametrize('workers', [1, 4])
def test_a_tar_of_tars_becomes_a_folder_for_each(tmp_path, workers):
    inner = {f'n{i}.tar': tar_of({f'n{i}_{j}.JPEG': bytes([i, j]) * 600 for j in range(40)}) for i in range(6)}
    archive = write(tmp_path / 'x.tar', inner)
    unpack_nested(archive, tmp_path / 'out', lambda path: path, workers)
    wanted = {f'n{i}/n{i}_{j}.JPEG': bytes([i, j]) * 600 for i in range(6) for j in range(40)}
    assert contents(tmp_path / 'out') == wanted


@pytest.mark.parametrize('kind', ['tar', 'zip'])
def test_files_that_are_there_stay_and_half_ones_are_made_anew(tmp_path, kind):
    archive, out = write(tmp_path / f'x.{kind}', FILES), tmp_path / 'out'
    unpack(archive, out, strip_folder('data'))
    kept, half = out / 'a' / '5.jpg', out / 'b' / '7.jpg'
    kept.write_bytes(b'x' * kept.stat().st_size)  # to be told from a new one
    half.write_bytes(b'y')
    (out / 'b' / '.8.jpg.1234').touch()  # of a process that was killed
    (out / '.made_from.json').touch()
    unpack(archive, out, strip_folder('data'))
    assert kept.read_bytes() == b'x' * len(FILES['data/a/5.jpg'])
    assert half.read_bytes() == FILES['data/b/7.jpg']
    assert [path.name for path in out.rglob('.*')] == ['.made_from.json']


@pytest.mark.parametrize('name', ['../out.jpg', '/etc/passwd', 'data/../../x.jpg'])
@pytest.mark.parametrize('kind', ['tar', 'zip'])
def test_names_that_lead_out_are_refused(tmp_path, kind, name):
    (tmp_path / 'in').mkdir()
    archive = write(tmp_path / 'in' / f'x.{kind}', {name: b'evil'})
    with pytest.raises(DataError, match='a name that leads out of its folder'):
        unpack(archive, tmp_path / 'in' / 'out', lambda path: path)
    assert [path for path in listing(tmp_path) if not path.endswith(('in', 'out', kind))] == []


@pytest.mark.parametrize('kind', [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as tar:
        info = tarfile.TarInfo('data/link')
        info.type, info.linkname = kind, '/etc/passwd'
        tar.addfile(info)
    (tmp_path / 'x.tar').write_bytes(stream.getvalue())
    with pytest.raises(DataError, match='data/link is no file but a link or device'):
        unpack(tmp_path / 'x.tar', tmp_path / 'out', strip_folder('data'))


@pytest.mark.parametrize('share', [0.02, 0.3, 0.7, 0.98])
@pytest.mark.parametrize('kind', ['tar', 'zip'])
def test_what_a_cut_off_archive_gave_is_whole(tmp_path, kind, share):
    archive = write(tmp_path / f'x.{kind}', FILES)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=re.escape(f'{archive} is cut off or damaged')):
        unpack(archive, tmp_path / 'out', strip_folder('data'))
    if (tmp_path / 'out').exists():
        assert contents(tmp_path / 'out').items() <= {k.removeprefix('data/'): v for k, v in FILES.items()}.items()


def test_damage_inside_a_zip_is_found(tmp_path):
    archive = tmp_path / 'x.zip'
    with zipfile.ZipFile(archive, 'w') as out:
        out.writestr('data/1.jpg', b'pixels' * 100)
    archive.write_bytes(archive.read_bytes().replace(b'pixels', b'pixelz', 1))
    with pytest.raises(DataError, match='cut off or damaged'):
        unpack(archive, tmp_path / 'out', strip_folder('data'))


def test_what_is_no_archive_is_named(tmp_path):
    for name in ('x.tar', 'x.zip'):
        (tmp_path / name).write_text('<html>404 not found</html>' * 100)
        with pytest.raises(DataError, match=f'{name} is cut off or damaged'):
            unpack(tmp_path / name, tmp_path / 'out', strip_folder('data'))


@pytest.mark.parametrize('error', [OSError(errno.ENOSPC, 'No space left on device'), KeyboardInterrupt()])
def test_a_full_disk_and_an_interrupt_leave_no_half_file(tmp_path, monkeypatch, error):
    archive, replaced = write(tmp_path / 'x.tar', FILES), []

    def replace(source, target):
        if len(replaced) == 30:
            raise error
        replaced.append(target)
        Path(source).rename(target)

    monkeypatch.setattr(whole_file.os, 'replace', replace)
    full = isinstance(error, OSError)
    with pytest.raises(
        DataError if full else KeyboardInterrupt, match='could not be written: No space left' if full else None
    ):
        unpack(archive, tmp_path / 'out', strip_folder('data'), workers=1)
    monkeypatch.undo()
    found = contents(tmp_path / 'out')
    assert len(found) == 30
    assert found.items() <= {k.removeprefix('data/'): v for k, v in FILES.items()}.items()


def test_too_little_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    archive = write(tmp_path / 'x.tar', FILES)
    usage = shutil.disk_usage(tmp_path)
    needed = archive.stat().st_size
    monkeypatch.setattr(shutil, 'disk_usage', lambda disk: usage._replace(free=needed - 1000))
    message = (
        f'x.tar: the disk is too full: about {needed:,} bytes are to be unpacked, {tmp_path} has {needed - 1000:,}'
    )
    with pytest.raises(DataError, match=message):
        unpack(archive, tmp_path / 'out', strip_folder('data'))
    assert listing(tmp_path) == ['x.tar']
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'earlier.jpg').write_bytes(bytes(1000))  # what is there needs no more room
    unpack(archive, tmp_path / 'out', strip_folder('data'))
    assert len(contents(tmp_path / 'out')) == len(FILES) + 1
