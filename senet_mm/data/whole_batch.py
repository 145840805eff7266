"""A pipeline of the MM tools, carried out on a batch of images at once instead of on one after the other.

There is one statement of an augmentation, the config's ordinary `pipeline`. `BatchPipeline.of` translates its
transforms into vectorised ones, which draw from the same distributions and, given the same draws, give the same pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.transforms import Normalize, RandomFlip
from mmengine.dataset import default_collate
from mmpretrain.datasets.transforms import PackInputs, RandomCrop
from torch import Tensor

from senet_mm.data.cutout import Cutout
from senet_mm.data.errors import DataError
from senet_mm.registry import FUNCTIONS


class BatchTransform:
    """One step: images (N,C,H,W) → images, every image with random numbers of its own."""

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """The random numbers for these images, each (N,); the generator is on their device."""
        return ()

    def apply(self, images: Tensor, drawn: tuple[Tensor, ...] = ()) -> Tensor:
        """Carry it out with these random numbers. The images given stay as they are."""
        raise NotImplementedError


@dataclass(frozen=True)
class BatchNormalize(BatchTransform):
    """mmcv's `Normalize`: (images − mean) / std in float32, after exchanging red and blue if `to_rgb`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    to_rgb: bool

    def apply(self, images: Tensor, drawn: tuple[Tensor, ...] = ()) -> Tensor:
        """(N,C,H,W) of any type → float32."""
        if self.to_rgb:
            images = images.flip(1)
        # Bit for bit what mmcv gets from a multiplication with 1/std in double precision.
        return (images.float() - _per_channel(self.mean, images.device)).div_(_per_channel(self.std, images.device))


@lru_cache
def _per_channel(values: tuple[float, ...], device: torch.device) -> Tensor:
    """(C,1,1), kept: a copy to the device for every batch would make the host wait for it."""
    return torch.tensor(values, device=device).view(-1, 1, 1)


@dataclass(frozen=True)
class BatchFlip(BatchTransform):
    """mmcv's `RandomFlip` with one probability and one direction."""

    probability: float
    axes: tuple[int, ...]

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Whether to flip."""
        return (torch.rand(len(images), device=images.device, generator=generator) < self.probability,)

    def apply(self, images: Tensor, drawn: tuple[Tensor, ...] = ()) -> Tensor:
        """Mirror those that were chosen."""
        (flipped,) = drawn
        both = torch.cat((images, images.flip(self.axes)))  # quicker than torch.where, which goes pixel by pixel
        return both.index_select(0, torch.arange(len(images), device=images.device) + len(images) * flipped)


@dataclass(frozen=True)
class BatchCrop(BatchTransform):
    """mmpretrain's `RandomCrop`: zeros around it (left, right, top, bottom), then a window of `size` (h, w)."""

    size: tuple[int, int]
    padding: tuple[int, int, int, int]

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """First rows and first columns of the windows in the padded images."""
        left, right, top, bottom = self.padding
        room = (images.shape[2] + top + bottom - self.size[0], images.shape[3] + left + right - self.size[1])
        return tuple(
            torch.randint(max(free, 0) + 1, (len(images),), device=images.device, generator=generator) for free in room
        )

    def apply(self, images: Tensor, drawn: tuple[Tensor, ...] = ()) -> Tensor:
        """Cut the windows out; a padded image that is smaller stays whole on that side."""
        rows, columns = drawn
        padded = F.pad(images, self.padding)
        count, channels, rows_in, columns_in = padded.shape
        height, width = min(self.size[0], rows_in), min(self.size[1], columns_in)
        # A row of a window is a run of `width` numbers in memory; `starts` (N,C,h) is where each begins.
        planes = torch.arange(count * channels, device=images.device).view(count, channels, 1) * (rows_in * columns_in)
        lines = (rows[:, None] + torch.arange(height, device=images.device)) * columns_in
        starts = planes + (lines + columns[:, None])[:, None]
        runs = padded.reshape(-1).unfold(0, width, 1)
        return runs.index_select(0, starts.view(-1)).view(count, channels, height, width)


@dataclass(frozen=True)
class BatchCutout(BatchTransform):
    """`senet_mm.Cutout`."""

    size: int

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Rows and columns of the centres."""
        return tuple(
            torch.randint(length, (len(images),), device=images.device, generator=generator)
            for length in images.shape[2:]
        )

    def apply(self, images: Tensor, drawn: tuple[Tensor, ...] = ()) -> Tensor:
        """Set the squares to zero."""
        above, left = (
            torch.arange(length, device=images.device) - centres[:, None]  # (N,H) and (N,W)
            for length, centres in zip(images.shape[2:], drawn, strict=True)
        )
        half = self.size // 2
        kept_rows, kept_columns = ((offset < -half) | (offset >= half) for offset in (above, left))
        return images * (kept_rows[:, None, :, None] | kept_columns[:, None, None, :])


def _normalize(transform: Normalize) -> BatchTransform:
    return BatchNormalize(tuple(transform.mean.tolist()), tuple(transform.std.tolist()), transform.to_rgb)


def _flip(transform: RandomFlip) -> BatchTransform | None:
    axes = {'horizontal': (3,), 'vertical': (2,), 'diagonal': (2, 3)}
    if not isinstance(transform.prob, float) or not isinstance(transform.direction, str):
        return None
    return BatchFlip(transform.prob, axes[transform.direction])


def _crop(transform: RandomCrop) -> BatchTransform | None:
    if transform.pad_if_needed or transform.padding_mode != 'constant' or transform.pad_val != 0:
        return None
    padding = transform.padding or 0
    sides = (padding,) * 4 if isinstance(padding, int) else tuple(padding) * (4 // len(padding))
    left, top, right, bottom = sides
    return BatchCrop(tuple(transform.crop_size), (left, right, top, bottom))


# A subclass may do something else, so the type must be exactly one of these.
FORMS: Mapping[type, Callable[[Any], BatchTransform | None]] = {
    Normalize: _normalize,
    RandomFlip: _flip,
    RandomCrop: _crop,
    Cutout: lambda transform: BatchCutout(transform.size),
}


@dataclass(frozen=True)
class BatchPipeline:
    """uint8 images (N,C,H,W) → the network's input, by the same transforms in the same order as image by image."""

    steps: tuple[BatchTransform, ...]

    @classmethod
    def of(cls, transforms: Sequence[object]) -> 'BatchPipeline':
        """Translate the built transforms of a pipeline. `PackInputs` is the data preprocessor's part.

        Raises:
            DataError: a transform has no whole-batch form, or none with these arguments.
        """
        return cls(tuple(_translate(transform) for transform in transforms if type(transform) is not PackInputs))

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw and apply, step by step."""
        for step in self.steps:
            images = step.apply(images, step.draw(images, generator))
        return images


def _translate(transform: object) -> BatchTransform:
    form = FORMS.get(type(transform))
    step = form(transform) if form else None
    if step is None:
        raise DataError(
            f'{transform!r} has no whole-batch form. There is one for Normalize, for RandomFlip with one probability '
            'and one direction, for RandomCrop with zero padding, and for senet_mm.Cutout. To run this pipeline image '
            'by image: --cfg-options train_dataloader.dataset.whole_batch=False (or val_…, test_…)'
        )
    return step


@FUNCTIONS.register_module()
def whole_batch_collate(batch: Any) -> Any:
    """A whole batch passes as it is; a list of samples is stacked as mmengine's `default_collate` does."""
    return batch if isinstance(batch, Mapping) else default_collate(batch)
