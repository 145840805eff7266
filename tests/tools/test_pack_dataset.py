import pytest


@pytest.mark.parametrize('kind', ['zip', 'tar', 'lmdb'])
def test_a_folder_becomes_one_file(run_tool, demo, tmp_path, kind):
    out = tmp_path / f'imagenet.{kind}'
    packed = run_tool('tools/pack_dataset.py', demo / 'imagenet', out)
    assert packed.returncode == 0, packed.stderr
    assert packed.stdout.startswith(f'{out}: 53 files of {demo}/imagenet, ')
    checked = run_tool('tools/pack_dataset.py', demo / 'imagenet', out, '--check')
    assert checked.stdout == f'{out}: 53 files, the same as in {demo}/imagenet.\n'
    again = run_tool('tools/pack_dataset.py', demo / 'imagenet', out)
    assert again.returncode == 1
    assert again.stdout == ''
    assert again.stderr.startswith(f'pack_dataset.py: {out} is already there; it is left as it is.')


def test_mistakes_end_in_one_message(run_tool, tmp_path):
    result = run_tool('tools/pack_dataset.py', tmp_path / 'nowhere', tmp_path / 'x.zip')
    assert (result.returncode, result.stderr) == (1, f'pack_dataset.py: {tmp_path}/nowhere is not a folder.\n')
