"""What the gates of SE blocks do over a data set: mean, variance and histogram by class, block and channel (Sec. 7.2).

Gates are taken as the blocks compute them, batch by batch, and forgotten: what is kept grows with classes and channels
only. Of a block without a squeeze, whose gates are a map, the mean over space is taken. All sums are float64, so how
the images come, in which batches, from which workers or in which process, changes the last digits at most.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from senet_mm.analysis.excitation.blocks import excite_replaced, name_blocks, own_gates
from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file
from senet_mm.layers import SEBlock
from senet_mm.layers.se import GATES

FORMAT = 'senet_mm.excitation/1'
BINS = 20  # between 0 and 1
RANGES = {'sigmoid': (0, 1), 'tanh': (-1, 1), 'relu': (0, 2)}  # of the histograms
ARRAYS = ('edges', 'count', 'mean', 'variance', 'histogram')


@dataclass
class BlockStatistics:
    """The gates of one block with C channels over the images of G classes.

    Attributes:
        gate: 'sigmoid', 'tanh' or 'relu'.
        path: Of the block in its network.
        edges: (K+1,) of the histograms' bins. Gates of ReLU beyond the last edge are in the last bin.
        count: (G,) int64, how often the block ran for an image of the class.
        mean: (G,C) float64, 0 where the count is.
        squares: (G,C) float64, sum of the squared distances from the mean.
        histogram: (G,C,K), unsigned, of 16 bits until a class has more images than these can count.
    """

    gate: str
    path: str
    edges: np.ndarray
    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    histogram: np.ndarray

    @classmethod
    def empty(cls, block: SEBlock, path: str, classes: int, bins: int = BINS) -> BlockStatistics:
        """Of no images yet; `bins` is the number of bins in an interval of length 1."""
        gate = next(name for name, kind in GATES.items() if isinstance(block.gate, kind))
        low, high = RANGES[gate]
        edges = low + np.arange((high - low) * bins + 1) / bins
        shape = (classes, block.fc2.out_channels)
        histogram = np.zeros((*shape, len(edges) - 1), np.uint16)
        return cls(gate, path, edges, np.zeros(classes, np.int64), np.zeros(shape), np.zeros(shape), histogram)

    @property
    def channels(self) -> int:
        """C."""
        return self.mean.shape[1]

    @property
    def bins(self) -> int:
        """How many bins an interval of length 1 has."""
        return round(1 / (self.edges[1] - self.edges[0]))

    @property
    def variance(self) -> np.ndarray:
        """(G,C), of the images that were seen: the sum is divided by their number; NaN without any."""
        with np.errstate(invalid='ignore'):
            return self.squares / self.count[:, None]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))

    def add(self, gates: np.ndarray, classes: np.ndarray) -> None:
        """Take gates (N,C), float64, of images of `classes` (N,), 0 … G−1."""
        order = np.argsort(classes, kind='stable')
        gates, classes = gates[order], classes[order]
        present, starts, counts = np.unique(classes, return_index=True, return_counts=True)
        if not present.size:
            return
        mean = np.add.reduceat(gates, starts) / counts[:, None]
        squares = np.add.reduceat((gates - np.repeat(mean, counts, axis=0)) ** 2, starts)
        self._join(present, counts, mean, squares)
        bins = np.floor((gates - self.edges[0]) * self.bins).astype(np.int64).clip(0, len(self.edges) - 2)
        places = (classes[:, None] * self.channels + np.arange(self.channels)) * (len(self.edges) - 1) + bins
        np.add.at(self.histogram.reshape(-1), places.reshape(-1), self.histogram.dtype.type(1))

    def _join(self, rows: np.ndarray, counts: np.ndarray, mean: np.ndarray, squares: np.ndarray) -> None:
        """Join the statistics of other images of the classes `rows` (Chan, Golub, LeVeque 1983)."""
        before = self.count[rows]
        after = before + counts
        step = mean - self.mean[rows]
        self.squares[rows] += squares + step**2 * (before * counts / after)[:, None]
        self.mean[rows] += step * (counts / after)[:, None]
        self.count[rows] = after
        self._widen()

    def _widen(self) -> None:
        needed = np.min_scalar_type(int(self.count.max(initial=0)))
        self.histogram = self.histogram.astype(np.promote_types(self.histogram.dtype, needed), copy=False)

    def merge(self, other: BlockStatistics) -> None:
        """Take what another saw of the same block."""
        rows = np.flatnonzero(other.count)
        self._join(rows, other.count[rows], other.mean[rows], other.squares[rows])
        self.histogram += other.histogram.astype(self.histogram.dtype)

    def merge_processes(self) -> None:
        """Take what all processes saw; all end with the same."""
        count = _sum(self.count)
        mean = _sum(self.mean * self.count[:, None]) / np.maximum(count, 1)[:, None]
        self.squares = _sum(self.squares + self.count[:, None] * (self.mean - mean) ** 2)
        self.count, self.mean = count, mean
        self._widen()
        self.histogram = _sum(self.histogram, np.int64).astype(self.histogram.dtype)

    def pooled(self) -> BlockStatistics:
        """Of all images, as one class."""
        count = self.count.sum(keepdims=True)
        mean = (self.mean * self.count[:, None]).sum(0, keepdims=True) / max(count[0], 1)
        spread = (self.count[:, None] * (self.mean - mean) ** 2).sum(0, keepdims=True)
        histogram = self.histogram.sum(0, keepdims=True, dtype=np.uint64)
        squares = self.squares.sum(0, keepdims=True) + spread
        return replace(self, count=count, mean=mean, squares=squares, histogram=histogram)


def _sum(array: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """Over processes; a new array, of `dtype` or that of `array`."""
    total = torch.from_numpy(np.array(array, dtype, order='C'))
    all_reduce(total)
    return total.numpy()


@dataclass(frozen=True)
class Excitation:
    """The gates of all SE blocks of a network over a data set.

    Attributes:
        classes: Names of the G classes; one name, 'all images', where images have no class.
        labels: Their labels, ascending.
        blocks: Name, as in name_blocks → statistics.
        source: Where they come from: config, checkpoint, its sha256, split, number of images.
        ablation: The fields of an Ablation; empty if nothing was tested.
    """

    classes: tuple[str, ...]
    labels: tuple[int, ...]
    blocks: Mapping[str, BlockStatistics]
    source: Mapping[str, Any] = field(default_factory=dict)
    ablation: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all; docs/excitation.md says what is in the file.

        Raises:
            DataError: The file could not be written.
        """
        arrays: dict[str, Any] = {
            f'{name}/{kind}': getattr(block, kind) for name, block in self.blocks.items() for kind in ARRAYS
        }
        texts = dict(
            format=FORMAT,
            source=json.dumps(dict(self.source)),
            ablation=json.dumps(dict(self.ablation)),
            classes=self.classes,
            blocks=tuple(self.blocks),
            paths=tuple(block.path for block in self.blocks.values()),
            gates=tuple(block.gate for block in self.blocks.values()),
        )
        with whole_file(path) as part, part.open('wb') as file:
            arrays |= {name: np.array(text, np.str_) for name, text in texts.items()}
            np.savez_compressed(file, labels=np.array(self.labels, np.int64), **arrays)

    @classmethod
    def load(cls, path: Path) -> Excitation:
        """Read what `save` wrote. Nothing in the file is executed.

        Raises:
            DataError: The file is not there or is something else.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                if str(archive['format']) != FORMAT:
                    raise ValueError(f'its format is {archive["format"]}, not {FORMAT}')
                names, paths, gates = (archive[kind].tolist() for kind in ('blocks', 'paths', 'gates'))
                blocks = {
                    name: _block(gate, place, {kind: archive[f'{name}/{kind}'] for kind in ARRAYS})
                    for name, place, gate in zip(names, paths, gates, strict=True)
                }
                classes, labels = tuple(archive['classes'].tolist()), tuple(archive['labels'].tolist())
                source, ablation = (json.loads(str(archive[kind])) for kind in ('source', 'ablation'))
        except FileNotFoundError:
            raise DataError(f'there is no file {path}') from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f'{path} is not what tools/analyze_excitation.py writes ({error}); record it anew'
            ) from error
        return cls(classes, labels, blocks, source, ablation)


def _block(gate: str, path: str, arrays: dict[str, np.ndarray]) -> BlockStatistics:
    variance = arrays.pop('variance')
    squares = np.where(arrays['count'][:, None] > 0, variance * arrays['count'][:, None], 0)
    classes, channels = squares.shape
    expected = (classes, channels, len(arrays['edges']) - 1)
    if arrays['histogram'].shape != expected or arrays['mean'].shape != squares.shape or gate not in GATES:
        raise ValueError(f'the arrays of {path} do not fit each other')
    return BlockStatistics(gate, path, squares=squares, **arrays)


class Recorder:
    """Takes the statistics of a network's SE blocks while the network runs.

    Args:
        network: A model of mmengine's, in evaluation mode.
        labels: The labels that images can have, ascending; None for one class of all images.
        bins: Of the histograms, between 0 and 1.

    Raises:
        DataError: The network has no SE block.
    """

    def __init__(self, network: nn.Module, labels: Sequence[int] | None = None, bins: int = BINS) -> None:
        found = name_blocks(network)
        if not found:
            raise DataError(f'{type(network).__name__} has no SE block: add se=dict(ratio=16) to its backbone')
        self.network: Any = network
        self.labels = None if labels is None else np.asarray(labels)
        count = 1 if labels is None else len(labels)
        self._names = {block: name for name, (_, block) in found.items()}
        self.blocks = {name: BlockStatistics.empty(block, path, count, bins) for name, (path, block) in found.items()}

    @property
    def nbytes(self) -> int:
        """Bytes that the statistics take."""
        return sum(block.nbytes for block in self.blocks.values())

    def record(self, batches: Iterable[Any]) -> int:
        """Run the network on batches as its loader delivers them.

        Returns:
            How many images there were.

        Raises:
            DataError: A gate is not a number, or a block does not run once or several times for every image though
                images have classes.
        """
        images = 0
        for batch in batches:
            seen: list[tuple[SEBlock, Tensor]] = []

            def excite(block: SEBlock, u: Tensor, seen: list[tuple[SEBlock, Tensor]] = seen) -> Tensor:
                gates = own_gates(block, u)
                seen.append((block, gates.mean((2, 3), dtype=torch.float64)))
                return gates

            with torch.no_grad(), excite_replaced(self._names, excite):
                samples = self.network.test_step(batch)
            classes = self._classes(samples)
            images += len(samples)
            for block, gates in seen:
                self._add(self._names[block], gates.cpu().numpy(), classes)
        return images

    def _classes(self, samples: Sequence[Any]) -> np.ndarray | None:
        """Of each sample, the place of its label; None if they have no classes."""
        if self.labels is None:
            return None
        labels = np.array([int(sample.gt_label) for sample in samples])
        unknown = sorted(set(labels.tolist()) - set(self.labels.tolist()))
        if unknown:
            raise DataError(f'an image has the label {unknown[0]}, which is none of those to be recorded')
        return np.searchsorted(self.labels, labels)

    def _add(self, name: str, gates: np.ndarray, classes: np.ndarray | None) -> None:
        if not np.isfinite(gates).all():
            raise DataError(f'{name}: a gate is NaN or infinite. The checkpoint is of a training that diverged')
        if classes is None:
            classes = np.zeros(len(gates), np.int64)
        elif len(classes) != len(gates):
            raise DataError(
                f'{name} rescales {len(gates)} maps for {len(classes)} images, and which is of which class cannot be '
                'told: --one-class takes all images together'
            )
        self.blocks[name].add(gates, classes)

    def merge_processes(self) -> None:
        """Take what all processes recorded."""
        if get_world_size() == 1:
            return
        for block in self.blocks.values():
            block.merge_processes()
