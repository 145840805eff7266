"""The demo's raw material: scanned digits and photographs that come inside scikit-learn and scikit-image.

Nothing is downloaded: the pictures are read from the installed packages' own folders. Both kinds are split once, for
all demo data sets together, into a pool for training and one held out, so that no scan and no photograph which a
network has been trained on is ever met again in validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from senet_mm.data.errors import DataError

DIGIT_NAMES = ('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine')
_SKLEARN, _SKIMAGE = ('sklearn', 'datasets/images'), ('skimage', 'data')
PHOTOGRAPHS = {  # pool → file → (package, folder in it)
    'train': {
        'astronaut.png': _SKIMAGE,
        'brick.png': _SKIMAGE,
        'camera.png': _SKIMAGE,
        'china.jpg': _SKLEARN,
        'coffee.png': _SKIMAGE,
        'grass.png': _SKIMAGE,
        'hubble_deep_field.jpg': _SKIMAGE,
        'ihc.png': _SKIMAGE,
        'motorcycle_left.png': _SKIMAGE,
        'rocket.jpg': _SKIMAGE,
    },
    'held_out': {
        'chelsea.png': _SKIMAGE,
        'flower.jpg': _SKLEARN,
        'gravel.png': _SKIMAGE,
        'moon.png': _SKIMAGE,
        'retina.jpg': _SKIMAGE,
    },
}
HELD_OUT_DIGITS = 360  # the last 360 of 1,797: scans of one writer follow each other, so these are other people's hands
EXTRA = "the demo needs scikit-learn and scikit-image: pip install 'senet_mm[demo]'"


@dataclass(frozen=True)
class Pool:
    """What one side of the split may draw from.

    Attributes:
        scans: (N,8,8) float32, ink from 0 to 1.
        labels: (N,) the digit of each scan.
        indices: (N,) the place of each scan in `sklearn.datasets.load_digits()`.
        photographs: file name → (H,W,3) uint8.
    """

    scans: NDArray[np.float32]
    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    photographs: dict[str, NDArray[np.uint8]]

    def draw_scan(self, rng: np.random.Generator, label: int) -> int:
        """Position in this pool of a random scan of the digit `label`."""
        return int(rng.choice(np.flatnonzero(self.labels == label)))

    def draw_photograph(self, rng: np.random.Generator) -> str:
        """Name of a random photograph."""
        return str(rng.choice(sorted(self.photographs)))


def load_pools() -> dict[str, Pool]:
    """The two pools, 'train' and 'held_out'.

    Raises:
        DataError: a package of the extra `demo` is missing, or no longer carries a picture.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(EXTRA) from error
    digits = load_digits()
    scans = (digits.images / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    indices = np.arange(len(labels))
    parts = {'train': indices[:-HELD_OUT_DIGITS], 'held_out': indices[-HELD_OUT_DIGITS:]}
    return {
        name: Pool(scans[part], labels[part], part, {file: _read(file, *where) for file, where in files.items()})
        for (name, part), files in zip(parts.items(), PHOTOGRAPHS.values(), strict=True)
    }


def _read(file: str, package: str, folder: str) -> NDArray[np.uint8]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(EXTRA)
    path = Path(spec.origin).parent / folder / file
    if not path.is_file():
        raise DataError(f'{path} is missing: this version of {package} does not carry it. {EXTRA}')
    with Image.open(path) as image:
        return np.asarray(image.convert('RGB'))


def used(pool: Pool, photographs: Sequence[str], scans: Sequence[int]) -> dict[str, list]:
    """Which photographs (names) and scans (places in load_digits) a data set has drawn, sorted, each once."""
    return {
        'photographs': sorted(set(photographs)),
        'digits': sorted({int(pool.indices[scan]) for scan in scans}),
    }
