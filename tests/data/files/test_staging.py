import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.files.staging import is_staged, staged_folder
from tests.data.small import listing

SOURCE = {'train': 'a.tar, 5 bytes', 'val': 'b.tar, 6 bytes'}


def fill(out, source=SOURCE, error=None):
    with staged_folder(out, source) as part:
        assert is_staged(part)
        (part / f'{len(list(part.iterdir()))}.jpg').touch()
        if error:
            raise error


def test_nothing_shows_until_the_end_then_everything_but_notes(tmp_path):
    with staged_folder(tmp_path / 'out', SOURCE) as part:
        (part / 'image').touch()
        (part / '.a.tar.verified').touch()
        assert not (tmp_path / 'out').exists()
    assert listing(tmp_path) == ['out', 'out/image']
    assert not is_staged(tmp_path / 'out')


def test_an_empty_folder_and_a_link_to_one_are_filled(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'out').symlink_to(tmp_path / 'disk')
    fill(tmp_path / 'out')
    assert (tmp_path / 'out').is_symlink()
    assert (tmp_path / 'disk' / '1.jpg').exists()


@pytest.mark.parametrize('error', [OSError(28, 'No space left on device'), DataError('archive damaged')])
def test_a_failure_keeps_what_was_done_and_says_so(tmp_path, error):
    with pytest.raises(DataError) as caught:
        fill(tmp_path / 'out', error=error)
    assert str(error) in str(caught.value)
    assert f'kept in {tmp_path}/.out.part: run the same command again to go on from there; delete it' in str(
        caught.value
    )
    assert listing(tmp_path) == ['.out.part', '.out.part/.made_from.json', '.out.part/1.jpg']
    fill(tmp_path / 'out')
    assert listing(tmp_path) == ['out', 'out/1.jpg', 'out/2.jpg']


def test_an_interrupt_stays_one(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / 'out', error=KeyboardInterrupt())
    assert capsys.readouterr().err.startswith(f'Interrupted. What was done is kept in {tmp_path}/.out.part: run')


def test_a_failure_before_anything_was_done_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match=r'^no such archive$'), staged_folder(tmp_path / 'out', SOURCE):
        raise DataError('no such archive')
    assert listing(tmp_path) == []


def test_beginnings_from_something_else_are_kept_apart(tmp_path):
    with pytest.raises(DataError):
        fill(tmp_path / 'out', error=OSError('stop'))
    before = listing(tmp_path)
    with pytest.raises(DataError, match=r'from something else \(its train, test differ\)|its test, train differ'):
        fill(tmp_path / 'out', {**SOURCE, 'train': 'c.tar, 7 bytes', 'test': 'd.tar'})
    assert listing(tmp_path) == before


def test_as_long_as_there_are_but_notes_another_source_will_do(tmp_path):
    other = {**SOURCE, 'train': 'c.tar, 7 bytes'}
    with pytest.raises(DataError):
        fill(tmp_path / 'out', error=DataError('b.tar is cut off'))
    (tmp_path / '.out.part' / '1.jpg').rename(tmp_path / '.out.part' / '.a.tar.verified')
    fill(tmp_path / 'out', other)
    assert listing(tmp_path) == ['out', 'out/2.jpg']  # beside two notes


def test_a_strangers_folder_at_that_place_is_left_alone(tmp_path):
    (tmp_path / '.out.part').mkdir()
    (tmp_path / '.out.part' / 'thesis.txt').write_text('mine')
    with pytest.raises(DataError, match='is in the way, and no beginning of'):
        fill(tmp_path / 'out')
    assert listing(tmp_path) == ['.out.part', '.out.part/thesis.txt']
