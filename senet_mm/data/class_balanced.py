"""Mini-batches in which every class has its share, however uneven the training set is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mmengine.dataset import DefaultSampler
from torch.utils.data import Sampler

from senet_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ClassBalancedBatchSampler(Sampler[list[int]]):
    """Labels (N,) → batches of indices in which the numbers of images of any two classes differ by one at most.

    That holds for the batch of each process, for the batch over all processes, and for the epoch, which is as long as
    without. The images of a class are drawn without repetition until all were seen. The paper's first version and its
    slides compensate the classes' uneven sizes so; class-aware sampling of "Relay Backpropagation" (Shen et al., arXiv
    1512.05830). mmdet's ClassAwareSampler does it without knowing where a batch ends, so its batches are uneven.

    It takes the place of torch's BatchSampler and uses the seed, the epoch and the processes of mmengine's sampler:
    `train_dataloader = dict(batch_sampler=dict(type='senet_mm.ClassBalancedBatchSampler'))`.

    Args:
        sampler: mmengine's DefaultSampler of a dataset with `get_gt_labels()`, as mmpretrain's have; shuffling.
        batch_size: Images of one process.
        drop_last: Leave out the last batch of an epoch where it is smaller.
    """

    def __init__(self, sampler: DefaultSampler, batch_size: int, drop_last: bool = False) -> None:
        if not isinstance(sampler, DefaultSampler) or not sampler.shuffle:
            raise ValueError(
                'ClassBalancedBatchSampler draws at random, with the seed and epoch of a DefaultSampler: '
                "give sampler=dict(type='DefaultSampler', shuffle=True)"
            )
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}: ClassBalancedBatchSampler takes 1 or more')
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last
        self._members = _indices_by_class(sampler)

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._sizes())

    def __iter__(self) -> Iterator[list[int]]:
        """This process's batches of the sampler's epoch; another epoch, another order."""
        rng = np.random.default_rng((self.sampler.seed, self.sampler.epoch))
        sizes = self._sizes()
        processes, rank = self.sampler.world_size, self.sampler.rank
        deck = np.empty(0, dtype=np.int64)
        classes = [deck]
        for size in sizes:
            batch, deck = _deal(processes * size, len(self._members), deck, rng)
            classes.append(batch)
        images = self._draw_images(np.concatenate(classes), rng)
        ends = processes * np.cumsum(sizes)
        for size, end in zip(sizes, ends, strict=True):
            start = end - (processes - rank) * size
            yield images[start : start + size].tolist()

    def _sizes(self) -> list[int]:
        """The size of each batch of a process; every process gets the same."""
        full, last = divmod(-(-len(self.sampler.dataset) // self.sampler.world_size), self.batch_size)
        return [self.batch_size] * full + [last] * (last > 0 and not self.drop_last)

    def _draw_images(self, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """An image for each entry of `classes`, class after class from reshuffled lists of their images."""
        images = np.empty_like(classes)
        counts = np.bincount(classes, minlength=len(self._members))
        places = np.split(np.argsort(classes, kind='stable'), np.cumsum(counts)[:-1])
        for members, wanted in zip(self._members, places, strict=True):
            rounds = -(-len(wanted) // len(members))
            drawn = np.concatenate([rng.permutation(members) for _ in range(rounds)] or [members[:0]])
            images[wanted] = drawn[: len(wanted)]
        return images


def _indices_by_class(sampler: DefaultSampler) -> list[np.ndarray]:
    """The indices of each class that has images."""
    dataset = sampler.dataset
    if not hasattr(dataset, 'get_gt_labels'):
        raise ValueError(
            f'ClassBalancedBatchSampler needs a dataset with get_gt_labels(), as those of mmpretrain have; '
            f'{type(dataset).__name__} has none'
        )
    labels = np.asarray(dataset.get_gt_labels())
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not labels.size:
        raise ValueError(f'ClassBalancedBatchSampler needs one label an image; {type(dataset).__name__} has others')
    _, counts = np.unique(labels, return_counts=True)
    return np.split(np.argsort(labels, kind='stable'), np.cumsum(counts)[:-1])


def _deal(size: int, classes: int, deck: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The classes of a batch (size,), and what is left of the deck from which the classes of an incomplete round come.

    Any stretch of the batch is balanced, too: it repeats one order of all classes.
    """
    rounds, extra = divmod(size, classes)
    head, deck = deck[:extra], deck[extra:]
    if len(head) < extra:
        fresh = rng.permutation(classes)
        again = np.isin(fresh, head)  # in this batch already: to the bottom
        fresh = np.concatenate([fresh[~again], fresh[again]])
        missing = extra - len(head)
        head, deck = np.concatenate([head, fresh[:missing]]), fresh[missing:]
    if not rounds:
        return head, deck
    order = np.concatenate([head, rng.permutation(np.setdiff1d(np.arange(classes), head))])
    return np.resize(order, size), deck
