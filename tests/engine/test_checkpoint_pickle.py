"""The stand-ins for what mmengine's checkpoints name: they make arrays and find six methods, and nothing else."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim import scheduler
from mmengine.runner.checkpoint import get_torch_safe_globals

from senet_mm.data.errors import DataError
from senet_mm.engine.checkpoint import load_checkpoint
from senet_mm.engine.checkpoint_pickle import foreign_names, settle
from tests.engine.hostile import Reduced, pointer


def through_a_file(folder, value):
    torch.save({'value': value}, folder / 'value.pth')
    return load_checkpoint(folder / 'value.pth')['value']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('pickles')


KINDS = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(),
    npst.unsigned_integer_dtypes(),
    npst.floating_dtypes(),
    npst.complex_number_dtypes(),
    npst.byte_string_dtypes(max_len=5),
    npst.unicode_string_dtypes(max_len=5),
)


@settings(max_examples=100, deadline=None)
@given(array=npst.arrays(KINDS, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)), order=st.booleans())
def test_arrays_come_back_as_they_were(folder, array, order):
    array = np.asfortranarray(array) if order else array
    loaded = through_a_file(folder, array)
    assert type(loaded) is np.ndarray
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)
    assert loaded.flags.writeable


@pytest.mark.parametrize('number', [np.float32(1.5), np.int64(-3), np.bool_(True), np.complex128(1j), np.str_('a')])
def test_numbers_come_back_as_they_were(folder, number):
    loaded = through_a_file(folder, number)
    assert type(loaded) is type(number)
    assert loaded == number


def test_arrays_are_found_wherever_they_are(folder):
    array = np.arange(3)
    loaded = through_a_file(folder, [{'a': (array, [array])}, ConfigDict(b=dict(c=array))])
    for found in (loaded[0]['a'][0], loaded[0]['a'][1][0], loaded[1].b.c):
        assert type(found) is np.ndarray
        assert found.tolist() == [0, 1, 2]


def test_a_container_that_holds_itself_and_one_that_is_shared_end():
    ring = []
    ring.append(ring)
    assert settle(ring)[0] is ring
    shared = [0]
    for _ in range(100):
        shared = [shared, shared]  # 2¹⁰⁰ paths
    assert settle(shared) is shared


@pytest.mark.parametrize(
    ('value', 'named'),
    [
        (Reduced(getattr, HistoryBuffer, '__init__'), "getattr.*'__init__'"),
        (Reduced(getattr, Reduced(getattr, HistoryBuffer, 'min'), '__globals__'), "getattr.*'__globals__'"),
        (pointer(), 'a NumPy array of type object'),
        (np.array([{}, 1], dtype=object), 'a NumPy array of type object'),
        (np.zeros(2, dtype=[('a', 'i4'), ('b', 'f8')]), 'a NumPy array of type'),
        (Reduced(eval, '1'), r'builtins\.eval'),
    ],
)
def test_what_mmengines_list_lets_through_is_refused(folder, value, named):
    torch.save({'value': value}, folder / 'value.pth')
    with pytest.raises(DataError, match=f'is refused.*{named}'):
        load_checkpoint(folder / 'value.pth')


def test_mmengines_list_does_let_it_through(folder):
    """If this fails, mmengine has mended its list, and the comments on it are out of date."""
    torch.save({'value': Reduced(getattr, HistoryBuffer, '__init__')}, folder / 'value.pth')
    with torch.serialization.safe_globals(get_torch_safe_globals()):
        loaded = torch.load(folder / 'value.pth', weights_only=True)
    assert loaded['value'] is HistoryBuffer.__init__


SCHEDULERS = [
    cls
    for name, cls in inspect.getmembers(scheduler, inspect.isclass)
    if name.endswith('LR') and cls.__module__.startswith('mmengine')
]
OPTIONS = {
    'MultiStepLR': dict(milestones=[2]),
    'StepLR': dict(step_size=2),
    'ExponentialLR': dict(gamma=0.9),
    'CosineAnnealingLR': dict(T_max=5),
    'CosineRestartLR': dict(periods=[5], eta_min=0),
    'OneCycleLR': dict(eta_max=0.1, total_steps=10),
    'ReduceOnPlateauLR': dict(monitor='loss'),
}


@pytest.mark.parametrize('cls', SCHEDULERS, ids=lambda cls: cls.__name__)
def test_the_state_of_every_scheduler_comes_back(folder, cls):
    def build():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
        return cls(optimizer, **OPTIONS.get(cls.__name__, {}))

    metrics = [{'loss': 0.5}] if 'Plateau' in cls.__name__ else []
    original, resumed = build(), build()
    original.optimizer.step()
    original.step(*metrics)
    loaded = through_a_file(folder, original.state_dict())
    assert loaded == original.state_dict() != resumed.state_dict()
    resumed.load_state_dict(loaded)
    resumed.optimizer.load_state_dict(original.optimizer.state_dict())
    for each in (original, resumed):
        each.optimizer.step()
        each.step(*metrics)
    assert resumed.state_dict() == original.state_dict() != loaded


def test_names_are_listed_without_being_looked_up(folder):
    path = folder / 'value.pth'
    for legacy in (False, True):
        value = [Reduced(eval, 'print(1)'), np.ones(1), torch.ones(1).half(), HistoryBuffer(), {1}]
        torch.save(value, path, _use_new_zipfile_serialization=not legacy)
        assert foreign_names(path) == ['builtins.eval']
    path.write_bytes(b'cno.such.module\nthing\n(S"x"\ntR.')
    assert foreign_names(path) == ['no.such.module.thing']
    path.write_bytes(b'anything else')
    assert foreign_names(path) == []
