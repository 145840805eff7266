"""What load_checkpoint reads, what it refuses, and what it says of files that are none."""

import contextlib
import os
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import _load_checkpoint
from safetensors.torch import save_file
from torch import nn

from senet_mm.data.errors import DataError
from senet_mm.engine.checkpoint import load_checkpoint, load_from_weights_only, use_in_mmengine
from tests.engine import hostile


@pytest.fixture
def canary(tmp_path):
    return tmp_path / 'canary'


@pytest.fixture
def loaders():
    """mmengine's loaders, to be put back."""
    schemes = CheckpointLoader._schemes.copy()
    yield
    use_in_mmengine(trust=False)
    CheckpointLoader._schemes = schemes


HOSTILE = {
    'zip': hostile.in_weights,
    'legacy': lambda path, canary: hostile.in_weights(path, canary, _use_new_zipfile_serialization=False),
    'protocol 2': lambda path, canary: hostile.bare(path, canary, 2),
    'protocol 4': lambda path, canary: hostile.bare(path, canary, 4),
}


@pytest.mark.parametrize('form', HOSTILE)
def test_a_pickle_that_runs_code_is_refused(tmp_path, canary, form):
    path = HOSTILE[form](tmp_path / 'weights.pth', canary)
    with pytest.raises(DataError) as error:
        load_checkpoint(path)
    message = str(error.value)
    assert message.startswith(f'{path} is refused: it holds more than weights')
    assert f'{os.system.__module__}.system' in message
    assert 'Nothing was executed' in message
    assert '--trust-checkpoint' in message
    assert not canary.exists()


@pytest.mark.parametrize('form', ['zip', 'legacy'])
def test_trust_reads_it_and_runs_it(tmp_path, canary, form):
    path = HOSTILE[form](tmp_path / 'weights.pth', canary)
    assert torch.equal(load_checkpoint(path, trust=True)['state_dict']['weight'], torch.ones(2))
    assert canary.exists()


def test_safetensors_are_never_unpickled(tmp_path, canary):
    path = HOSTILE['zip'](tmp_path / 'weights.safetensors', canary)
    for trust in (False, True):
        with pytest.raises(DataError, match='is not a whole safetensors file'):
            load_checkpoint(path, trust=trust)
    assert not canary.exists()


def test_safetensors_are_read(tmp_path):
    weights = {'a': torch.arange(6.0).view(2, 3), 'b': torch.tensor([1, 2])}
    save_file(weights, tmp_path / 'weights.safetensors', metadata={'source': 'x'})
    loaded = load_checkpoint(str(tmp_path / 'weights.safetensors'))
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


@pytest.mark.parametrize('legacy', [False, True])
def test_what_runs_save_is_read_as_it_is(tmp_path, legacy):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    history = HistoryBuffer([1.5, 2.5], [1, 3])
    saved = {
        'state_dict': model.state_dict(),
        'message_hub': {'log_scalars': {'train/loss': history}, 'resumed_keys': {'train/loss': True}},
        'meta': {'epoch': 3, 'dataset_meta': {'palette': np.array([[1, 2], [3, 4]], np.uint8), 'classes': ('a', 'b')}},
        'best': np.float64(0.75),
    }
    torch.save(saved, tmp_path / 'epoch_3.pth', _use_new_zipfile_serialization=not legacy)
    loaded = load_checkpoint(tmp_path / 'epoch_3.pth')
    assert all(torch.equal(loaded['state_dict'][key], value) for key, value in model.state_dict().items())
    assert loaded['state_dict']._metadata == model.state_dict()._metadata
    buffer = loaded['message_hub']['log_scalars']['train/loss']
    assert type(buffer) is HistoryBuffer
    assert buffer.data[0].tolist() == [1.5, 2.5]
    assert buffer.statistics('mean') == (1.5 + 2.5) / (1 + 3)
    buffer.update(3.5)
    assert buffer.statistics('max') == 3.5
    palette = loaded['meta']['dataset_meta']['palette']
    assert type(palette) is np.ndarray
    assert palette.dtype == np.uint8
    assert palette.tolist() == [[1, 2], [3, 4]]
    assert loaded['meta']['dataset_meta']['classes'] == ('a', 'b')
    assert loaded['best'] == 0.75


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """The same weights in each format."""
    folder = tmp_path_factory.mktemp('weights')
    weights = {'layer.weight': torch.randn(16, 8), 'layer.bias': torch.randn(16)}
    torch.save(weights, folder / 'zip.pth')
    torch.save(weights, folder / 'legacy.pth', _use_new_zipfile_serialization=False)
    save_file(weights, folder / 'weights.safetensors')
    return folder


FORMATS = ['zip.pth', 'legacy.pth', 'weights.safetensors']


@pytest.mark.parametrize('name', FORMATS)
def test_every_truncation_is_noticed(files, name):
    whole = (files / name).read_bytes()
    path = files / f'part-{name}'
    for length in range(1, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r'truncated, damaged or not a checkpoint|not a whole safetensors file'):
            load_checkpoint(path)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(FORMATS), place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_damaged_file_is_read_or_refused(files, name, place, byte):
    content = bytearray((files / name).read_bytes())
    content[int(place * len(content))] = byte
    path = files / f'damaged-{name}'
    path.write_bytes(content)
    with contextlib.suppress(DataError):  # and no other error
        assert isinstance(load_checkpoint(path), dict)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', r'is empty: copy or download it anew'),
        (b'\n<!DOCTYPE html><html>', r'is a web page: download the file itself'),
        (b'version https://git-lfs.github.com/spec/v1\n', r'is only the pointer of a Git LFS file: git lfs pull'),
        (b'not a checkpoint', r'truncated, damaged or not a checkpoint \(\w+: .+\)\. Copy or download it anew'),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    path = tmp_path / 'weights.pth'
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_checkpoint(path)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=f'there is no checkpoint {tmp_path}/none.pth'):
        load_checkpoint(tmp_path / 'none.pth')
    with pytest.raises(DataError, match=f'{tmp_path} is a folder: name the checkpoint in it'):
        load_checkpoint(tmp_path)


def test_other_things_that_torch_saves_are_named(tmp_path):
    torch.save([torch.ones(1)], tmp_path / 'list.pth')
    with pytest.raises(DataError, match='holds a list, not a dict of weights'):
        load_checkpoint(tmp_path / 'list.pth')
    torch.save(nn.Linear(1, 1), tmp_path / 'module.pth')
    with pytest.raises(DataError, match=r'is refused: .*torch\.nn\.modules\.linear\.Linear'):
        load_checkpoint(tmp_path / 'module.pth')
    with zipfile.ZipFile(tmp_path / 'archive.pth', 'w') as archive:
        archive.writestr('weights.pth', b'')
    with pytest.raises(DataError, match='not a checkpoint'):
        load_checkpoint(tmp_path / 'archive.pth')


@pytest.mark.usefixtures('loaders')
class TestInMmengine:
    """Everything that mmengine loads goes through load_checkpoint."""

    def test_every_scheme_is_ours(self, tmp_path, canary):
        use_in_mmengine()
        assert set(CheckpointLoader._schemes.values()) == {load_from_weights_only}
        path = HOSTILE['zip'](tmp_path / 'weights.pth', canary)
        with pytest.raises(DataError, match='is refused'):
            _load_checkpoint(str(path))
        for address in ('s3://bucket/weights.pth', 'open-mmlab:s3://bucket/weights.pth', 'pavi://weights.pth'):
            with pytest.raises(DataError, match='is not read, only files and https://'):
                _load_checkpoint(address)
        assert not canary.exists()

    def test_trust_holds_for_all_that_follow(self, tmp_path, canary):
        path = HOSTILE['zip'](tmp_path / 'weights.pth', canary)
        use_in_mmengine(trust=True)
        assert 'state_dict' in _load_checkpoint(str(path))
        assert 'state_dict' in load_checkpoint(path)
        assert canary.exists()
        use_in_mmengine()
        with pytest.raises(DataError, match='is refused'):
            load_checkpoint(path)

    def test_plain_weights_become_a_state_dict(self, tmp_path):
        torch.save({'weight': torch.ones(1)}, tmp_path / 'plain.pth')
        assert load_from_weights_only(str(tmp_path / 'plain.pth')).keys() == {'state_dict'}
        for damaged in ({'state_dict': 3}, {'state_dict': {1: torch.ones(1)}}):
            torch.save(damaged, tmp_path / 'damaged.pth')
            with pytest.raises(DataError, match='not a dict of names and weights'):
                load_from_weights_only(str(tmp_path / 'damaged.pth'))

    def test_a_config_that_mmengine_would_execute_is_dropped(self, tmp_path):
        saved = {'state_dict': {}, 'meta': {'config': 'import os', 'cfg': 'text', 'epoch': 1}}
        torch.save(saved, tmp_path / 'epoch_1.pth')
        assert load_from_weights_only(str(tmp_path / 'epoch_1.pth'))['meta'] == {'cfg': 'text', 'epoch': 1}
