import csv
import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmpretrain.datasets import ImageNet as FolderImageNet
from PIL import Image

from senet_mm.data.errors import DataError
from senet_mm.data.files import whole_file
from senet_mm.data.imagenet import labels as imagenet_labels
from senet_mm.data.imagenet import preparation as imagenet
from senet_mm.data.imagenet.layout import ARCHIVES, CMYK, FACTS, FIRST_LABELS, PNG, read_synsets
from senet_mm.data.imagenet.preparation import MANIFEST, check_imagenet, find_source, make_imagenet
from senet_mm.data.images import preparation as image_preparation
from senet_mm.data.images.datasets import ImageNet
from senet_mm.data.images.preparation import Options
from senet_mm.data.images.tree import read_list
from tests.data.archives import facts_of, kit_files, remote, tar_of, write_imagenet_archives
from tests.data.small import listing

TRAIN, VAL, KIT = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar', 'ILSVRC2012_devkit_t12.tar.gz'


@pytest.fixture
def archives(demo, tmp_path):
    return write_imagenet_archives(demo, tmp_path / 'archives')


@pytest.fixture
def whole(monkeypatch, demo, archives):
    """As if ImageNet had the few images of the demo, and its archives were these."""
    monkeypatch.setattr(imagenet, 'read_synsets', lambda: {f'n{label:08d}': '' for label in range(10)})
    for split in ('train', 'val'):
        monkeypatch.setitem(FACTS, split, facts_of(read_list(demo / 'imagenet' / 'meta' / f'{split}.txt')))
    for name, archive in {'train': TRAIN, 'val': VAL, 'labels': KIT}.items():
        monkeypatch.setitem(ARCHIVES, name, remote(archives / archive))
    labels = [label for _, label in read_list(demo / 'imagenet' / 'meta' / 'val.txt')]
    monkeypatch.setattr(imagenet_labels, 'FIRST_LABELS', tuple(labels[:10]))


@pytest.fixture
def folder(demo, tmp_path):
    """What archives hold, unpacked by hand; a test may damage it."""
    out = tmp_path / 'unpacked'
    for name in ('train', 'val', 'meta'):
        shutil.copytree(demo / 'imagenet' / name, out / name)
    return out


def samples(dataset, root):
    """File below the root → label and content."""
    found = [dataset.get_data_info(index) for index in range(len(dataset))]
    return {
        one['img_path'].removeprefix(f'{root}/'): (int(one['gt_label']), Path(one['img_path']).read_bytes())
        for one in found
    }


def refused(source, out, options=None):
    with pytest.raises(DataError) as caught:
        make_imagenet(source, out, options)
    assert not out.exists()
    return str(caught.value)


def test_published_numbers():
    assert [FACTS[split].images for split in ('train', 'val')] == [1_281_167, 50_000]
    assert FACTS['val'].images == FACTS['val'].per_class[0] * FACTS['val'].classes
    assert len(CMYK) == 23
    assert len(PNG) == 1
    assert len(FIRST_LABELS) == len(set(FIRST_LABELS)) == 10


def test_classes_are_those_that_timm_and_mmpretrain_know():
    import timm
    from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

    synsets = read_synsets()
    assert list(synsets) == (Path(timm.__file__).parent / 'data' / '_info' / 'imagenet_synsets.txt').read_text().split()
    assert list(synsets) == sorted(synsets)
    assert len(synsets) == 1000
    differing = [names for names, theirs in zip(synsets.values(), IMAGENET_CATEGORIES, strict=True) if names != theirs]
    assert [names.split(',')[0] for names in differing] == ['American black bear', 'confectionery']  # slips of theirs


def test_checksums_are_those_by_which_torchvision_knows_the_archives():
    from torchvision.datasets.imagenet import ARCHIVE_META

    known = {archive: f'md5:{md5}' for archive, md5 in ARCHIVE_META.values()}
    assert {one.url.rpartition('/')[2]: one.checksum for one in ARCHIVES.values()} == known


@pytest.mark.usefixtures('whole')
def test_archives_become_what_the_configs_read(demo, archives, tmp_path):
    out = tmp_path / 'data' / 'imagenet'
    message = make_imagenet(archives, out)
    assert message == f'{out}: ImageNet, 30 train and 20 val images of 10 classes; all read.'
    assert sorted(path.name for path in out.iterdir()) == [MANIFEST, 'meta', 'train', 'val']
    for split in ('train', 'val'):
        original = FolderImageNet(data_root=str(demo / 'imagenet'), split=split)
        assert samples(ImageNet(data_root=str(out), split=split), out) == samples(original, demo / 'imagenet')
    manifest = json.loads((out / MANIFEST).read_text())
    assert (manifest['images'], manifest['classes'], manifest['subset']) == ({'train': 30, 'val': 20}, 10, False)


@pytest.mark.usefixtures('whole')
def test_training_order_is_that_of_walking_the_folders(archives, tmp_path):
    make_imagenet(archives, tmp_path / 'out')
    walked = FolderImageNet(data_root=str(tmp_path / 'out'), data_prefix='train', metainfo={'classes': range(10)})
    listed = ImageNet(data_root=str(tmp_path / 'out'), split='train')
    for index in range(30):
        assert walked.get_data_info(index) == listed.get_data_info(index)


@pytest.mark.usefixtures('whole')
def test_a_second_run_finds_it_and_another_source_is_not_mixed_in(archives, folder, tmp_path):
    out = tmp_path / 'out'
    make_imagenet(archives, out)
    before = listing(out)
    assert 'already there: ImageNet, 30 train' in make_imagenet(archives, out)
    with pytest.raises(DataError, match=r'it is left as it is\. It holds ImageNet, made from other files'):
        make_imagenet(folder, out)
    assert listing(out) == before


def test_a_strangers_folder_is_refused(archives, tmp_path):
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'chapter1.txt').write_text('years of work')
    with pytest.raises(DataError, match='not empty and not what would be built'):
        make_imagenet(archives, tmp_path / 'thesis')
    assert listing(tmp_path / 'thesis') == ['chapter1.txt']


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (OSError(errno.ENOSPC, 'No space left on device'), '.JPEG could not be written: No space left on device'),
        (KeyboardInterrupt(), 'Interrupted. What was done is kept in'),
    ],
)
@pytest.mark.usefixtures('whole')
def test_an_interrupted_unpacking_goes_on_where_it_stopped(archives, tmp_path, monkeypatch, capsys, error, message):
    out, part = tmp_path / 'imagenet', tmp_path / '.imagenet.part'
    written = []

    def replace(source, target):
        if len(written) == 12:
            raise error
        Path(source).rename(target)
        if target.suffix == '.JPEG':
            written.append(target)

    with monkeypatch.context() as patch:
        patch.setattr(whole_file.os, 'replace', replace)
        with pytest.raises((DataError, KeyboardInterrupt)) as caught:
            make_imagenet(archives, out, Options(workers=1))
    said = str(caught.value) + capsys.readouterr().err
    assert message in said
    assert f'kept in {part}: run the same command again to go on from there; delete it to give up, ' in said
    assert not out.exists()
    assert len([name for name in listing(part) if name.endswith('.JPEG')]) == 12

    before = {path.name: path.stat().st_mtime_ns for path in part.rglob('*.JPEG')}
    monkeypatch.setattr(image_preparation, 'require_same', lambda *_: pytest.fail('its checksum was verified before'))
    assert 'all read' in make_imagenet(archives, out)
    after = {path.name: path.stat().st_mtime_ns for path in out.rglob('*.JPEG')}
    assert len(after) == 50
    assert before.items() <= after.items()
    assert not part.exists()
    assert not [name for name in listing(out) if name.startswith('.')]


@pytest.mark.usefixtures('whole')
def test_beginnings_from_another_archive_are_not_mixed_in(archives, tmp_path, monkeypatch):
    monkeypatch.setattr(image_preparation, 'scan_images', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make_imagenet(archives, tmp_path / 'out')
    shutil.copy(archives / VAL, archives / TRAIN)
    message = refused(archives, tmp_path / 'out', Options(subset=True))
    assert 'from something else (its train differ); the two are not mixed' in message
    assert 'Finish it with the command it was begun with, or delete it.' in message


@pytest.mark.usefixtures('whole')
def test_a_cut_off_archive_is_named_before_anything_is_written(archives, tmp_path):
    path = archives / TRAIN
    path.write_bytes(path.read_bytes()[:-70_000])
    message = refused(archives, tmp_path / 'out')
    assert f'{path} is not https://example.org/{TRAIN}: {path.stat().st_size:,} bytes, where' in message
    assert 'kept' not in message
    assert listing(tmp_path / 'archives') == sorted([KIT, TRAIN, VAL])
    assert not (tmp_path / '.out.part').exists()


@pytest.mark.usefixtures('whole')
def test_an_archive_that_was_cut_off_may_be_fetched_again(archives, tmp_path, monkeypatch):
    """The others were verified before; nothing was unpacked yet, so nothing can be mixed."""
    whole = (archives / VAL).read_bytes()
    (archives / VAL).write_bytes(whole[:-70])
    assert f'{VAL}: {len(whole) - 70:,} bytes, where' in refused(archives, tmp_path / 'out')
    (archives / VAL).write_bytes(whole)
    verified = []
    monkeypatch.setattr(image_preparation, 'require_same', lambda path, _: verified.append(path.name))
    assert 'all read' in make_imagenet(archives, tmp_path / 'out')
    assert verified == [VAL, KIT]


@pytest.mark.usefixtures('whole')
def test_an_altered_archive_is_named(archives, tmp_path):
    content = bytearray((archives / VAL).read_bytes())
    content[2000] ^= 1
    (archives / VAL).write_bytes(content)
    assert f'{VAL}: md5 ' in refused(archives, tmp_path / 'out')


def test_a_cut_off_archive_that_is_no_official_one_is_named(archives, tmp_path):
    path = archives / TRAIN
    path.write_bytes(path.read_bytes()[:30_000])
    message = refused(archives, tmp_path / 'out', Options(subset=True))
    assert f'{path} is cut off or damaged' in message
    assert 'Fetch it again; what it gave so far is whole.' in message
    images = [tmp_path / '.out.part' / name for name in listing(tmp_path / '.out.part') if name.endswith('.JPEG')]
    for image in images:
        Image.open(image).load()  # whole


@pytest.mark.usefixtures('whole')
def test_everything_missing_is_said_at_once_with_where_to_get_it(tmp_path):
    (tmp_path / 'empty').mkdir()
    message = refused(tmp_path / 'empty', tmp_path / 'out')
    for text in (
        TRAIN,
        VAL,
        KIT,
        'LOC_val_solution.csv',
        'https://image-net.org/download-images',
        'are dead',
        'kaggle',
    ):
        assert text in message
    assert 'is not a folder' in refused(tmp_path / 'nowhere', tmp_path / 'out')


@pytest.mark.usefixtures('whole')
def test_images_that_cannot_be_read_are_listed(archives, folder, tmp_path):
    broken = sorted((folder / 'train').rglob('*.JPEG'))[:2]
    broken[0].write_bytes(broken[0].read_bytes()[:-300])
    broken[1].write_text('<html>404</html>')
    message = refused(folder, tmp_path / 'out')
    assert '2 images cannot be read. Put whole copies in their places and run this again;' in message
    for path in broken:
        assert f'\n  {path}: ' in message  # not by the link to it, which is gone
    assert 'image file is truncated' in message
    assert 'cannot identify image file' in message
    assert 'not read' in make_imagenet(folder, tmp_path / 'out', Options(scan=False))


@pytest.mark.usefixtures('whole')
def test_an_image_that_the_disk_has_spoilt_is_unpacked_anew_once_deleted(archives, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(image_preparation, 'scan_images', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_imagenet(archives, tmp_path / 'out')
    spoilt = next((tmp_path / '.out.part' / 'train').rglob('*.JPEG'))
    content = spoilt.read_bytes()
    spoilt.write_bytes(bytes(len(content)))
    message = refused(archives, tmp_path / 'out')
    assert f'\n  {spoilt}: cannot identify image file' in message
    assert 'unpacked anew if you delete it' in message
    spoilt.unlink()
    make_imagenet(archives, tmp_path / 'out')
    assert (tmp_path / 'out' / spoilt.relative_to(tmp_path / '.out.part')).read_bytes() == content


@pytest.mark.usefixtures('whole')
def test_a_missing_class_and_wrong_counts_are_named(archives, tmp_path, demo):
    folders = sorted((demo / 'imagenet' / 'train').iterdir())
    inner = {f'{one.name}.tar': tar_of({p.name: p.read_bytes() for p in one.iterdir()}) for one in folders}
    del inner['n00000003.tar']
    inner['n00000005.tar'] = tar_of({'n00000005_6.JPEG': (folders[5] / 'n00000005_6.JPEG').read_bytes()})
    (archives / TRAIN).write_bytes(tar_of(inner))
    ARCHIVES['train'] = remote(archives / TRAIN)
    message = refused(archives, tmp_path / 'out')
    assert '1 of 10 classes are missing: n00000003 (0); --subset accepts' in message
    assert '25 images, where 30 are published' in message
    assert '1 classes have fewer than 3 or more than 3 images: n00000005 (1)' in message
    assert (
        '2 classes have other numbers of images than published: n00000003 has 0 of 3, n00000005 has 1 of 3' in message
    )
    done = make_imagenet(archives, tmp_path / 'out', Options(subset=True))
    assert 'a SUBSET of ImageNet, 25 train and 20 val images of 10 classes' in done


@pytest.mark.usefixtures('whole')
def test_labels_in_another_numbering_are_refused(folder, tmp_path):
    path = folder / 'meta' / 'val.txt'
    path.write_text(''.join(f'{file} {9 - label}\n' for file, label in read_list(path)))
    message = refused(folder, tmp_path / 'out')
    assert f'{path}: the first validation images have the labels (9, 8, 7' in message
    assert f'Give {KIT} instead.' in message


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('ILSVRC2012_val_00000001.JPEG\n', "line 1: 'ILSVRC2012_val_00000001.JPEG', where 'FILE LABEL' is expected"),
        ('cat.jpg 3\n', 'cat.jpg is no name of an ImageNet validation image'),
        ('ILSVRC2012_val_00000001.JPEG 0\n', 'has no label for 19 of the images in val'),
        ('\xff\xfe', 'where .FILE LABEL. is expected'),
    ],
)
def test_a_wrong_list_of_labels_is_named(folder, tmp_path, text, message):
    (folder / 'meta' / 'val.txt').write_text(text)
    with pytest.raises(DataError, match=message):
        make_imagenet(folder, tmp_path / 'out', Options(subset=True))
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('damage', [lambda kit: kit[:200], lambda kit: b'<html>log in</html>', lambda kit: b''])
def test_a_damaged_kit_is_named(archives, tmp_path, damage):
    kit = archives / KIT
    kit.write_bytes(damage(kit.read_bytes()))
    message = refused(archives, tmp_path / 'out', Options(subset=True))
    assert f'{kit} is not the development kit of ILSVRC 2012, or damaged' in message


def test_labels_beyond_the_classes_of_train_are_refused(folder, tmp_path):
    shutil.rmtree(folder / 'train' / 'n00000009')
    message = refused(folder, tmp_path / 'out', Options(subset=True))
    assert 'has labels up to 9,' in message
    assert 'has 9 class folders' in message


@pytest.mark.usefixtures('whole')
def test_without_the_kit_a_missing_class_and_a_strange_one_are_named(folder, tmp_path):
    """By WordNet's ids; a set with folders of other names would get labels in another order."""
    shutil.rmtree(folder / 'train' / 'n00000003')
    message = refused(folder, tmp_path / 'out')
    assert f'{folder}/train: 1 of 10 classes are missing: n00000003 (0)' in message
    assert '27 images, where 30 are published' in message
    (folder / 'train' / 'n00000004').rename(folder / 'train' / 'goldfish')
    assert f'{folder}/train has folders that are no class of ImageNet: goldfish' in refused(folder, tmp_path / 'out')
    assert not list(tmp_path.glob('.out.*[!k]'))  # nothing but the lock


def test_some_of_imagenets_classes_keep_their_labels(folder, tmp_path):
    shutil.rmtree(folder / 'meta')
    for old, wnid in {'n00000000': 'n01443537', 'n00000001': 'n15075141'}.items():
        (folder / 'train' / old).rename(folder / 'train' / wnid)
    for path in (folder / 'train').glob('n0000000*'):
        shutil.rmtree(path)
    for path in (folder / 'val').iterdir():
        path.unlink()
    shutil.copytree(folder / 'train', folder / 'val', dirs_exist_ok=True)
    for number, path in enumerate(sorted((folder / 'val').rglob('*.JPEG'))):
        path.rename(path.with_name(f'ILSVRC2012_val_{number:08d}.JPEG'))
    make_imagenet(folder, tmp_path / 'out', Options(subset=True))
    for split in ('train', 'val'):
        found = {file.partition('/')[0]: label for file, label in read_list(tmp_path / 'out' / 'meta' / f'{split}.txt')}
        assert found == {'n01443537': 1, 'n15075141': 999}  # goldfish and toilet tissue


def test_a_training_set_that_was_unpacked_half_is_named(archives, tmp_path):
    """The archive holds an archive for each class."""
    source = tmp_path / 'half'
    shutil.unpack_archive(archives / TRAIN, source / 'train')
    shutil.unpack_archive(archives / VAL, source / 'val')
    shutil.copy(archives / KIT, source)
    message = refused(source, tmp_path / 'out', Options(subset=True))
    assert f'{source}/train has .tar files in the place of class folders: unpack each into a folder' in message
    assert listing(source / 'train') == [f'n{label:08d}.tar' for label in range(10)]


@pytest.mark.usefixtures('whole')
def test_folders_are_linked_and_left_alone(folder, tmp_path):
    before = listing(folder)
    make_imagenet(folder, tmp_path / 'out')
    assert listing(folder) == before
    for split in ('train', 'val'):
        assert (tmp_path / 'out' / split).resolve() == folder / split
    assert (tmp_path / 'out' / 'meta' / 'val.txt').read_text() == (folder / 'meta' / 'val.txt').read_text()
    assert 'already there' in make_imagenet(folder, tmp_path / 'out')


@pytest.mark.usefixtures('whole')
def test_in_place_only_lists_and_manifest_are_written(folder):
    (folder / 'meta' / 'train.txt').unlink()
    labels = folder / 'meta' / 'val.txt'
    labels.write_text('\n'.join(reversed(labels.read_text().splitlines())) + '\n')
    before, text = listing(folder), labels.read_text()
    make_imagenet(folder, folder)
    assert listing(folder) == sorted([*before, MANIFEST, 'meta/train.txt'])
    assert labels.read_text() == text
    assert 'verified' in check_imagenet(folder)
    assert 'already there' in make_imagenet(folder, folder)


@pytest.mark.usefixtures('whole')
def test_kaggles_tree_and_the_unpacked_kit_give_the_same(demo, folder, tmp_path):
    kaggle = tmp_path / 'kaggle'
    (kaggle / 'ILSVRC' / 'Data').mkdir(parents=True)
    (folder / 'meta').rename(tmp_path / 'meta')
    folder.rename(kaggle / 'ILSVRC' / 'Data' / 'CLS-LOC')
    lines = read_list(tmp_path / 'meta' / 'val.txt')
    with (kaggle / 'LOC_val_solution.csv').open('w', newline='') as stream:
        table = csv.writer(stream)
        table.writerow(['ImageId', 'PredictionString'])
        for file, label in reversed(lines):
            table.writerow([file.removesuffix('.JPEG'), f'n{label:08d} 85 1 499 272 n{label:08d} 1 2 3 4 '])
    make_imagenet(kaggle, tmp_path / 'from_kaggle')
    (kaggle / 'LOC_val_solution.csv').unlink()
    for name, content in kit_files(demo / 'imagenet').items():
        (kaggle / name).parent.mkdir(parents=True, exist_ok=True)
        (kaggle / name).write_bytes(content)
    make_imagenet(kaggle, tmp_path / 'from_kit')
    for split in ('train', 'val'):
        wanted = sorted((tmp_path / 'meta' / f'{split}.txt').read_text().splitlines())
        for out in ('from_kaggle', 'from_kit'):
            assert sorted((tmp_path / out / 'meta' / f'{split}.txt').read_text().splitlines()) == wanted


@pytest.mark.usefixtures('whole')
def test_val_in_class_folders_needs_no_labels_and_keeps_the_order(folder, tmp_path):
    lines = read_list(folder / 'meta' / 'val.txt')
    for file, label in lines:
        (folder / 'val' / f'n{label:08d}').mkdir(exist_ok=True)
        (folder / 'val' / file).rename(folder / 'val' / f'n{label:08d}' / file)
    shutil.rmtree(folder / 'meta')
    assert find_source(folder).labels is None
    make_imagenet(folder, tmp_path / 'out')
    assert read_list(tmp_path / 'out' / 'meta' / 'val.txt') == [
        (f'n{label:08d}/{file}', label) for file, label in lines
    ]


@pytest.mark.usefixtures('whole')
def test_check_writes_nothing_and_names_what_changed(archives, tmp_path):
    out = tmp_path / 'out'
    make_imagenet(archives, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    assert check_imagenet(out) == f'{out}: ImageNet, 30 train and 20 val images of 10 classes; verified.'
    assert check_imagenet(out, Options(scan=False)).endswith('verified, images not read.')
    assert {path: path.stat().st_mtime_ns for path in out.rglob('*')} == before
    first, second = sorted((out / 'train' / 'n00000000').iterdir())[:2]
    first.unlink()
    with (out / 'meta' / 'val.txt').open('a') as stream:
        stream.write('ILSVRC2012_val_00000001.JPEG 0\n')
    with pytest.raises(DataError) as caught:
        check_imagenet(out)
    for text in (
        'meta/val.txt is no longer the one that imagenet.json names',
        f'1 of the images listed are not there: n00000000/{first.name}',
        '1 images are listed more than once: ILSVRC2012_val_00000001.JPEG',
    ):
        assert text in str(caught.value)
    with pytest.raises(DataError, match=r'holds no imagenet\.json'):
        check_imagenet(tmp_path)
    assert second.exists()


def colours():
    """A picture (40,60,3) of plain colours, which neither JPEG nor CMYK changes by much."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:20, :30], picture[:20, 30:] = (200, 30, 40), (30, 180, 60)
    picture[20:, :30], picture[20:, 30:] = (40, 50, 190), (230, 220, 210)
    return picture


@pytest.mark.parametrize(('kind', 'mode'), [('JPEG', 'RGB'), ('JPEG', 'CMYK'), ('PNG', 'RGB'), ('JPEG', 'L')])
@pytest.mark.usefixtures('whole')
def test_images_that_are_not_what_they_are_called_are_read_as_rgb(folder, tmp_path, monkeypatch, kind, mode):
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    init_default_scope('mmpretrain')
    path = folder / 'train' / 'n00000002' / 'n00000002_3.JPEG'
    assert path.exists()
    Image.fromarray(colours()).convert(mode).save(path, format=kind, quality=95)
    message = make_imagenet(folder, tmp_path / 'out')
    odd = (kind, mode) in [('JPEG', 'CMYK'), ('PNG', 'RGB')]
    assert (f' (as RGB, too, 1 {mode} {kind})' in message) == odd
    assert ("Not known of ImageNet's: train/n00000002/n00000002_3.JPEG (" in message) == odd
    monkeypatch.setattr(imagenet, 'PNG', {path.name})  # as if it were one of those that are known
    assert 'Not known' not in make_imagenet(folder, tmp_path / 'again')
    load = Config.fromfile('configs/resnet50_imagenet.py').train_dataloader.dataset.pipeline[0]
    dataset = ImageNet(data_root=str(tmp_path / 'out'), split='train', pipeline=[load])
    (image,) = [sample['img'] for sample in dataset if sample['img_path'].endswith(path.name)]
    wanted = colours() if mode != 'L' else np.asarray(Image.fromarray(colours()).convert('L').convert('RGB'))
    assert np.abs(image[:, :, ::-1].astype(int) - wanted).mean() < 4  # OpenMMLab's order is blue, green, red
