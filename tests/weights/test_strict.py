"""Strict loading: every difference is an error that lists it; lists are short and still whole."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from senet_mm.weights.source import WeightsError
from senet_mm.weights.strict import compact, load_strictly


def expand(text):
    """What compact() put together, taken apart again: every brace holds alternatives or ranges of numbers."""
    found = re.search(r'\{([^{}]*)\}', text)
    if not found:
        return [text]
    names = []
    for choice in found[1].split(','):
        if run := re.fullmatch(r'(\d+)-(\d+)', choice):
            choices = map(str, range(int(run[1]), int(run[2]) + 1))
        else:
            choices = [choice]
        for one in choices:
            names += expand(text[: found.start()] + one + text[found.end() :])
    return names


NAMES = st.builds(
    '{}.{}.{}.{}'.format,
    st.sampled_from(['layer1', 'layer2', 'stem']),
    st.integers(0, 12),
    st.sampled_from(['conv1', 'se.fc1', 'downsample.0']),
    st.sampled_from(['weight', 'bias', 'running_mean']),
)


@settings(deadline=None)
@given(names=st.lists(NAMES | st.sampled_from(['conv1.weight', 'fc.bias', 'scale']), unique=True))
def test_a_compact_list_has_every_name_once(names):
    assert sorted(name for text in compact(names) for name in expand(text)) == sorted(names)


def test_a_compact_list_is_compact():
    names = [f'layer3.{unit}.bn1.{part}' for unit in (*range(23), 40) for part in ('weight', 'bias')]
    assert compact([*names, 'fc.weight']) == ['layer3.{0-22,40}.bn1.{weight,bias}', 'fc.weight']


def network():
    return nn.ModuleDict(dict(layer1=nn.Linear(3, 2), layer4=nn.Conv2d(2, 5, 1), bn=nn.BatchNorm2d(2)))


def test_dimensions_of_one_are_no_difference():
    state = network().state_dict()
    squeezed = {key: value[:, :, 0, 0] if value.dim() == 4 else value for key, value in state.items()}
    squeezed['layer1.weight'] = state['layer1.weight'][:, :, None, None]
    ours = network()
    load_strictly(ours, squeezed, 'a file')
    assert all(torch.equal(value, state[key]) for key, value in ours.state_dict().items())


def test_counters_of_batchnorm_may_be_missing():
    state = network().state_dict()
    del state['bn.num_batches_tracked']
    load_strictly(network(), state, 'a file')


def test_a_transposed_matrix_is_a_difference():
    state = network().state_dict()
    state['layer1.weight'] = state['layer1.weight'].T.contiguous()
    with pytest.raises(WeightsError, match=r'layer1.weight \(3, 2\) in the file, \(2, 3\) in the network'):
        load_strictly(network(), state, 'a file')


def test_everything_is_listed_at_once():
    state = network().state_dict()
    del state['layer1.bias'], state['bn.weight']
    state.update({'layer4.bias': torch.zeros(4), 'neck.weight': torch.zeros(1)})
    with pytest.raises(WeightsError) as error:
        load_strictly(network(), state, 'file.pth')
    assert str(error.value) == (
        'file.pth does not fit ModuleDict:\n'
        '  2 missing from the file: layer1.bias, bn.weight\n'
        '  1 left over in the file: neck.weight\n'
        '  1 of another shape: layer4.bias (4) in the file, (5) in the network'
    )


@pytest.mark.parametrize('allowed', ['layer4', ['layer4'], ('layer1', 'layer4')])
def test_what_is_allowed_is_no_error(allowed):
    state = network().state_dict()
    extra = {'layer4.3.weight': torch.zeros(1)}
    load_strictly(network(), state | extra, 'a file', allow_unused=allowed)
    with pytest.raises(WeightsError, match=r'1 left over in the file: layer4\.3\.weight'):
        load_strictly(network(), state | extra, 'a file', allow_missing=allowed)
    less = {key: value for key, value in state.items() if not key.startswith('layer4.')}
    load_strictly(network(), less, 'a file', allow_missing=allowed)
    with pytest.raises(WeightsError, match=r'2 missing from the file: layer4.\{weight,bias\}'):
        load_strictly(network(), less, 'a file', allow_unused=allowed)
