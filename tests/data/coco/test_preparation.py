import hashlib
import json
import shutil
from pathlib import Path

import pytest

from senet_mm.data.coco import preparation as coco
from senet_mm.data.coco.check import COUNTS
from senet_mm.data.coco.layout import LAYOUTS, find_parts
from senet_mm.data.coco.preparation import ARCHIVES, MANIFEST, check_coco, make_coco
from senet_mm.data.errors import DataError
from senet_mm.data.files import whole_file
from senet_mm.data.images.preparation import Options
from tests.data.small import listing, read, write

SUBSET = Options(subset=True)


@pytest.fixture
def small_counts(monkeypatch):
    """As if COCO had the few images of the demo."""
    small = dict(zip(COUNTS, (12, 6, 8, 18, 8), strict=True))
    for file, count in small.items():
        monkeypatch.setitem(COUNTS, file, count)


def state(folder):
    """Names, contents and links below a folder, to see that nothing has changed."""
    return {name: (folder / name).read_bytes() if (folder / name).is_file() else None for name in listing(folder)}


def refused(source, out, subset=True):
    """The message, after checking that the disk is as it was."""
    top = out.parent
    before = state(top)
    with pytest.raises(DataError) as caught:
        make_coco(source, out, Options(subset=subset))
    assert state(top) == before
    return str(caught.value)


def test_protocol_counts_are_the_papers():
    assert COUNTS['annotations/instances_train2017.json'] == 118_287
    parts = [COUNTS[file] for file, _ in LAYOUTS['2014']['train']]
    assert parts == [82_783, 35_504]
    assert sum(parts) == 118_287
    assert [COUNTS[file] for layout in LAYOUTS.values() for file, _ in layout['minival']] == [5000, 5000]


@pytest.mark.usefixtures('small_counts')
@pytest.mark.parametrize(('year', 'files'), [('2014', 3), ('2017', 2)])
def test_builds_links_and_a_manifest(request, tmp_path, year, files):
    source = request.getfixturevalue(f'coco{year}')
    before = state(source)
    message = make_coco(source, tmp_path / 'data' / 'coco')
    out = tmp_path / 'data' / 'coco'
    assert message == f'{out}: COCO in the layout of {year}, 18 train and 8 minival images; linked to {source}.'
    assert state(source) == before
    for split in ('train', 'minival'):
        for paths in zip(find_parts(str(out), split), find_parts(str(source), split), strict=True):
            assert [Path(path).resolve() for path in paths[0]] == [Path(path).resolve() for path in paths[1]]
    manifest = json.loads((out / MANIFEST).read_text())
    assert (manifest['layout'], manifest['subset']) == (year, False)
    assert manifest['images'] == {'train': 18, 'minival': 8}
    assert len(manifest['files']) == files
    for file, record in manifest['files'].items():
        content = (source / file).read_bytes()
        assert record['sha256'] == hashlib.sha256(content).hexdigest()
        assert record['images'] == len(json.loads(content)['images'])
        assert record['annotations'] == len(json.loads(content)['annotations'])


@pytest.mark.usefixtures('small_counts')
def test_minival_files_may_lie_beside_the_annotations_folder(coco2014, tmp_path):
    for name in ('instances_minival2014.json', 'instances_valminusminival2014.json'):
        (coco2014 / 'annotations' / name).rename(coco2014 / name)
    message = refused(coco2014, coco2014)
    assert 'instances_minival2014.json' in message
    assert f'into {coco2014}/annotations' in message
    make_coco(coco2014, tmp_path / 'coco')
    assert len(find_parts(str(tmp_path / 'coco'), 'train')) == 2


@pytest.mark.usefixtures('small_counts')
def test_in_place_only_the_manifest_is_written(coco2017, tmp_path):
    before = listing(coco2017)
    assert 'nothing to link' in make_coco(coco2017, coco2017)
    assert listing(coco2017) == sorted([*before, MANIFEST])
    assert 'already there' in make_coco(coco2017, coco2017)
    (tmp_path / 'link').symlink_to(coco2017)
    assert 'already there' in make_coco(coco2017, tmp_path / 'link')


@pytest.mark.usefixtures('small_counts')
def test_a_second_run_finds_it_there(coco2017, tmp_path):
    make_coco(coco2017, tmp_path / 'coco')
    before = state(tmp_path)
    assert 'already there' in make_coco(coco2017, tmp_path / 'coco')
    assert state(tmp_path) == before


@pytest.mark.usefixtures('small_counts')
def test_an_occupied_folder_is_refused(coco2014, coco2017, tmp_path):
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'thesis.txt').write_text('mine')
    assert 'it is left as it is' in refused(coco2017, tmp_path / 'full', subset=False)
    make_coco(coco2014, tmp_path / 'coco')
    assert 'not what would be built from this source' in refused(coco2017, tmp_path / 'coco', subset=False)


def test_everything_missing_is_said_at_once_with_where_to_get_it(tmp_path):
    (tmp_path / 'source' / 'train2017').mkdir(parents=True)
    message = refused(tmp_path / 'source', tmp_path / 'coco')
    for path, archive in ARCHIVES.items():
        assert (f'{path} ' in message) == (path != 'train2017')
        assert archive in message or path == 'train2017'
    assert ARCHIVES.keys() == {
        path for layout in LAYOUTS.values() for split in layout.values() for p in split for path in p
    }
    assert 'is not a folder' in refused(tmp_path / 'nowhere', tmp_path / 'coco')


def test_other_counts_need_subset_and_are_said(coco2014, tmp_path):
    message = refused(coco2014, tmp_path / 'coco', subset=False)
    for line in ('lists 12 images, the protocol has 82,783', '6 images, the protocol has 35,504', '8 images, the'):
        assert line in message
    assert '--subset' in message
    assert 'a SUBSET of COCO' in make_coco(coco2014, tmp_path / 'coco', SUBSET)
    assert json.loads((tmp_path / 'coco' / MANIFEST).read_text())['subset'] is True


def test_a_truncated_file_and_a_foreign_one_are_named(coco2014, tmp_path):
    path = coco2014 / 'annotations' / 'instances_minival2014.json'
    path.write_bytes(path.read_bytes()[:-200])
    write(coco2014, 'train2014', {'images': [{'name': 'no id'}], 'annotations': [], 'categories': []})
    write(coco2014, 'valminusminival2014', ['a list'])
    message = refused(coco2014, tmp_path / 'coco')
    assert 'minival2014.json: not well-formed JSON, most likely cut off in a download' in message
    assert "train2014.json: not COCO's instances format: KeyError 'id'" in message
    assert "valminusminival2014.json: not COCO's instances format: TypeError" in message


def test_an_image_in_training_and_minival_is_named(coco2014, tmp_path):
    train, minival = read(coco2014, 'valminusminival2014'), read(coco2014, 'minival2014')
    shared = minival['images'][0]
    train['images'].append(shared | {'id': 999})  # the same file under another id
    minival['images'][1]['id'] = train['images'][0]['id']  # another file under the same id
    minival['annotations'] = []
    write(coco2014, 'valminusminival2014', train)
    write(coco2014, 'minival2014', minival)
    message = refused(coco2014, tmp_path / 'coco')
    pair = 'instances_valminusminival2014.json and instances_minival2014.json'
    assert f'{pair} share 1 image ids: {train["images"][0]["id"]}' in message
    assert f'{pair} share 1 image files: {shared["file_name"]}' in message


def test_images_that_are_not_there_are_counted_and_named(coco2014, tmp_path):
    gone = sorted((coco2014 / 'val2014').iterdir())[:5]
    for path in gone:
        path.unlink()
    message = refused(coco2014, tmp_path / 'coco')
    assert f'{coco2014}/val2014: 5 of the images listed are not there: {gone[0].name}, {gone[1].name}' in message
    assert gone[3].name not in message


def test_doubled_and_stray_entries_are_named(coco2014, tmp_path):
    train, minival = read(coco2014, 'train2014'), read(coco2014, 'minival2014')
    train['images'].append(train['images'][0])
    minival['annotations'][0]['image_id'] = 4711
    write(coco2014, 'train2014', train)
    write(coco2014, 'minival2014', minival)
    message = refused(coco2014, tmp_path / 'coco')
    assert 'instances_train2014.json: lists an image more than once' in message
    assert 'instances_minival2014.json: its annotations name images that it does not list: 4711' in message


def test_differing_categories_and_empty_files_are_named(coco2014, tmp_path):
    train, minival = read(coco2014, 'train2014'), read(coco2014, 'minival2014')
    train['categories'][0]['name'] = 'nought'
    minival['images'], minival['annotations'] = [], []
    write(coco2014, 'train2014', train)
    write(coco2014, 'minival2014', minival)
    message = refused(coco2014, tmp_path / 'coco')
    assert 'instances_train2014.json and instances_minival2014.json differ in their categories' in message
    assert 'instances_minival2014.json: lists 0 images' in message


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError('no links here')])
@pytest.mark.usefixtures('small_counts')
def test_an_interrupted_build_leaves_nothing(coco2017, tmp_path, monkeypatch, error):
    before = state(tmp_path)
    fill = coco.fill

    def fill_then_fail(*arguments):
        fill(*arguments)
        raise error

    monkeypatch.setattr(coco, 'fill', fill_then_fail)
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        make_coco(coco2017, tmp_path / 'data' / 'coco')
    assert state(tmp_path) == before


def test_a_manifest_that_cannot_be_written_leaves_nothing(coco2017, monkeypatch):
    before = state(coco2017)

    def fail(*_):
        raise OSError('disk full')

    monkeypatch.setattr(whole_file.os, 'replace', fail)
    with pytest.raises(DataError, match=r'minival_protocol\.json could not be written: disk full'):
        make_coco(coco2017, coco2017, SUBSET)
    assert state(coco2017) == before


def test_check_writes_nothing_and_holds_to_the_manifest(coco2014, tmp_path):
    with pytest.raises(DataError, match='the protocol has 82,783'):
        check_coco(coco2014)
    before = listing(coco2014)
    assert 'verified' in check_coco(coco2014, SUBSET)
    assert listing(coco2014) == before
    out = tmp_path / 'coco'
    make_coco(coco2014, out, SUBSET)
    assert 'SUBSET' in check_coco(out)  # built as one, it may stay one
    document = read(coco2014, 'minival2014')
    document['info']['version'] = '2'
    write(coco2014, 'minival2014', document)
    with pytest.raises(DataError, match=f'no longer those that {MANIFEST} names'):
        check_coco(out)
    shutil.rmtree(coco2014)
    with pytest.raises(DataError, match='train2014 '):
        check_coco(out)
