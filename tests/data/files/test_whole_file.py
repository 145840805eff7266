"""A file that is whole or not there."""

import os

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file


def test_the_file_appears_at_the_end_and_takes_the_old_ones_place(tmp_path):
    path = tmp_path / 'new' / 'file.txt'
    for content in ('one', 'two'):
        with whole_file(path) as part:
            part.write_text(content)
            assert content == 'two' or not path.exists()
        assert path.read_text() == content
    assert os.listdir(path.parent) == ['file.txt']


@pytest.mark.parametrize(
    ('error', 'raised'), [(OSError(28, 'No space left on device'), DataError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_failure_leaves_what_was_there(error, raised, tmp_path):
    path = tmp_path / 'file.txt'
    path.write_text('old')

    def write():
        with whole_file(path) as part:
            part.write_text('half')
            raise error

    with pytest.raises(raised):
        write()
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['file.txt']


def test_what_went_wrong_is_said(tmp_path):
    (tmp_path / 'file').touch()
    message = r'file/below\.txt could not be written: (Not a directory|File exists)'
    with pytest.raises(DataError, match=message), whole_file(tmp_path / 'file' / 'below.txt'):
        pass
