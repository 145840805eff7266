"""Class-balanced mini-batches: every count is taken from the batches themselves."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.dataset import DefaultSampler
from mmengine.runner import Runner

from senet_mm.data.class_balanced import ClassBalancedBatchSampler
from senet_mm.registry import DATA_SAMPLERS


class Labelled:
    """A dataset of labels, in the form of mmpretrain's."""

    def __init__(self, labels):
        self.labels = np.asarray(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([index]))

    def get_gt_labels(self):
        return self.labels


def samplers(labels, batch_size, processes=1, seed=0, epoch=0, **options):
    """The batch samplers of all processes."""
    found = []
    for rank in range(processes):
        sampler = DefaultSampler(Labelled(labels), seed=seed)
        sampler.rank, sampler.world_size = rank, processes
        sampler.set_epoch(epoch)
        found.append(ClassBalancedBatchSampler(sampler, batch_size, **options))
    return found


def uneven(sizes, seed=0):
    """Labels of classes of these sizes, in random order."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))


def spread(labels, classes):
    counts = np.bincount(labels, minlength=classes)
    return counts.max() - counts.min()


@settings(deadline=None, max_examples=150)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=9),
    batch_size=st.integers(1, 20),
    processes=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_every_batch_and_the_epoch_are_balanced(sizes, batch_size, processes, seed):
    labels, classes = uneven(sizes), len(sizes)
    per_process = [list(sampler) for sampler in samplers(labels, batch_size, processes, seed)]
    lengths = {tuple(map(len, batches)) for batches in per_process}
    assert len(lengths) == 1, 'processes differ in their batches'
    (lengths,) = lengths
    assert sum(lengths) == -(-len(labels) // processes), 'an epoch is as long as without'
    assert set(lengths[:-1]) <= {batch_size}
    for of_all in zip(*per_process, strict=True):
        assert all(spread(labels[batch], classes) <= 1 for batch in of_all)
        assert spread(labels[np.concatenate(of_all)], classes) <= 1
    assert spread(labels[np.concatenate([np.concatenate(batches) for batches in per_process])], classes) <= 1


@settings(deadline=None, max_examples=50)
@given(sizes=st.lists(st.integers(1, 30), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_no_image_comes_again_before_its_class_is_through(sizes, seed):
    labels = uneven(sizes)
    (sampler,) = samplers(labels, 5, seed=seed)
    drawn = np.concatenate(list(sampler))
    for label, size in enumerate(sizes):
        of_class = drawn[labels[drawn] == label]
        assert max(Counter(of_class.tolist()).values()) == -(-len(of_class) // size)
        assert len(set(of_class[:size].tolist())) == min(size, len(of_class))


def test_a_thousand_classes_in_batches_of_the_paper():
    labels = uneven([5] * 500 + [15] * 500)
    batches = list(zip(*samplers(labels, 128, processes=8), strict=True))
    assert len(batches) == len(samplers(labels, 128, processes=8)[0]) == 10
    first = np.concatenate(batches[0])
    assert Counter(np.bincount(labels[first], minlength=1000).tolist()) == {1: 976, 2: 24}
    assert {spread(labels[batch], 1000) for batch in batches[0]} == {1}


def test_seed_and_epoch_decide_the_order():
    labels = uneven([3, 20, 7])
    run = list(samplers(labels, 4, seed=5, epoch=2)[0])
    assert run == list(samplers(labels, 4, seed=5, epoch=2)[0])
    assert run != list(samplers(labels, 4, seed=5, epoch=3)[0])
    assert run != list(samplers(labels, 4, seed=6, epoch=2)[0])


def test_classes_without_images_are_left_out():
    labels = np.array([7, 7, 2, 7, 2, 7])
    for batch in samplers(labels, 2)[0]:
        assert sorted(labels[batch].tolist()) == [2, 7]


def test_a_smaller_last_batch_can_be_left_out():
    labels = uneven([4, 7])
    assert [len(batch) for batch in samplers(labels, 4)[0]] == [4, 4, 3]
    assert [len(batch) for batch in samplers(labels, 4, drop_last=True)[0]] == [4, 4]
    assert list(samplers(labels, 12, drop_last=True)[0]) == []


def test_mmengine_builds_it_and_tells_it_the_epoch():
    labels = uneven([2, 9, 4])
    loader = dict(
        dataset=Labelled(labels),
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_sampler=dict(type='senet_mm.ClassBalancedBatchSampler'),
        batch_size=6,
        num_workers=0,
    )
    loader = Runner.build_dataloader(loader, seed=3)
    assert not hasattr(loader.sampler, 'set_epoch')  # so DistSamplerSeedHook sets the one that the batches ask
    loader.batch_sampler.sampler.set_epoch(4)
    batches = [torch.cat(batch['inputs']).tolist() for batch in loader]
    assert batches == list(samplers(labels, 6, seed=3, epoch=4)[0])


def test_what_it_cannot_use_is_named():
    build = DATA_SAMPLERS.build
    kind = dict(type='senet_mm.ClassBalancedBatchSampler', batch_size=2)
    with pytest.raises(ValueError, match="give sampler=dict\\(type='DefaultSampler', shuffle=True\\)"):
        build(dict(kind, sampler=DefaultSampler(Labelled([0, 1]), shuffle=False)))
    with pytest.raises(ValueError, match='list has none'):
        build(dict(kind, sampler=DefaultSampler([0, 1])))
    with pytest.raises(ValueError, match='one label an image'):
        build(dict(kind, sampler=DefaultSampler(Labelled([[0, 1], [1, 1]]))))
    with pytest.raises(ValueError, match='batch_size=0'):
        build(dict(kind, sampler=DefaultSampler(Labelled([0, 1])), batch_size=0))
