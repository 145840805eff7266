"""The measures of gates written down by hand."""

import numpy as np
import pytest

from senet_mm.analysis.excitation.measures import closed_channels, measure, near
from senet_mm.analysis.excitation.statistics import BlockStatistics, Excitation
from senet_mm.layers import SEBlock

# Two classes, three images each; a channel that tells them apart, a saturated one, a closed one, a mixed one.
GATES = np.array(
    [
        [0.2, 0.96, 0.01, 0.02],
        [0.3, 0.97, 0.02, 0.99],
        [0.4, 0.98, 0.03, 0.50],
        [0.6, 0.99, 0.04, 0.50],
        [0.7, 1.00, 0.00, 0.02],
        [0.8, 0.95, 0.01, 0.99],
    ],
    np.float32,
).astype(np.float64)
LABELS = np.array([0, 0, 0, 1, 1, 1])


def block_of(gates, labels, gate='sigmoid', classes=2):
    block = BlockStatistics.empty(SEBlock(gates.shape[1], ratio=1, gate=gate), 'layer1.0.se', classes)
    block.add(gates, labels)
    return block


def test_measures_are_those_of_the_definitions():
    (found,) = measure(Excitation(('a', 'b'), (0, 1), dict(SE_2_1=block_of(GATES, LABELS))))
    means = np.stack([GATES[:3].mean(0), GATES[3:].mean(0)])
    within = np.stack([GATES[:3].var(0), GATES[3:].var(0)]).mean()
    between = ((means - means.mean(0)) ** 2).mean()
    assert (found.name, found.path, found.channels, found.count) == ('SE_2_1', 'layer1.0.se', 4, 6)
    assert found.mean == pytest.approx(GATES.mean())
    assert found.between == pytest.approx(between)
    assert found.within == pytest.approx(within)
    assert found.class_share == pytest.approx(between / (between + within))
    assert found.saturated == pytest.approx((GATES >= 0.95).mean())
    assert (GATES >= 0.95).sum() == 7  # five of the saturated channel (0.95 is less in float32), two of the mixed one
    assert found.closed == (2,)


def test_the_classes_shares_of_the_variance_add_up():
    """With equally many images a class, between and within are the whole variance."""
    (found,) = measure(Excitation(('a', 'b'), (0, 1), dict(SE_2_1=block_of(GATES, LABELS))))
    assert found.between + found.within == pytest.approx(GATES.var(0).mean())


@pytest.mark.parametrize(
    ('gate', 'zero', 'one'),
    [
        ('sigmoid', (0, 0.05), (0.95, 1)),
        ('tanh', (-0.05, 0.05), (0.95, 1)),
        ('relu', (0, 0.05), (0.95, 1.05)),
    ],
)
def test_near_is_one_bin_to_either_side(gate, zero, one):
    block = block_of(np.full((1, 2), 0.5), np.zeros(1, int), gate, classes=1)
    for value, (low, high) in ((0, zero), (1, one)):
        chosen = np.flatnonzero(near(block, value))
        assert block.edges[chosen[0]] == pytest.approx(low)
        assert block.edges[chosen[-1] + 1] == pytest.approx(high)


def test_one_class_has_no_variance_between_classes():
    (found,) = measure(Excitation(('all',), (0,), dict(SE_2_1=block_of(GATES, LABELS * 0, classes=1))))
    assert np.isnan(found.between)
    assert np.isnan(found.class_share)
    assert found.within == pytest.approx(GATES.var(0).mean())


def test_classes_without_images_and_blocks_that_did_not_run_are_left_out():
    silent = block_of(GATES[:0], LABELS[:0])
    blocks = dict(SE_2_1=block_of(GATES, LABELS * 2, classes=3), SE_2_2=silent)
    excitation = Excitation(('a', 'b', 'c'), (0, 1, 2), blocks)
    (found,) = measure(excitation)
    (expected,) = measure(Excitation(('a', 'c'), (0, 2), dict(SE_2_1=block_of(GATES, LABELS))))
    assert found == expected
    assert closed_channels(excitation) == dict(SE_2_1=(2,))
