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
from senet_mm.data.imagenet import preparation as imagenet
from senet_mm.data.imagenet.layout import ARCHIVES
from senet_mm.data.imagenet.preparation import MANIFEST, check_imagenet, make_imagenet
from senet_mm.data.images import preparation as image_preparation
from senet_mm.data.images.datasets import ImageNet
from senet_mm.data.images.preparation import Options
from tests.data.archives import remote, tar_of
from tests.data.imagenet.sources import KIT, TRAIN, VAL, refused
from tests.data.small import listing


def samples(dataset, root):
    """File below the root → label and content."""
    found = [dataset.get_data_info(index) for index in range(len(dataset))]
    return {
        one['img_path'].removeprefix(f'{root}/'): (int(one['gt_label']), Path(one['img_path']).read_bytes())
        for one in found
    }


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
