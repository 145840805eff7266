import csv
import shutil

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.imagenet.preparation import find_source, make_imagenet
from senet_mm.data.images.preparation import Options
from senet_mm.data.images.tree import read_list
from tests.data.archives import kit_files
from tests.data.imagenet.sources import KIT, refused


@pytest.mark.usefixtures('whole')
def test_labels_in_another_numbering_are_refused(folder, tmp_path):
    path = folder / 'meta' / 'val.txt'
    path.write_text(''.join(f'{file} {9 - label}\n' for file, label in read_list(path)))
    message = refused(folder, tmp_path / 'out')
    assert f'{path}: the first validation images have the labels (9, 8, 7' in message
    assert message.endswith(f'Give {KIT} instead.')


def test_a_list_of_fewer_classes_may_be_a_cut_down_sets(folder, tmp_path):
    message = refused(folder, tmp_path / 'out')
    hint = 'Or, if this is a cut-down set (it has 10 classes, where 1,000 are published), add --subset.'
    assert message.endswith(f'Give {KIT} instead. {hint}')
    assert 'a SUBSET of ImageNet' in make_imagenet(folder, tmp_path / 'out', Options(subset=True))


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
