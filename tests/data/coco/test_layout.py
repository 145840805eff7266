import pytest

from senet_mm.data.coco.layout import CocoNotFoundError, find_parts


def test_layout_of_2014(coco2014):
    root = str(coco2014)
    assert find_parts(root, 'train') == [
        (f'{root}/annotations/instances_train2014.json', f'{root}/train2014'),
        (f'{root}/annotations/instances_valminusminival2014.json', f'{root}/val2014'),
    ]
    assert find_parts(root, 'minival') == [(f'{root}/annotations/instances_minival2014.json', f'{root}/val2014')]


def test_layout_of_2017(coco2017):
    root = str(coco2017)
    assert find_parts(root, 'train') == [(f'{root}/annotations/instances_train2017.json', f'{root}/train2017')]
    assert find_parts(f'{root}/', 'minival') == [(f'{root}/annotations/instances_val2017.json', f'{root}/val2017')]


def test_2014_is_preferred_when_both_are_complete(coco2014, coco2017):
    for path in ('annotations/instances_train2017.json', 'train2017'):
        (coco2014 / path).symlink_to(coco2017 / path)
    assert len(find_parts(str(coco2014), 'train')) == 2
    (coco2014 / 'annotations/instances_valminusminival2014.json').unlink()
    assert find_parts(str(coco2014), 'train')[0][1] == f'{coco2014}/train2017'


def test_images_must_be_there_too(coco2017):
    (coco2017 / 'val2017').rename(coco2017 / 'val')
    with pytest.raises(FileNotFoundError, match=f'2017 layout lacks {coco2017}/val2017\n'):
        find_parts(str(coco2017), 'minival')


def test_what_is_missing_is_named_with_the_commands(tmp_path):
    with pytest.raises(CocoNotFoundError) as caught:
        find_parts(str(tmp_path / 'coco'), 'train')
    message = str(caught.value)
    for part in (
        f'expected in {tmp_path}/coco',
        'annotations/instances_train2014.json',
        'annotations/instances_valminusminival2014.json',
        'annotations/instances_train2017.json',
        'tools/prepare_data.py coco --source FOLDER',
        'tools/prepare_data.py demo',
    ):
        assert part in message
    assert 'prepare_data' not in caught.value.args[0]


def test_a_relative_folder_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CocoNotFoundError, match=f'expected in {tmp_path}/data/coco,'):
        find_parts('data/coco/', 'minival')


def test_unknown_split():
    with pytest.raises(ValueError, match=r"split='val'.*'train', 'minival'"):
        find_parts('data/coco', 'val')
