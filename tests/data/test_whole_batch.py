"""Whole-batch transforms against the MM tools' own: equal pixels from equal draws, and equally distributed draws.

The per-sample side is mmcv's and mmpretrain's code, executed image by image. Where draws are prescribed, they replace
the method that draws; where they are measured, they are read off the pixels that come out, of both sides alike.
"""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import Compose, Normalize, RandomFlip
from mmengine.structures import BaseDataElement
from mmpretrain.datasets.transforms import ColorJitter, PackInputs, RandomCrop
from scipy.stats import chi2_contingency, chisquare

from senet_mm.data.cutout import Cutout
from senet_mm.data.errors import DataError
from senet_mm.data.whole_batch import BatchPipeline, whole_batch_collate

STATISTICS = {
    'cifar10': ([125.3, 123.0, 113.9], [63.0, 62.1, 66.7]),
    'cifar100': ([129.3, 124.1, 112.4], [68.2, 65.4, 70.4]),
}
ORDERS = [('flip', 'normalize', 'crop', 'cutout'), ('normalize', 'crop', 'cutout', 'flip'), ('crop', 'flip', 'cutout')]
WHOLE, SINGLE = 'whole batches', 'image by image'


def transforms(hole=16, to_rgb=False, name='cifar10'):
    return dict(
        normalize=Normalize(*STATISTICS[name], to_rgb=to_rgb),
        flip=RandomFlip(prob=0.5, direction='horizontal'),
        crop=RandomCrop(crop_size=32, padding=4),
        cutout=Cutout(size=hole),
    )


def random_images(count, shape=(3, 32, 32), seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8))


def prescribe(pipeline, flip, rows, columns):
    """Have the transforms of a per-sample pipeline draw this."""
    for transform in pipeline.values():
        if isinstance(transform, RandomFlip):
            transform._choose_direction = lambda: transform_direction(flip)
        elif isinstance(transform, RandomCrop):
            transform.rand_crop_params = lambda img: (rows[0], columns[0], 32, 32)
        elif isinstance(transform, Cutout):
            transform.draw_centre = lambda height, width: (rows[1], columns[1])


def transform_direction(flip):
    return 'horizontal' if flip else None


def one_by_one(steps, images):
    """(N,C,H,W) through a per-sample pipeline."""
    run = Compose(list(steps))
    return torch.stack(
        [torch.from_numpy(run(dict(img=image.permute(1, 2, 0).numpy().copy()))['img'].copy()) for image in images]
    ).permute(0, 3, 1, 2)


def at_once(steps, images, seed=0):
    """(N,C,H,W) through the whole-batch form of the same pipeline, 128 at a time."""
    pipeline, generator = BatchPipeline.of(list(steps)), torch.Generator().manual_seed(seed)
    return torch.cat([pipeline(part, generator) for part in images.split(128)])


offset, pixel = st.integers(0, 8), st.integers(0, 31)
draws = st.tuples(st.booleans(), st.tuples(offset, pixel), st.tuples(offset, pixel))


@settings(deadline=None, max_examples=60)
@given(
    drawn=st.lists(draws, min_size=1, max_size=5),
    order=st.sampled_from(ORDERS),
    hole=st.sampled_from([16, 8]),
    to_rgb=st.booleans(),
    name=st.sampled_from(sorted(STATISTICS)),
)
def test_the_same_offsets_flips_and_holes_give_identical_pixels(drawn, order, hole, to_rgb, name):
    images = random_images(len(drawn))
    expected = []
    for image, draw in zip(images, drawn, strict=True):
        single = transforms(hole, to_rgb, name)
        prescribe(single, *draw)
        expected.append(one_by_one((single[step] for step in order), image[None]))
    flips, rows, columns = (torch.tensor(column) for column in zip(*drawn, strict=True))
    numbers = dict(normalize=(), flip=(flips,), crop=(rows[:, 0], columns[:, 0]), cutout=(rows[:, 1], columns[:, 1]))
    batch, untouched = images, images.clone()
    single = transforms(hole, to_rgb, name)
    for step, part in zip(order, BatchPipeline.of([single[step] for step in order]).steps, strict=True):
        batch = part.apply(batch, numbers[step])
    assert torch.equal(batch, torch.cat(expected))
    assert batch.dtype == expected[0].dtype
    assert torch.equal(images, untouched)


@settings(deadline=None)
@given(
    shape=st.tuples(st.just(3), st.integers(4, 12), st.integers(4, 12)),
    crop_size=st.one_of(st.integers(1, 14), st.tuples(st.integers(1, 14), st.integers(1, 14))),
    padding=st.sampled_from([None, 0, 3, (1, 2), (1, 2, 3, 4)]),
    where=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_crops_of_any_size_and_padding_are_the_same(shape, crop_size, padding, where):
    crop = RandomCrop(crop_size=crop_size, padding=padding)
    (form,) = BatchPipeline.of([crop]).steps
    image = random_images(1, shape)
    rooms = [int(form.draw(image.expand(400, -1, -1, -1), torch.Generator())[axis].max()) for axis in (0, 1)]
    row, column = (round(room * fraction) for room, fraction in zip(rooms, where, strict=True))
    size = crop.crop_size

    def prescribed(img):
        assert [max(have - want, 0) for have, want in zip(img.shape, size, strict=False)] == rooms
        return row, column, min(size[0], img.shape[0]), min(size[1], img.shape[1])

    crop.rand_crop_params = prescribed
    assert torch.equal(form.apply(image, (torch.tensor([row]), torch.tensor([column]))), one_by_one([crop], image))


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_flips_in_every_direction_are_the_same(direction):
    images = random_images(4, (3, 5, 7))
    always = RandomFlip(prob=1.0, direction=direction)
    assert torch.equal(at_once([always], images), one_by_one([always], images))
    assert torch.equal(at_once([RandomFlip(prob=0.0, direction=direction)], images), images)


@pytest.mark.parametrize('name', STATISTICS)
def test_normalisation_is_the_same_to_the_last_bit(name):
    every_value = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    normalize = Normalize(*STATISTICS[name], to_rgb=False)
    result = at_once([normalize], every_value)
    assert torch.equal(result, one_by_one([normalize], every_value))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in STATISTICS[name])
    torch.testing.assert_close(result[0] * std + mean, every_value[0].float(), rtol=0, atol=1e-4)


def read_geometry(execution, count, seed):
    """Flip, first row and first column of `count` crops, read off pixels that say where they come from."""
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing='ij')
    images = torch.stack((rows, columns, torch.ones_like(rows))).to(torch.uint8).expand(count, -1, -1, -1)
    out = run([transforms()['flip'], transforms()['crop']], images, execution, seed).long()
    row, column, beside = out[:, 0, 16, 16], out[:, 1, 16, 16], out[:, 1, 16, 17]  # inside at every offset
    flip = beside < column
    first_column = torch.where(flip, 31 - column, column) - 16 + 4
    return flip.long().numpy(), (row - 16 + 4).numpy(), first_column.numpy()


def read_holes(execution, count, seed):
    """Rows and columns of the centres of `count` holes of 16 pixels."""
    out = run([transforms()['cutout']], torch.ones(count, 3, 32, 32, dtype=torch.uint8), execution, seed)
    centres = []
    for axis in (2, 1):
        along = (out[:, 0] == 0).any(axis).int()
        first, length = along.argmax(1), along.sum(1)
        centres.append(torch.where(first > 0, first + 8, length - 8).numpy())
    return centres


def run(steps, images, execution, seed):
    if execution == WHOLE:
        return at_once(steps, images, seed)
    np.random.seed(seed)
    return one_by_one(steps, images)


def uniform(cells, *numbers):
    """p of a chi-square test that the joint distribution is uniform."""
    counts = np.zeros(cells)
    assert np.min(numbers) == 0
    np.add.at(counts, numbers, 1)  # an index that is too large raises
    return chisquare(counts.ravel()).pvalue


def independent(a, b):
    """p of a chi-square test of independence."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    return chi2_contingency(table).pvalue


@pytest.mark.parametrize('execution', [WHOLE, SINGLE])
def test_flips_and_offsets_are_uniform_and_independent(execution):
    flip, row, column = read_geometry(execution, 5000, seed=1)
    assert uniform((2, 9, 9), flip, row, column) > 1e-3  # every combination alike
    for drawn, cells in ((flip, 2), (row, 9), (column, 9)):
        assert uniform((cells,), drawn) > 1e-3
        assert independent(drawn[:-1], drawn[1:]) > 1e-3  # of the image before, too


@pytest.mark.parametrize('execution', [WHOLE, SINGLE])
def test_holes_are_uniform_and_independent(execution):
    row, column = read_holes(execution, 6 * 32 * 32, seed=2)
    assert uniform((32, 32), row, column) > 1e-3
    assert uniform((32,), row) > 1e-3
    assert uniform((32,), column) > 1e-3
    assert independent(row[:-1] // 4, row[1:] // 4) > 1e-3
    assert independent(column[:-1] // 4, column[1:] // 4) > 1e-3


def test_transforms_of_one_pipeline_draw_independently():
    generator, images = torch.Generator().manual_seed(3), torch.zeros(20_000, 1, 32, 32)
    steps = transforms()
    (flip,), crop, hole = (
        part.draw(images, generator)
        for part in BatchPipeline.of([steps[name] for name in ('flip', 'crop', 'cutout')]).steps
    )
    for drawn in crop:
        assert independent(flip.long().numpy(), drawn.numpy()) > 1e-3
        for centre in hole:
            assert independent(drawn.numpy(), centre.numpy() // 4) > 1e-3


def test_images_of_a_batch_are_never_treated_alike_and_batches_differ():
    batches = at_once([transforms()[step] for step in ORDERS[0]], random_images(1).expand(1280, -1, -1, -1), seed=4)
    assert min(len(batch.unique(dim=0)) for batch in batches.split(128)) > 120
    assert len(batches.unique(dim=0)) > 1200


class Shifted(RandomCrop):
    pass


@pytest.mark.parametrize(
    'transform',
    [
        ColorJitter(brightness=0.4),
        RandomFlip(prob=[0.3, 0.5], direction=['horizontal', 'vertical']),
        RandomCrop(crop_size=32, pad_if_needed=True),
        RandomCrop(crop_size=32, padding=4, padding_mode='reflect'),
        RandomCrop(crop_size=32, padding=4, pad_val=128),
        Shifted(crop_size=32, padding=4),
        Compose([]),
        len,
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_a_transform_without_a_whole_batch_form_is_named(transform):
    with pytest.raises(DataError) as caught:
        BatchPipeline.of([transforms()['flip'], transform, PackInputs()])
    message = str(caught.value)
    assert message.startswith(f'{transform!r} has no whole-batch form')
    assert '--cfg-options train_dataloader.dataset.whole_batch=False' in message


def test_packing_is_no_step_and_a_pipeline_travels_to_other_processes():
    pipeline = BatchPipeline.of([*transforms().values(), PackInputs()])
    assert len(pipeline.steps) == 4
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline


def test_collate_passes_whole_batches_and_stacks_samples():
    batch = dict(inputs=torch.zeros(3, 1))
    assert whole_batch_collate(batch) is batch
    samples = [dict(inputs=torch.full((2,), number), data_samples=BaseDataElement()) for number in range(3)]
    stacked = whole_batch_collate(samples)
    assert stacked['inputs'].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert stacked['data_samples'] == [sample['data_samples'] for sample in samples]
