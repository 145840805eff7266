import json
import shutil
import zipfile
from pathlib import Path

import pytest

from senet_mm.data.coco import archives as coco_archives
from senet_mm.data.coco.archives import OFFICIAL, archive_of
from senet_mm.data.coco.preparation import ARCHIVES, MANIFEST, check_coco, make_coco
from senet_mm.data.errors import DataError
from senet_mm.data.files import whole_file
from senet_mm.data.images import preparation as image_preparation
from senet_mm.data.images.preparation import Options
from tests.data.archives import remote
from tests.data.small import listing

SUBSET = Options(subset=True)


def pack(folder, out, also=()):
    """A COCO as its official zip files; `also` are further files as they are."""
    out.mkdir(exist_ok=True)
    for path in [path for path in folder.iterdir() if path.is_dir()]:
        name = f'annotations_trainval{"2017" if (folder / "val2017").exists() else "2014"}'
        name = f'{name}.zip' if path.name == 'annotations' else f'{path.name}.zip'
        with zipfile.ZipFile(out / name, 'w', zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path.rglob('*')):
                if file.name not in also:
                    archive.write(file, file.relative_to(folder))
            archive.writestr('annotations/captions_val2017.json', '{}')
    for name in also:
        shutil.copy(folder / 'annotations' / name, out)
    return out


@pytest.fixture
def zips(coco2017, tmp_path):
    return pack(coco2017, tmp_path / 'zips')


def test_which_zip_holds_what():
    for path, where in ARCHIVES.items():
        name = archive_of(path)
        assert (name is None) == ('minival2014' in path)
        assert name is None or where == OFFICIAL[name].url


def test_zips_of_2017_become_what_the_folders_are(coco2017, zips, tmp_path):
    out = tmp_path / 'data' / 'coco'
    message = make_coco(zips, out, SUBSET)
    assert message == f'{out}: a SUBSET of COCO in the layout of 2017, 18 train and 8 minival images; unpacked.'
    wanted = {name for name in listing(coco2017) if (coco2017 / name).is_file()}
    assert {name for name in listing(out) if (out / name).is_file()} == wanted | {MANIFEST}
    for name in wanted:
        assert (out / name).read_bytes() == (coco2017 / name).read_bytes()
    shutil.rmtree(coco2017)
    assert check_coco(out).endswith('; verified.')
    assert 'already there' in make_coco(zips, out, SUBSET)


def test_zips_of_2014_beside_the_minival_files(coco2014, tmp_path):
    minival = ('instances_minival2014.json', 'instances_valminusminival2014.json')
    source = pack(coco2014, tmp_path / 'zips', minival)
    assert 'in the layout of 2014, 18 train and 8 minival images' in make_coco(source, tmp_path / 'out', SUBSET)
    for name in minival:
        assert (tmp_path / 'out' / 'annotations' / name).resolve() == source / name
    assert 'verified' in check_coco(tmp_path / 'out')


def test_folders_and_zips_may_be_mixed(coco2017, zips, tmp_path):
    (zips / 'train2017.zip').unlink()
    (coco2017 / 'train2017').rename(zips / 'train2017')
    make_coco(zips, tmp_path / 'out', SUBSET)
    assert (tmp_path / 'out' / 'train2017').resolve() == zips / 'train2017'
    assert not (tmp_path / 'out' / 'val2017').is_symlink()


def test_another_source_is_not_mixed_in(coco2017, zips, tmp_path):
    make_coco(zips, tmp_path / 'out', SUBSET)
    with pytest.raises(DataError, match='not what would be built from this source'):
        make_coco(coco2017, tmp_path / 'out', SUBSET)
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'chapter1.txt').touch()
    with pytest.raises(DataError, match='is not empty and not what would be built'):
        make_coco(zips, tmp_path / 'thesis', SUBSET)
    assert listing(tmp_path / 'thesis') == ['chapter1.txt']


def test_zips_must_be_the_official_ones(zips, tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r'annotations_trainval2017\.zip is not http://images\.cocodataset\.org'):
        make_coco(zips, tmp_path / 'out')
    assert not (tmp_path / '.out.part').exists()
    for path in zips.iterdir():
        monkeypatch.setitem(OFFICIAL, path.name, remote(path))
    with pytest.raises(DataError, match='lists 18 images, the protocol has 118,287'):
        make_coco(zips, tmp_path / 'out')


def test_an_interrupted_unpacking_goes_on_where_it_stopped(zips, tmp_path, monkeypatch, capsys):
    written = []

    def replace(source, target):
        if len(written) == 9:
            raise KeyboardInterrupt
        Path(source).rename(target)
        if target.suffix == '.jpg':
            written.append(target)

    with monkeypatch.context() as patch:
        patch.setattr(whole_file.os, 'replace', replace)
        with pytest.raises(KeyboardInterrupt):
            make_coco(zips, tmp_path / 'out', Options(subset=True, workers=1))
    assert f'kept in {tmp_path}/.out.part: run the same command again' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / '.out.part').rglob('*.jpg')}
    assert len(kept) == 9
    make_coco(zips, tmp_path / 'out', SUBSET)
    there = {path.name: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('*.jpg')}
    assert len(there) == 26
    assert kept.items() <= there.items()


@pytest.mark.parametrize('packed', [True, False])
def test_images_that_cannot_be_read_are_listed(coco2017, tmp_path, packed):
    first, second = sorted((coco2017 / 'train2017').iterdir())[:2]
    first.write_bytes(first.read_bytes()[:-100])
    second.write_bytes(b'')
    source = pack(coco2017, tmp_path / 'zips') if packed else coco2017
    with pytest.raises(DataError) as caught:
        make_coco(source, tmp_path / 'out', SUBSET)
    assert '2 images cannot be read. Put whole copies in their places' in str(caught.value)
    for path in (first, second):
        assert f'train2017/{path.name}: ' in str(caught.value)
    assert not (tmp_path / 'out').exists()
    make_coco(source, tmp_path / 'out', Options(subset=True, scan=False))


def test_zips_cannot_be_checked(zips):
    with pytest.raises(DataError, match='only what is unpacked can be verified'):
        check_coco(zips, SUBSET)


def test_a_zip_is_verified_once(zips, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(image_preparation, 'require_same', lambda path, _: calls.append(path.name))
    monkeypatch.setattr(coco_archives, 'unpack', lambda *_: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            make_coco(zips, tmp_path / 'out')
    assert calls == sorted(path.name for path in zips.iterdir())


def test_the_manifest_says_what_it_was_made_from(zips, tmp_path):
    make_coco(zips, tmp_path / 'out', SUBSET)
    made_from = json.loads((tmp_path / 'out' / MANIFEST).read_text())['made_from']
    assert made_from['train2017'] == f'train2017.zip, {(zips / "train2017.zip").stat().st_size} bytes'
