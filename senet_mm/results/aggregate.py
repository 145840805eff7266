"""Several seeds as one number, and what SE gains, with a paired test."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

FEWEST_PAIRS = 3  # for a test
SMALLEST = 0.001  # p that is written out


def signed(value: float, digits: int) -> str:
    """'+0.12', '-0.12' or, where it rounds to nothing, '0.00'."""
    text = f'{value:+.{digits}f}'
    return text if float(text) else text[1:]


@dataclass(frozen=True)
class Aggregate:
    """Values of one quantity, one a seed."""

    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float | None:
        """Their standard deviation, as of a sample; None if there is one value only."""
        return statistics.stdev(self.values) if self.n > 1 else None

    def text(self, digits: int, sign: bool = False) -> str:
        """'23.31', or '23.31 ± 0.08 (3)' of several seeds."""
        mean = signed(self.mean, digits) if sign else f'{self.mean:.{digits}f}'
        return mean if self.sd is None else f'{mean} ± {self.sd:.{digits}f} ({self.n})'


@dataclass(frozen=True)
class Gain(Aggregate):
    """By how much SE is better, one value a pair of runs with the same seed.

    Attributes:
        p_value: Of a two-sided paired t-test; None below FEWEST_PAIRS pairs, or where all differences are the same.
        paired: False if no seed has both runs: then it is the difference of the means.
    """

    p_value: float | None = None
    paired: bool = True

    @property
    def evidence(self) -> str:
        """'p = 0.032', 'p < 0.001', 'not paired', or nothing."""
        if not self.paired:
            return 'not paired'
        if self.p_value is None:
            return ''
        return f'p = {self.p_value:.2g}' if self.p_value >= SMALLEST else f'p < {SMALLEST}'


def aggregate(by_seed: Mapping[int | None, float]) -> Aggregate | None:
    """One number from those of several seeds; None if there are none."""
    return Aggregate(tuple(by_seed[seed] for seed in sorted(by_seed, key=str))) if by_seed else None


def gain(plain: Mapping[int | None, float], se: Mapping[int | None, float], higher_is_better: bool) -> Gain | None:
    """What SE gains over the plain network; None if one of the two was not measured.

    Args:
        plain: Seed → value.
        se: Seed → value.
        higher_is_better: True for AP and accuracies, False for errors.
    """
    if not plain or not se:
        return None
    sign = 1 if higher_is_better else -1
    seeds = sorted(plain.keys() & se.keys(), key=str)
    if not seeds:
        return Gain((sign * (statistics.fmean(se.values()) - statistics.fmean(plain.values())),), paired=False)
    differences = tuple(sign * (se[seed] - plain[seed]) for seed in seeds)
    return Gain(differences, p_value=_p_value([se[seed] for seed in seeds], [plain[seed] for seed in seeds]))


def _p_value(ours: list[float], theirs: list[float]) -> float | None:
    if len(ours) < FEWEST_PAIRS:
        return None
    from scipy.stats import ttest_rel  # takes a second to import

    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    if max(differences) - min(differences) < 1e-9:
        return None
    value = float(ttest_rel(ours, theirs).pvalue)
    return value if math.isfinite(value) else None
