"""Which classes the images of a data set are of, and which of them a figure shows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.config import Config

from senet_mm.analysis.excitation.statistics import Excitation
from senet_mm.data.errors import DataError

# Figures 6 and 7 have goldfish, pug, plane and cliff. The class that ImageNet calls "plane" is the carpenter's.
PAPER_CLASSES, PAPER_WITHIN = ('goldfish', 'pug', 'airliner', 'cliff'), ('goldfish', 'airliner')


def find_labels(dataset: Any) -> list[int] | None:
    """The labels in a data set, ascending; None where an image has no label, or several, as in detection."""
    if not hasattr(dataset, 'get_gt_labels'):
        return None
    try:
        labels = np.asarray(dataset.get_gt_labels())
    except (KeyError, ValueError):  # no labels, or lists of several lengths
        return None
    return np.unique(labels).tolist() if labels.ndim == 1 and labels.dtype.kind in 'iu' else None


def class_names(cfg: Config, dataset: Any, labels: Sequence[int]) -> tuple[str, ...]:
    """The classes of `labels`: the data set's names if they are as many as the network's classes, else the numbers.

    mmpretrain's ImageNet has ImageNet's 1,000 names whatever is in the folder.
    """
    names = dataset.metainfo.get('classes') or ()
    known = len(names) == (cfg.model.get('head') or {}).get('num_classes')
    return tuple(names[label] if known else str(label) for label in labels)


def find_classes(
    classes: Sequence[str], labels: Sequence[int], wanted: Sequence[str], option: str = 'classes'
) -> list[int]:
    """Places in `classes` of names, any one of a class's synonyms, or labels.

    Args:
        classes: Names of the classes.
        labels: Their labels.
        wanted: What is looked for.
        option: That named it, for the message.

    Raises:
        DataError: There is no such class, or there are several.
    """
    synonyms: dict[str, list[int]] = {}
    for place, (name, label) in enumerate(zip(classes, labels, strict=True)):
        for word in {*name.casefold().split(', '), name.casefold(), str(label)}:
            synonyms.setdefault(word, []).append(place)
    places = []
    for name in wanted:
        found = synonyms.get(name.casefold(), [])
        if not found:
            near = difflib.get_close_matches(name.casefold(), synonyms, n=4, cutoff=0)
            raise DataError(f'--{option}: no image is of class {name!r}; nearest: {", ".join(near)}')
        if len(found) > 1:
            several = ', '.join(f'{labels[place]} ({classes[place]})' for place in found)
            raise DataError(f'--{option}: {name!r} is the name of several classes; give the number: {several}')
        places += found
    return list(dict.fromkeys(places))


def choose_classes(
    excitation: Excitation, wanted: Sequence[str] | None, preferred: Sequence[str], option: str = 'classes'
) -> list[int]:
    """Places of the classes that are asked for; if none, the paper's where all are there, and else the first ones."""
    if wanted:
        return find_classes(excitation.classes, excitation.labels, wanted, option)
    try:
        return find_classes(excitation.classes, excitation.labels, preferred)
    except DataError:
        return list(range(min(len(preferred), len(excitation.classes))))
