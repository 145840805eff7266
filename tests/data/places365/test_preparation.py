import json
import shutil
from pathlib import Path

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.files.download import digest
from senet_mm.data.images.datasets import Places365
from senet_mm.data.images.preparation import Options
from senet_mm.data.images.tree import read_list
from senet_mm.data.places365 import preparation as places365
from senet_mm.data.places365.layout import (
    _ARCHIVES,
    CATEGORIES,
    CATEGORIES_MD5,
    FACTS,
    LIST_MD5,
    SIZES,
    VARIANTS,
    Edition,
    official,
    read_categories,
    read_class_names,
)
from senet_mm.data.places365.preparation import MANIFEST, check_places365, make_places365
from tests.data.archives import facts_of, remote, tar_of, write_places_archives
from tests.data.small import listing

CHALLENGE = Edition('challenge', '256')
STANDARD = Edition('standard', '256')


@pytest.fixture
def archives(demo, tmp_path):
    return write_places_archives(demo, tmp_path / 'archives')


@pytest.fixture
def whole(monkeypatch, demo, archives):
    """As if Places365-Challenge had the few images of the demo, and its archives were these."""
    facts = {split: facts_of(read_list(demo / 'places365' / 'meta' / f'{split}.txt')) for split in ('train', 'val')}
    monkeypatch.setitem(FACTS, 'challenge', facts)
    monkeypatch.setattr(places365, 'official', lambda name: remote(archives / name))


def refused(source, out, edition=CHALLENGE, options=None):
    with pytest.raises(DataError) as caught:
        make_places365(source, out, edition, options)
    assert not out.exists()
    return str(caught.value)


def test_class_names_are_the_official_files():
    assert digest(CATEGORIES, 'md5') == CATEGORIES_MD5
    names = read_class_names()
    assert len(names) == len(set(names)) == 365
    assert (names[0], names[8], names[364]) == ('airfield', 'apartment_building/outdoor', 'zen_garden')
    assert sorted(read_categories().values()) == list(range(365))
    assert Places365.METAINFO['classes'] == names


def test_checksums_are_those_by_which_torchvision_knows_the_files():
    from torchvision.datasets import Places365 as Torchvision

    known = dict([*Torchvision._DEVKIT_META.values(), *Torchvision._IMAGES_META.values()])
    known |= dict([*Torchvision._FILE_LIST_META.values(), Torchvision._CATEGORIES_META])
    for variant in VARIANTS:
        for size in SIZES:
            for name in Edition(variant, size).archives.values():
                assert official(name).checksum == f'md5:{known[name]}'
    assert {name: known[name] for name in LIST_MD5} == LIST_MD5
    assert known['categories_places365.txt'] == CATEGORIES_MD5
    assert {size % 512 for size, _ in _ARCHIVES.values()} == {0}  # a tar's blocks


def test_published_numbers():
    assert [FACTS[variant]['train'].images for variant in VARIANTS] == [8_026_628, 1_803_460]
    assert FACTS['standard']['val'].images == 365 * 100


@pytest.mark.usefixtures('whole')
def test_archives_become_what_the_configs_read(demo, archives, tmp_path):
    out = tmp_path / 'data' / 'places365'
    message = make_places365(archives, out, CHALLENGE)
    assert message == f'{out}: Places365-Challenge, 256×256, 30 train and 20 val images of 10 classes; all read.'
    assert sorted(path.name for path in out.iterdir()) == ['meta', MANIFEST, 'train', 'val']
    assert (json.loads((out / MANIFEST).read_text())['variant']) == 'challenge'
    for split in ('train', 'val'):
        lines = read_list(demo / 'places365' / 'meta' / f'{split}.txt')
        dataset = Places365(data_root=str(out), split=split)
        found = [dataset.get_data_info(index) for index in range(len(dataset))]
        assert [one['gt_label'] for one in found] == [label for _, label in lines]
        for one, (file, _) in zip(found, lines, strict=True):
            assert one['img_path'] == f'{out}/{split}/{file}'
            original = demo / 'places365' / split / file
            assert Path(one['img_path']).read_bytes() == original.read_bytes()
    assert 'already there' in make_places365(archives, out, CHALLENGE)
    assert check_places365(out).endswith('of 10 classes; verified.')


@pytest.mark.parametrize('folder', ['data_256', 'data_256_challenge'])
@pytest.mark.usefixtures('whole')
def test_what_is_unpacked_is_linked(archives, tmp_path, monkeypatch, folder):
    unpacked = tmp_path / 'unpacked'
    for archive in archives.iterdir():
        shutil.unpack_archive(archive, unpacked)
    (unpacked / 'data_256').rename(unpacked / folder)
    for name in CHALLENGE.lists.values():
        monkeypatch.setitem(LIST_MD5, name, digest(unpacked / name, 'md5'))
    make_places365(archives, tmp_path / 'from_archives', CHALLENGE)
    make_places365(unpacked, tmp_path / 'linked', CHALLENGE)
    assert (tmp_path / 'linked' / 'train').resolve() == unpacked / folder
    for split in ('train', 'val'):
        lists = [(tmp_path / out / 'meta' / f'{split}.txt').read_text() for out in ('from_archives', 'linked')]
        assert lists[0] == lists[1]
    with (unpacked / 'places365_val.txt').open('a') as stream:
        stream.write('Places365_val_00000001.jpg 0\n')
    message = refused(unpacked, tmp_path / 'again')
    assert f'{unpacked}/places365_val.txt is not the official list (md5 ' in message


def test_full_size_and_standard_have_names_of_their_own(demo, tmp_path):
    source = write_places_archives(demo, tmp_path / 'large', 'standard', 'large')
    message = make_places365(source, tmp_path / 'out', Edition('standard', 'large'), Options(subset=True))
    assert 'a SUBSET of Places365-Standard, full size, 30 train and 20 val images' in message
    assert 'It holds parts of Places365-Standard, full size: see --variant and --size.' in refused(
        source, tmp_path / 'other'
    )


def test_another_edition_is_not_mixed_in(demo, archives, tmp_path):
    subset = Options(subset=True)
    make_places365(archives, tmp_path / 'out', CHALLENGE, subset)
    before = listing(tmp_path / 'out')
    standard = write_places_archives(demo, tmp_path / 'standard', 'standard')
    with pytest.raises(
        DataError, match=r'it is left as it is\. It holds Places365-Challenge, 256×256, made from other'
    ):
        make_places365(standard, tmp_path / 'out', STANDARD, subset)
    assert listing(tmp_path / 'out') == before


@pytest.mark.parametrize('packed', [True, False])
def test_the_easy_format_serves(demo, tmp_path, monkeypatch, packed):
    names = [f'{name[0]}/{name}' for name in ('airfield', 'arena/hockey')]
    monkeypatch.setattr(places365, 'read_categories', lambda: {f'/{name}': label for label, name in enumerate(names)})
    lines = [line for line in read_list(demo / 'places365' / 'meta' / 'train.txt') if line[1] < 2]
    easy, files = ('airfield', 'arena-hockey'), {}
    for file, label in lines:
        content = (demo / 'places365' / 'train' / file).read_bytes()
        name = file.rpartition('/')[2]
        files |= {f'places365_standard/{split}/{easy[label]}/{name}': content for split in ('train', 'val')}
    (tmp_path / 'source').mkdir()
    archive = tmp_path / 'source' / 'places365standard_easyformat.tar'
    archive.write_bytes(tar_of(files))
    if not packed:
        shutil.unpack_archive(archive, tmp_path / 'source')
        archive.unlink()
    make_places365(tmp_path / 'source', tmp_path / 'out', STANDARD, Options(subset=True))
    found = read_list(tmp_path / 'out' / 'meta' / 'train.txt')
    assert sorted(found) == sorted((f'{easy[label]}/{file.rpartition("/")[2]}', label) for file, label in lines)
    assert (tmp_path / 'out' / 'train').is_symlink() != packed


@pytest.mark.usefixtures('whole')
def test_what_it_has_built_serves_as_a_source_too(archives, tmp_path, monkeypatch):
    built, linked = tmp_path / 'built', tmp_path / 'linked'
    make_places365(archives, built, CHALLENGE)
    message = make_places365(built, linked, CHALLENGE)
    assert message == f'{linked}: Places365-Challenge, 256×256, 30 train and 20 val images of 10 classes; all read.'
    for split in ('train', 'val'):
        assert (linked / split).resolve() == built / split
        assert (linked / 'meta' / f'{split}.txt').read_text() == (built / 'meta' / f'{split}.txt').read_text()
    assert 'already there' in make_places365(built, linked, CHALLENGE)
    monkeypatch.setattr(places365, 'official', official)
    for other in (STANDARD, Edition('challenge', 'large')):
        message = refused(built, tmp_path / 'other', other, Options(subset=True))
        assert f'holds no whole {other.title}. It holds parts of Places365-Challenge, 256×256: see --var' in message
    next((built / 'val').iterdir()).unlink()
    assert f'{built}/val: 1 of the images listed are not there' in refused(built, tmp_path / 'again')


@pytest.mark.parametrize('edition', [CHALLENGE, STANDARD])
def test_the_demos_is_a_subset_of_either_variant(demo, tmp_path, edition):
    source = demo / 'places365'
    message = make_places365(source, tmp_path / 'out', edition, Options(subset=True))
    assert f'a SUBSET of {edition.title}, 30 train and 20 val images of 10 classes' in message
    assert (tmp_path / 'out' / 'train').resolve() == source / 'train'
    assert read_list(tmp_path / 'out' / 'meta' / 'val.txt') == read_list(source / 'meta' / 'val.txt')
    assert '; --subset accepts a cut-down set' in refused(source, tmp_path / 'whole', edition)


def test_everything_missing_is_said_at_once_with_where_to_get_it(tmp_path):
    (tmp_path / 'empty').mkdir()
    message = refused(tmp_path / 'empty', tmp_path / 'out', Edition('standard', 'large'))
    for text in (
        'train_large_places365standard.tar, or data_large_standard or data_large/',
        'val_large.tar, or val_large/',
        'places365_train_standard.txt and places365_val.txt',
        '--download fetches them.',
    ):
        assert text in message


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (
            b'/z/zero/00000001.jpg\n',
            "places365_train_challenge.txt, line 1: '/z/zero/00000001.jpg', where 'FILE LABEL'",
        ),
        (b'/z/zero/00000001.jpg 365\n', 'its list has the labels 365; 0 to 9 are allowed'),
        (b'/z/zero/00000099.jpg 0\n', '1 of the images listed are not there: z/zero/00000099.jpg'),
        (b'', 'its list is empty'),
        (None, 'lacks places365_train_challenge.txt'),
    ],
)
@pytest.mark.usefixtures('whole')
def test_a_wrong_list_is_named(archives, tmp_path, demo, lines, message):
    val = (demo / 'places365' / 'meta' / 'val.txt').read_bytes()
    files = {'places365_val.txt': val} | ({} if lines is None else {'places365_train_challenge.txt': lines})
    (archives / 'filelist_places365-challenge.tar').write_bytes(tar_of(files))
    assert message in refused(archives, tmp_path / 'out')


@pytest.mark.usefixtures('whole')
def test_a_missing_class_is_named_as_the_authors_name_it(archives, tmp_path, demo):
    lines = [line for line in read_list(demo / 'places365' / 'meta' / 'train.txt') if line[1] != 3]
    text = ''.join(f'/{file} {label}\n' for file, label in lines).encode()
    val = (demo / 'places365' / 'meta' / 'val.txt').read_bytes()
    content = {'places365_train_challenge.txt': text, 'places365_val.txt': val}
    (archives / 'filelist_places365-challenge.tar').write_bytes(tar_of(content))
    message = refused(archives, tmp_path / 'out')
    assert '1 of 10 classes are missing: alcove (0)' in message
    assert '27 images, where 30 are published' in message


@pytest.mark.usefixtures('whole')
def test_a_list_may_lie_beside_its_archive(archives, tmp_path, monkeypatch, demo):
    train = (demo / 'places365' / 'meta' / 'train.txt').read_bytes()
    (archives / 'filelist_places365-challenge.tar').write_bytes(tar_of({'places365_train_challenge.txt': train}))
    assert 'lacks places365_val.txt; put that file beside it' in refused(archives, tmp_path / 'out')
    shutil.copy(demo / 'places365' / 'meta' / 'val.txt', archives / 'places365_val.txt')
    monkeypatch.setitem(LIST_MD5, 'places365_val.txt', digest(archives / 'places365_val.txt', 'md5'))
    assert 'all read' in make_places365(archives, tmp_path / 'out', CHALLENGE)


def test_a_cut_off_list_archive_is_named(archives, tmp_path):
    path = archives / 'filelist_places365-challenge.tar'
    path.write_bytes(path.read_bytes()[:700])
    assert f'{path} is cut off or damaged' in refused(archives, tmp_path / 'out', options=Options(subset=True))


@pytest.mark.usefixtures('whole')
def test_a_folder_and_an_archive_may_be_mixed_and_resumed(archives, tmp_path, monkeypatch):
    shutil.unpack_archive(archives / 'val_256.tar', archives)
    (archives / 'val_256.tar').unlink()
    with monkeypatch.context() as patch:
        patch.setattr(places365, 'write_list', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_places365(archives, tmp_path / 'out', CHALLENGE)
    assert 'all read' in make_places365(archives, tmp_path / 'out', CHALLENGE)
    assert (tmp_path / 'out' / 'val').resolve() == archives / 'val_256'


def test_archives_that_are_not_there_are_fetched_into_the_source(archives, tmp_path, monkeypatch):
    fetched = []

    def fetch(file, path):
        path.parent.mkdir(exist_ok=True)
        shutil.copy(archives / path.name, path)
        fetched.append(file.url)

    monkeypatch.setattr(places365, 'download', fetch)
    (tmp_path / 'source').mkdir()
    shutil.copy(archives / 'val_256.tar', tmp_path / 'source')
    places365.fetch(CHALLENGE, tmp_path / 'source')
    home = 'https://data.csail.mit.edu/places/places365'
    assert fetched == [f'{home}/train_256_places365challenge.tar', f'{home}/filelist_places365-challenge.tar']
    assert listing(tmp_path / 'source') == listing(archives)


def test_no_such_split():
    with pytest.raises(ValueError, match="split='test' of Places365"):
        Places365(data_root='data', split='test')
