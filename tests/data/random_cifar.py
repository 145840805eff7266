"""CIFAR of random pixels, a few images each, as it lies on disk."""

import numpy as np

from senet_mm.data.cifar.files import CifarSplit, write_cifar

SIZES = {'train': 60, 'test': 23}


def random_cifar(root, name='cifar10', classes=10, seed=0):
    """Write it below `root`; what was written, by split."""
    random = np.random.default_rng(seed)
    splits = {
        split: CifarSplit(
            random.integers(0, 256, (size, 3, 32, 32), np.uint8),
            random.integers(0, classes, size),
            tuple(f'class {number}' for number in range(classes)),
        )
        for split, size in SIZES.items()
    }
    write_cifar(root, name, splits)
    return splits
