import os

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.files.folder import new_folder
from tests.data.small import listing


def test_nothing_shows_until_the_end_then_everything(tmp_path):
    out = tmp_path / 'a' / 'b'
    with new_folder(out) as part:
        (part / 'file').write_text('1')
        assert not out.exists()
    assert listing(tmp_path) == ['a', 'a/b', 'a/b/file']


def test_failure_removes_the_parents_it_made_and_no_others(tmp_path):
    (tmp_path / 'here').mkdir()
    with pytest.raises(RuntimeError, match='stop'), new_folder(tmp_path / 'here' / 'x' / 'y'):
        raise RuntimeError('stop')
    assert listing(tmp_path) == ['here']


def test_failure_does_not_follow_links(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / '1.jpg').write_text('pixels')

    def link_and_fail():
        with new_folder(tmp_path / 'out') as part:
            (part / 'images').symlink_to(tmp_path / 'images')
            raise RuntimeError('stop')

    with pytest.raises(RuntimeError, match='stop'):
        link_and_fail()
    assert listing(tmp_path) == ['images', 'images/1.jpg']


def test_an_occupied_place_is_refused_unless_replaced(tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'old').touch()
    with pytest.raises(DataError, match='not empty'), new_folder(out):
        pass
    with new_folder(out, replace=True) as part:
        (part / 'new').touch()
    assert listing(tmp_path) == ['out', 'out/new']


def test_the_old_folder_comes_back_when_the_last_rename_fails(tmp_path, monkeypatch):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'old').touch()
    rename = os.rename

    def fail_once_moved(source, target):
        if target == out and not str(source).endswith('.old'):
            raise OSError('disk gone')
        rename(source, target)

    monkeypatch.setattr(os, 'rename', fail_once_moved)
    with pytest.raises(OSError, match='disk gone'), new_folder(out, replace=True):
        pass
    assert listing(tmp_path) == ['out', 'out/old']


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / 'out').write_text('a file')
    with pytest.raises(DataError), new_folder(tmp_path / 'out'):
        pass
    assert (tmp_path / 'out').read_text() == 'a file'


def test_an_empty_folder_and_a_link_to_one_are_filled(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'out').symlink_to(tmp_path / 'disk')
    with new_folder(tmp_path / 'out') as part:
        (part / 'file').touch()
    assert (tmp_path / 'out').is_symlink()
    assert (tmp_path / 'disk' / 'file').exists()
