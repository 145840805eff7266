"""Means, deviations and gains by hand; p values against the closed form that three pairs have."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from senet_mm.results.aggregate import Aggregate, aggregate, gain, signed

VALUES = st.lists(st.integers(-1000, 1000).map(lambda number: number / 16), min_size=3, max_size=6)


def test_mean_and_standard_deviation_by_hand():
    found = aggregate({2: 24.0, 0: 23.0, 1: 25.0, 3: 24.0})
    assert found.values == (23.0, 25.0, 24.0, 24.0)  # by seed
    assert (found.n, found.mean) == (4, 24.0)
    assert found.sd == pytest.approx(math.sqrt((1 + 1) / 3))
    assert found.text(2) == '24.00 ± 0.82 (4)'
    assert aggregate({}) is None


def test_one_value_has_no_deviation():
    found = aggregate({None: 1.25})
    assert (found.sd, found.text(1), found.text(2, sign=True)) == (None, '1.2', '+1.25')


@pytest.mark.parametrize(
    ('value', 'text'), [(0.123, '+0.12'), (-0.126, '-0.13'), (0.004, '0.00'), (-0.004, '0.00'), (0.0, '0.00')]
)
def test_signs(value, text):
    assert signed(value, 2) == text
    assert Aggregate((value,)).text(2, sign=True) == text


def test_a_gain_is_over_pairs_of_the_same_seed():
    plain, se = {0: 24.0, 1: 25.0, 2: 26.0, 7: 99.0}, {2: 24.5, 1: 24.0, 0: 22.5, 8: 1.0}
    found = gain(plain, se, higher_is_better=False)
    assert found.values == (1.5, 1.0, 1.5)
    assert found.paired
    assert gain(plain, se, higher_is_better=True).values == (-1.5, -1.0, -1.5)
    # two degrees of freedom: p = 1 − t / √(t² + 2)
    t = (4 / 3) / (math.sqrt(1 / 12) / math.sqrt(3))
    assert found.p_value == pytest.approx(1 - t / math.sqrt(t**2 + 2))
    assert found.evidence == 'p = 0.015'


def test_two_pairs_are_too_few_for_a_test():
    found = gain({0: 24.0, 1: 25.0}, {0: 23.0, 1: 23.0}, higher_is_better=False)
    assert (found.n, found.mean, found.p_value, found.evidence) == (2, 1.5, None, '')


def test_the_same_difference_each_time_has_no_p_value():
    seeds = range(4)
    found = gain({seed: 24.1 + seed for seed in seeds}, {seed: 23.8 + seed for seed in seeds}, higher_is_better=False)
    assert found.p_value is None
    assert found.mean == pytest.approx(0.3)


def test_without_a_common_seed_it_is_the_difference_of_the_means():
    found = gain({0: 24.0, 1: 26.0}, {2: 23.0}, higher_is_better=False)
    assert (found.values, found.paired, found.p_value, found.evidence) == ((2.0,), False, None, 'not paired')
    assert gain({}, {0: 1.0}, higher_is_better=True) is None
    assert gain({0: 1.0}, {}, higher_is_better=True) is None


@given(VALUES, st.integers(-1000, 1000))
def test_p_is_that_of_the_differences_and_has_no_direction(differences, base):
    plain = {seed: float(base) for seed in range(len(differences))}
    se = {seed: base + difference for seed, difference in enumerate(differences)}
    better, worse = gain(plain, se, higher_is_better=True), gain(plain, se, higher_is_better=False)
    assert better.mean == -worse.mean
    assert better.p_value == worse.p_value
    if len(set(differences)) > 1:
        assert better.p_value == pytest.approx(ttest_1samp(differences, 0).pvalue)
