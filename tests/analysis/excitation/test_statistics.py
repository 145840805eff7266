"""Streamed statistics against NumPy on all gates at once, however the images come."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from senet_mm.analysis.excitation.statistics import BlockStatistics, Excitation, Recorder
from senet_mm.data.errors import DataError
from senet_mm.layers import SEBlock
from tests.analysis.gated import CLASSES, Gated, batches, noise, stored_gates


def check(block, gates, labels, rel=1e-11):
    """The statistics of `gates` (N,C) with `labels` 0 … G−1, by the definitions."""
    for label in range(len(block.count)):
        own = gates[labels == label]
        assert block.count[label] == len(own)
        if not len(own):
            assert np.isnan(block.variance[label]).all()
            assert not block.histogram[label].any()
            continue
        np.testing.assert_allclose(block.mean[label], own.mean(0), rtol=rel)
        spread = ((own - own.mean(0)) ** 2).mean(0)
        np.testing.assert_allclose(block.variance[label], spread, rtol=rel, atol=1e-30)
        for channel in range(gates.shape[1]):
            inside = own[:, channel].clip(block.edges[0], block.edges[-1])
            np.testing.assert_array_equal(block.histogram[label, channel], np.histogram(inside, block.edges)[0])


def record(network, images, labels, size=9, classes=CLASSES):
    recorder = Recorder(network, range(classes))
    assert recorder.record(batches(images, labels, size)) == len(images)
    return recorder.blocks


@pytest.mark.parametrize('gate', ['sigmoid', 'tanh', 'relu'])
@pytest.mark.parametrize('squeeze', ['avg', 'max', 'none'])
def test_statistics_are_numpys_of_the_stored_gates(gate, squeeze):
    network, (images, labels) = Gated(gate=gate, squeeze=squeeze), noise()
    expected = stored_gates(network, images)
    blocks = record(network, images, labels)
    assert list(blocks) == list(expected) == ['first_se', 'second_se']
    for name, block in blocks.items():
        assert block.gate == gate
        assert expected[name].std() > 0.05
        check(block, expected[name], labels)
    low, high = dict(sigmoid=(0, 1), tanh=(-1, 1), relu=(0, 2))[gate]
    np.testing.assert_allclose(block.edges, np.linspace(low, high, 20 * (high - low) + 1), atol=1e-15)


@pytest.mark.parametrize('size', [1, 2, 7, 50])
def test_the_batch_size_does_not_matter(size):
    network, (images, labels) = Gated(), noise()
    one, other = record(network, images, labels), record(network, images, labels, size)
    for name, block in one.items():
        np.testing.assert_array_equal(block.histogram, other[name].histogram)
        np.testing.assert_allclose(block.mean, other[name].mean, rtol=1e-13)
        np.testing.assert_allclose(block.variance, other[name].variance, rtol=1e-12)


def empty(channels=3, classes=4, **options):
    return BlockStatistics.empty(SEBlock(channels, ratio=1), 'se', classes, **options)


@st.composite
def splits(draw):
    """Gates of float32, some equal, some on the edges of bins; labels; and where to cut them."""
    count = draw(st.integers(1, 40))
    exact = st.sampled_from([0.0, 0.25, 0.5, 1.0, np.float32(0.95), np.float32(1 - 2**-24)])
    value = st.one_of(exact, st.floats(0, 1, width=32))
    gates = draw(st.lists(st.tuples(value, value, value), min_size=count, max_size=count))
    labels = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    cuts = draw(st.lists(st.integers(0, count), max_size=6).map(sorted))
    return np.array(gates, np.float64), np.array(labels), cuts


@given(splits())
def test_any_split_gives_the_same(case):
    gates, labels, cuts = case
    parts = list(zip(np.split(gates, cuts), np.split(labels, cuts), strict=True))
    added, merged = empty(), empty()
    for part, classes in parts:
        added.add(part, classes)
        other = empty()
        other.add(part, classes)
        merged.merge(other)
    for block in (added, merged):
        assert block.count.tolist() == [np.count_nonzero(labels == label) for label in range(4)]
        for label in set(labels.tolist()):
            own = gates[labels == label]
            np.testing.assert_allclose(block.mean[label], own.mean(0), rtol=1e-13, atol=1e-300)
            np.testing.assert_allclose(block.variance[label], own.var(0), rtol=1e-9, atol=1e-30)
            for channel in range(3):
                expected = np.histogram(own[:, channel], block.edges)[0]
                np.testing.assert_array_equal(block.histogram[label, channel], expected)


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_pooled_is_one_class(parts, seed):
    random = np.random.default_rng(seed)
    gates, labels = random.random((60, 3)), random.integers(0, 4, 60)
    block = empty()
    for part in np.array_split(np.arange(60), parts):
        block.add(gates[part], labels[part])
    check(block.pooled(), gates, np.zeros(60, int))


def test_a_small_variance_beside_a_large_mean_is_exact():
    """The mean of the squares less the square of the mean has no digit right here."""
    gates = 1 - 1e-9 * np.random.default_rng(0).random((5000, 3))
    block = empty(classes=1)
    for part in np.array_split(gates, 50):
        block.add(part, np.zeros(len(part), int))
    np.testing.assert_allclose(block.variance[0], gates.var(0), rtol=1e-5)
    assert np.abs((gates**2).mean(0) - gates.mean(0) ** 2 - gates.var(0)).min() > 1e-2 * gates.var(0).max()


def test_memory_does_not_grow_with_the_images():
    network = Gated()
    sizes = []
    for count in (10, 1000):
        recorder = Recorder(network, range(CLASSES))
        before = recorder.nbytes
        recorder.record(batches(*noise(count), 10))
        sizes += [before, recorder.nbytes]
    assert len(set(sizes)) == 1
    channels, bins = 6 + 8, 20
    per_class = 8 + 8 + 2 * bins  # mean, squares, histogram
    assert sizes[0] == CLASSES * channels * per_class + 2 * 8 * (CLASSES + bins + 1)


def test_the_most_memory_in_use_does_not_grow_with_the_images():
    """Measured by Python's own count of what NumPy has allocated, while 10 or 1,000 batches come and go."""
    peaks = []
    for count in (10, 1000):
        recorder = Recorder(Gated(channels=(64, 512)), range(50))
        images = torch.zeros(4, 3, 2, 2, dtype=torch.float64)
        tracemalloc.start()
        recorder.record(batch for _ in range(count) for batch in batches(images, np.arange(4), 4))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 10_000


def test_counts_that_16_bits_cannot_hold_get_more():
    block = empty(classes=1)
    for _ in range(8):
        block.add(np.full((10_000, 3), 0.51), np.zeros(10_000, int))
    assert block.histogram.dtype == np.uint32
    assert block.histogram[0, :, 10].tolist() == [80_000] * 3
    other = empty(classes=1)
    other.merge(block)
    assert other.histogram[0, 0, 10] == 80_000


def test_a_gate_that_is_not_a_number_is_an_error():
    network, (images, labels) = Gated(), noise(6)
    images[4, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match='first_se: a gate is NaN'):
        record(network, images, labels)


def test_a_network_without_se_is_an_error():
    with pytest.raises(DataError, match='Linear has no SE block'):
        Recorder(torch.nn.Linear(1, 1))


def test_a_label_that_was_not_announced_is_an_error():
    with pytest.raises(DataError, match='label 3, which is none'):
        record(Gated(), *noise(8), classes=3)


class Regions(Gated):
    """Three maps for each image, as the head of a detector has them."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.second_se(self.second(self.first_se(self.first(inputs.repeat(3, 1, 1, 1)))))
        return data_samples


def test_maps_that_are_no_images_have_no_class():
    network, (images, labels) = Regions(), noise(10)
    with pytest.raises(DataError, match='first_se rescales 27 maps for 9 images'):
        record(network, images, labels)
    recorder = Recorder(network)
    recorder.record(batches(images, labels, 4))
    assert recorder.blocks['first_se'].count.tolist() == [30]


def excitation(**options):
    blocks = record(Gated(), *noise(30), classes=CLASSES + 1)
    classes = tuple(f'class {label}' for label in range(CLASSES + 1))
    return Excitation(classes, tuple(range(CLASSES + 1)), blocks, dict(config='a.py', images=30), **options)


def test_what_was_saved_is_loaded(tmp_path):
    path, saved = tmp_path / 'new' / 'excitation.npz', excitation(ablation=dict(metric='AP', whole=3.5))
    saved.save(path)
    loaded = Excitation.load(path)
    assert (loaded.classes, loaded.labels, loaded.source) == (saved.classes, saved.labels, saved.source)
    assert loaded.ablation == saved.ablation
    for name, block in saved.blocks.items():
        other = loaded.blocks[name]
        assert (other.gate, other.path) == (block.gate, block.path)
        for kind in ('edges', 'count', 'mean', 'histogram', 'variance'):
            np.testing.assert_allclose(getattr(other, kind), getattr(block, kind), rtol=1e-15)
    assert [entry.name for entry in path.parent.iterdir()] == ['excitation.npz']


def test_the_file_is_as_documented(tmp_path):
    path, saved = tmp_path / 'excitation.npz', excitation()
    saved.save(path)
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    shapes = {name: array.shape for name, array in arrays.items()}
    assert str(arrays['format']) == 'senet_mm.excitation/1'
    assert shapes.pop('labels') == shapes.pop('classes') == (CLASSES + 1,)
    assert arrays['blocks'].tolist() == arrays['paths'].tolist() == ['first_se', 'second_se']
    assert arrays['gates'].tolist() == ['sigmoid', 'sigmoid']
    assert shapes['second_se/mean'] == shapes['second_se/variance'] == (CLASSES + 1, 8)
    assert shapes['second_se/histogram'] == (CLASSES + 1, 8, 20)
    assert shapes['second_se/edges'] == (21,)
    assert arrays['second_se/count'].tolist() == [8, 7, 7, 8, 0]
    section = Path('docs/excitation.md').read_text().split('## excitation.npz')[1].split('## ')[0]
    rows = [line.split('|')[1] for line in section.splitlines() if line.startswith('| `')]
    documented = {key for row in rows for key in re.findall('`(.+?)`', row)}
    assert documented == {re.sub('^(first|second)_se/', '<block>/', key) for key in arrays}


def test_other_files_are_refused(tmp_path):
    path = tmp_path / 'excitation.npz'
    with pytest.raises(DataError, match='there is no file'):
        Excitation.load(path)
    path.write_bytes(b'text')
    with pytest.raises(DataError, match='is not what tools/analyze_excitation'):
        Excitation.load(path)
    np.savez(path, format='something else')
    with pytest.raises(DataError, match='its format is something else'):
        Excitation.load(path)
    np.savez(path, format=np.array({'an': 'object'}, dtype=object))
    with pytest.raises(DataError, match='allow_pickle'):
        Excitation.load(path)
    excitation().save(path)
    arrays = dict(np.load(path))
    np.savez(path, **dict(arrays, **{'first_se/histogram': arrays['first_se/histogram'][:, 1:]}))
    with pytest.raises(DataError, match='do not fit each other'):
        Excitation.load(path)
