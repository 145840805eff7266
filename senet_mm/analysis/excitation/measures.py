"""What the paper says of the gates in words, as numbers by block (Sec. 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from senet_mm.analysis.excitation.statistics import BlockStatistics, Excitation


@dataclass(frozen=True)
class BlockMeasures:
    """One block.

    Attributes:
        name: As in name_blocks.
        path: Of the block in the network.
        channels: C.
        count: How many images, or runs of the block, there were.
        mean: Of all gates.
        between: Variance over classes of the class means, mean over channels.
        within: Variance over the images of a class, mean over classes and channels.
        saturated: Share of the gates within one bin of 1, where the block changes next to nothing.
        closed: The channels whose gate was within one bin of 0 for every image: they add next to nothing.
    """

    name: str
    path: str
    channels: int
    count: int
    mean: float
    between: float
    within: float
    saturated: float
    closed: tuple[int, ...]

    @property
    def class_share(self) -> float:
        """Share of the gates' variance that the classes make; NaN with one class or constant gates."""
        total = self.between + self.within
        return self.between / total if total > 0 else float('nan')


def measure(excitation: Excitation) -> list[BlockMeasures]:
    """The measures of every block that ran, in the order of the network."""
    return [_measure(name, block) for name, block in excitation.blocks.items() if block.count.any()]


def _measure(name: str, block: BlockStatistics) -> BlockMeasures:
    rows = block.count > 0
    means, variances = block.mean[rows], block.variance[rows]
    pooled = block.pooled()
    histogram = pooled.histogram[0]
    return BlockMeasures(
        name=name,
        path=block.path,
        channels=block.channels,
        count=int(pooled.count[0]),
        mean=float(pooled.mean.mean()),
        between=float(means.var(0).mean()) if len(means) > 1 else float('nan'),
        within=float(variances.mean()),
        saturated=float(histogram[:, near(block, 1)].sum() / histogram.sum()),
        closed=tuple(np.flatnonzero(histogram[:, ~near(block, 0)].sum(1) == 0).tolist()),
    )


def near(block: BlockStatistics, value: int) -> np.ndarray:
    """(K,) bool: the bins within one bin's width of 0 or 1."""
    place = round((value - block.edges[0]) * block.bins)  # of the bin that begins there
    return np.isin(np.arange(len(block.edges) - 1), (place - 1, place))


def closed_channels(excitation: Excitation) -> Mapping[str, tuple[int, ...]]:
    """Name of a block → the channels that are closed for every image, where there are any."""
    return {block.name: block.closed for block in measure(excitation) if block.closed}
