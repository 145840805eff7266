"""Digits on photographs: the one renderer of all demo data sets, so that what is learnt on one serves on another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from senet_mm.data.demo.sources import Pool

MARGIN = 2  # pixels of background left between two digits, and between a digit and the border
_UPSCALE = 12
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Placement:
    """One digit in an image.

    Attributes:
        label: the digit.
        scan: its position in the pool.
        x: column of the left edge of `ink`, in pixels.
        y: row of its top edge.
        ink: (h,w) coverage from 0 to 1; every border row and column reaches 0.5.
    """

    label: int
    scan: int
    x: int
    y: int
    ink: NDArray[np.float32]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The (x, y, width, height) in pixels, of the pixels that are at least half ink."""
        height, width = self.ink.shape
        return self.x, self.y, width, height


@dataclass(frozen=True)
class Scene:
    """An image (H,W,3) uint8, the photograph behind it, and the digits on it."""

    image: NDArray[np.uint8]
    photograph: str
    placements: tuple[Placement, ...]


def render_scene(
    rng: np.random.Generator, pool: Pool, size: int, labels: list[int], digit_sizes: tuple[float, float]
) -> Scene:
    """Paint digits side by side on a crop of a random photograph.

    Args:
        rng: every choice is drawn from it.
        pool: scans and photographs to draw from.
        size: side of the image in pixels.
        labels: digits wanted; the first is always painted, a later one only where it finds room.
        digit_sizes: smallest and largest long side of a digit, in pixels.
    """
    photograph = pool.draw_photograph(rng)
    canvas = crop_photograph(rng, pool.photographs[photograph], size)
    placements: list[Placement] = []
    for label in labels:
        scan = pool.draw_scan(rng, label)
        side = np.exp(rng.uniform(*np.log(digit_sizes)))  # as many octaves of small as of large
        ink = render_ink(pool.scans[scan], side, angle=rng.uniform(-12, 12), stretch=np.exp(rng.normal(0, 0.1)))
        spot = _find_room(rng, size, ink.shape, placements)
        if spot is not None:
            placements.append(Placement(label, scan, *spot, ink))
            _paint(rng, canvas, placements[-1])
    image = np.rint(canvas * 255).clip(0, 255).astype(np.uint8)
    return Scene(image, photograph, tuple(placements))


def crop_photograph(rng: np.random.Generator, photograph: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """A random square of a photograph, mirrored half the time, at (size,size,3), values 0 to 1, contrast softened."""
    height, width = photograph.shape[:2]
    side = int(rng.uniform(min(size, height, width), min(height, width) + 1))
    x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    image = Image.fromarray(photograph).resize((size, size), Image.Resampling.BOX, box=(x, y, x + side, y + side))
    crop = np.asarray(image, np.float32) / 255
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    mean = crop.mean((0, 1))
    return mean + (crop - mean) * np.float32(rng.uniform(0.5, 1))


def render_ink(scan: NDArray[np.float32], side: float, angle: float = 0, stretch: float = 1) -> NDArray[np.float32]:
    """A scan (8,8) as smooth strokes (h,w), values 0 to 1, cut tightly at half coverage.

    Args:
        scan: ink from 0 to 1.
        side: long side of the result, in pixels; the cut may take one or two of them.
        angle: rotation in degrees.
        stretch: factor on the width before the digit is scaled to `side`.
    """
    padded = np.pad(scan, 3)
    wide = padded.shape[0] * _UPSCALE
    image = Image.fromarray(padded).resize((wide, wide), Image.Resampling.BICUBIC)
    image = image.rotate(angle, Image.Resampling.BILINEAR)
    strokes = _tight(((np.asarray(image) - 0.3) / 0.3).clip(0, 1))  # harden the blur of the upscaling into an edge
    height, width = strokes.shape[0], strokes.shape[1] * stretch
    scale = side / max(height, width)
    target = max(2, round(width * scale)), max(2, round(height * scale))
    small = Image.fromarray(strokes).resize(target, Image.Resampling.BOX)
    return _tight(np.asarray(small).clip(0, 1))


def _tight(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    solid = ink >= 0.5
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _find_room(
    rng: np.random.Generator, size: int, shape: tuple[int, ...], others: list[Placement]
) -> tuple[int, int] | None:
    height, width = shape
    for _ in range(40):
        x = int(rng.integers(MARGIN, size - width - MARGIN + 1))
        y = int(rng.integers(MARGIN, size - height - MARGIN + 1))
        if all(_apart((x, y, width, height), other.box) for other in others):
            return x, y
    return None


def _apart(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    beside = a[0] + a[2] + MARGIN <= b[0] or b[0] + b[2] + MARGIN <= a[0]
    return beside or a[1] + a[3] + MARGIN <= b[1] or b[1] + b[3] + MARGIN <= a[1]


def _paint(rng: np.random.Generator, canvas: NDArray[np.float32], placement: Placement) -> None:
    """Paint in place, dark on light or light on dark, now and then with the photograph showing through."""
    x, y, width, height = placement.box
    region = canvas[y : y + height, x : x + width]
    light = float((region @ _LUMA).mean())
    dark_ink = rng.random() < np.clip((light - 0.35) / 0.3, 0, 1)
    strength = rng.uniform(0.4, 0.9)  # distance in luminance that the ink seeks from what is behind it
    luminance = light - strength if dark_ink else light + strength
    tint = rng.uniform(-0.3, 0.3, 3).astype(np.float32)
    colour = (np.float32(luminance) + tint - tint @ _LUMA).clip(0, 1)
    opacity = np.float32(1 if rng.random() < 0.5 else rng.uniform(0.75, 1))
    alpha = placement.ink[..., None] * opacity
    region += alpha * (colour - region)
