"""A classifier's predictions on disk: probabilities, labels and images, in a file that cannot execute anything."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file

NO_LABEL = -1


@dataclass(frozen=True)
class Predictions:
    """N images, C classes.

    Attributes:
        scores: (N,C) float32, probabilities.
        labels: (N,) int64; NO_LABEL where there is none, as in a test set.
        images: (N,) text, paths below the folder that they have in common, so that they are the same on any machine.
        source: Where they come from: config, checkpoint, crops.
    """

    scores: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Whether every image has a label."""
        return bool((self.labels != NO_LABEL).all())

    def save(self, path: Path) -> None:
        """Write them, whole or not at all, as NumPy's archive of arrays.

        Raises:
            DataError: The file could not be written.
        """
        with whole_file(path) as part, part.open('wb') as file:
            np.savez(
                file,
                scores=self.scores.astype(np.float32),
                labels=self.labels.astype(np.int64),
                images=self.images.astype(np.str_),
                source=np.str_(json.dumps(dict(self.source))),
            )

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read what `save` wrote.

        Raises:
            DataError: The file is not there, is something else, or its arrays do not fit each other.
        """
        if path.suffix != '.npz':
            raise DataError(
                f'{path} is not an .npz file: a pickle may execute anything, so it is not read here. '
                f'Write the predictions with tools/test.py … --out {path.stem}.npz'
            )
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in ('scores', 'labels', 'images')}
                source = json.loads(str(archive['source']))
        except FileNotFoundError:
            raise DataError(f'there is no file {path}') from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f'{path} is not what tools/test.py --out writes for a classifier ({error})') from error
        found = cls(**arrays, source=source)
        problem = found._problem()
        if problem:
            raise DataError(f'{path}: {problem}; write it anew with tools/test.py --out')
        return found

    def _problem(self) -> str | None:
        """What is wrong with the arrays; None if nothing is."""
        if self.scores.ndim != 2 or self.scores.dtype != np.float32 or not self.scores.size:
            return f'scores are {self.scores.dtype} of shape {self.scores.shape}, not float32 of (images, classes)'
        images, classes = self.scores.shape
        if self.labels.shape != (images,) or self.labels.dtype != np.int64 or self.images.shape != (images,):
            return f'{images} scores, labels of shape {self.labels.shape}, images of shape {self.images.shape}'
        if not np.isfinite(self.scores).all() or (self.scores < 0).any():
            return 'scores are not probabilities: some are negative or not finite'
        if self.labels.min() < NO_LABEL or self.labels.max() >= classes:
            return f'labels from {self.labels.min()} to {self.labels.max()} with {classes} classes'
        if len(np.unique(self.images)) != images:
            return 'an image is there twice'
        return None


def common_folder_removed(paths: Sequence[str]) -> np.ndarray:
    """The paths (N,) below the deepest folder that holds them all."""
    folder = os.path.commonpath([os.path.dirname(path) for path in paths])
    return np.array([os.path.relpath(path, folder or '.') for path in paths], dtype=np.str_)
