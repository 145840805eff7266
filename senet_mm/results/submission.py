"""Predictions in the format that ILSVRC's evaluation server takes."""

from __future__ import annotations

import re
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file
from senet_mm.engine.predictions import Predictions

LABELS = 5  # an image


def read_class_ids(path: Path) -> list[int]:
    """The challenge's number of each class, in the order of the classes here: that of their WordNet ids.

    Args:
        path: Of the challenge's development kit: data/map_clsloc.txt, with lines 'n02119789 1 kit_fox', or, from 2012,
            data/meta.mat.

    Raises:
        DataError: The file is not there or is another one.
    """
    try:
        id_of_wnid = _from_matlab(path) if path.suffix == '.mat' else _from_text(path)
    except FileNotFoundError:
        raise DataError(f'there is no file {path}') from None
    except (OSError, ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise DataError(
            f'{path} is neither data/map_clsloc.txt nor data/meta.mat of a development kit of ILSVRC ({error})'
        ) from error
    ids = [id_of_wnid[wnid] for wnid in sorted(id_of_wnid)]
    if sorted(ids) != list(range(1, len(ids) + 1)):
        raise DataError(f'{path}: the numbers of its {len(ids)} classes are not 1 to {len(ids)}')
    return ids


def _from_text(path: Path) -> dict[str, int]:
    found = {}
    for line in path.read_text(encoding='utf-8').splitlines():
        match = re.fullmatch(r'(n\d{8}) (\d+)( .*)?', line)
        if match is None:
            raise ValueError(f'{line[:60]!r} is no line such as n02119789 1 kit_fox')
        found[match[1]] = int(match[2])
    return found


def _from_matlab(path: Path) -> dict[str, int]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        with path.open('rb') as file:
            synsets = loadmat(file, squeeze_me=True, variable_names=['synsets'])['synsets']
    except (MatReadError, IndexError, zlib.error) as error:
        raise ValueError(f'it cannot be read: {error}') from error
    # Those above 1000 are groups of classes.
    return {str(synset['WNID']): int(synset['ILSVRC2012_ID']) for synset in synsets if synset['num_children'] == 0}


def write_submission(predictions: Predictions, ids: list[int], path: Path) -> None:
    """Write a line for each image, in the order of the file names: the numbers of its five most probable classes.

    The best comes first and blanks are between them, as "CLS-LOC submission format" in the development kit has it.

    Raises:
        DataError: The classes are not those of `ids`, there are fewer than five, or two images have the same name.
    """
    classes = predictions.scores.shape[1]
    if classes != len(ids) or classes < LABELS:
        raise DataError(
            f'the predictions have {classes} classes, the development kit has {len(ids)}; it takes {LABELS} an image'
        )
    names = [PurePosixPath(image).name for image in predictions.images]
    if len(set(names)) < len(names):
        raise DataError('two images have the same file name, so the order of the lines is not known')
    best = np.argsort(-predictions.scores, axis=1, kind='stable')[:, :LABELS]
    lines = [' '.join(str(ids[label]) for label in best[index]) for index in np.argsort(names)]
    with whole_file(path) as part:
        part.write_text('\n'.join(lines) + '\n', encoding='ascii')
