"""Costs against a network whose gates are set by hand."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from senet_mm.analysis.excitation.ablation import Ablation, ablate, gates_of_one, gates_of_zero
from senet_mm.analysis.excitation.blocks import name_blocks
from senet_mm.data.errors import DataError
from tests.analysis.gated import Gated, noise


class Ones(nn.Module):
    def forward(self, x):
        return torch.ones_like(x)


IMAGES = noise(400, seed=5)[0] + 3 * noise(400, seed=6)[0][:, :, :1, :1]  # of different colours


@pytest.fixture(name='network')
def _network():
    """Finds each class about as often."""
    network = Gated(seed=11)
    with torch.no_grad():
        network.fc.bias -= network(IMAGES).mean(0)
    return network


def accuracy(network, labels):
    with torch.no_grad():
        return float((network(IMAGES).argmax(1) == labels).double().mean() * 100)


def labels_of(network):
    """What the network itself finds, with a tenth of it wrong: it can lose by a change, and gain."""
    with torch.no_grad():
        labels = network(IMAGES).argmax(1)
    labels[::10] = (labels[::10] + 1) % 4
    return labels


def blocks_of(network):
    return {name: block for name, (_, block) in name_blocks(network).items()}


def test_costs_and_ranking_are_those_of_gates_set_by_hand(network):
    labels = labels_of(network)
    said = []
    found = ablate(blocks_of(network), {}, lambda: {'accuracy/top1': accuracy(network, labels)}, said.append)
    by_hand = {}
    for name in ('first_se', 'second_se'):
        changed = copy.deepcopy(network)
        changed.get_submodule(name).gate = Ones()
        by_hand[name] = accuracy(changed, labels)
    changed.first_se.gate = Ones()
    assert found.metric == 'top-1 accuracy'
    assert found.whole == accuracy(network, labels) == 90
    assert found.blocks == by_hand
    assert found.none == accuracy(changed, labels)
    assert found.closed is None
    assert len({90, *by_hand.values(), found.none}) == 4
    assert found.ranking() == sorted(by_hand, key=by_hand.get)
    assert found.cost('first_se') == 90 - by_hand['first_se']
    assert said[0] == 'the network: top-1 accuracy 90.00%'
    assert said[1] == f'without first_se: top-1 accuracy {by_hand["first_se"]:.2f}%'


def test_closed_channels_are_removed_together(network):
    labels, closed = labels_of(network), dict(first_se=(1, 4), second_se=(0,))
    found = ablate(blocks_of(network), closed, lambda: {'accuracy/top1': accuracy(network, labels)})
    changed = copy.deepcopy(network)
    with torch.no_grad():  # what reads the channels gets nothing from them
        changed.second.weight[:, [1, 4]] = 0
        changed.fc.weight[:, [0]] = 0
    assert found.closed == accuracy(changed, labels) != found.whole


def test_a_ranking_puts_costly_blocks_first_and_keeps_the_order_of_equals():
    found = Ablation('AP', 30.0, dict(a=29.0, b=31.0, c=20.0, d=29.0), none=3.0)
    assert found.ranking() == ['c', 'a', 'd', 'b']
    assert [found.cost(name) for name in found.ranking()] == [10, 1, 1, -1]
    assert [found.rank(name) for name in 'abcd'] == [2, 4, 1, 2]


def test_aps_are_percent():
    found = ablate({}, {}, lambda: {'coco/bbox_mAP': 0.375, 'coco/bbox_mAP_50': 0.6})
    assert (found.metric, found.whole, found.none) == ('AP', 37.5, 37.5)


def test_a_test_without_a_known_metric_is_an_error():
    with pytest.raises(DataError, match=r'accuracy/top1 or coco/bbox_mAP; this one: loss/cross_entropy'):
        ablate({}, {}, lambda: {'loss/cross_entropy': 1.0})


@pytest.mark.parametrize('squeeze', ['avg', 'none'])
def test_gates_fit_what_they_rescale(squeeze):
    network = Gated(squeeze=squeeze)
    block, u = network.first_se, torch.randn(2, 6, 3, 5, dtype=torch.float64)
    with torch.no_grad():
        own = block(u)
        with gates_of_one([block]):
            np.testing.assert_array_equal(block(u), u)
        with gates_of_zero({block: (1, 4)}):
            changed = block(u)
    np.testing.assert_array_equal(changed[:, [0, 2, 3, 5]], own[:, [0, 2, 3, 5]])
    assert not changed[:, [1, 4]].any()
