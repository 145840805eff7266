"""A split of labelled images on disk: its list, its folder, and whether the two are what they should be.

A list has a line for each image, 'FILE LABEL', the file below the split's folder.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file

Sample = tuple[str, int]  # file below the split's folder, label


@dataclass(frozen=True)
class SplitFacts:
    """What is published of a split.

    Attributes:
        images: their number.
        classes: their number; labels count from 0.
        per_class: fewest and most images of a class.
    """

    images: int
    classes: int
    per_class: tuple[int, int]


def read_list(path: Path) -> list[Sample]:
    """Read a list.

    Raises:
        DataError: it is not there, or a line is not 'FILE LABEL'; the message names the line.
    """
    try:
        with path.open(encoding='utf-8') as lines:
            return parse_list(lines, str(path))
    except FileNotFoundError:
        raise DataError(f'{path} is not there.') from None


def parse_list(lines: Iterable[str], name: str) -> list[Sample]:
    """The samples of a list, from its lines.

    Raises:
        DataError: a line is not 'FILE LABEL'; the message names it and the list.
    """
    samples = []
    try:
        for number, line in enumerate(lines, 1):
            file, _, label = line.rstrip().rpartition(' ')
            if not file or not label.isdecimal():
                raise DataError(f"{name}, line {number}: {line.rstrip()[:80]!r}, where 'FILE LABEL' is expected.")
            samples.append((file, int(label)))
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is no text with lines 'FILE LABEL': {error}") from None
    return samples


def write_list(path: Path, samples: Iterable[Sample]) -> None:
    """Write a list, whole or not at all."""
    with whole_file(path) as part, part.open('w', encoding='utf-8') as stream:
        stream.writelines(f'{file} {label}\n' for file, label in samples)


def list_images(folder: Path, suffixes: tuple[str, ...] = ('.jpeg', '.jpg', '.png')) -> Iterator[str]:
    """Images below a folder, at any depth, relative to it, in no order; hidden files are none."""
    pending = ['']
    while pending:
        below = pending.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                if entry.name.startswith('.'):
                    continue
                if entry.is_dir():
                    pending.append(f'{below}{entry.name}/')
                elif entry.name.lower().endswith(suffixes):
                    yield f'{below}{entry.name}'


def check_split(
    folder: Path,
    samples: Sequence[Sample],
    facts: SplitFacts,
    names: Sequence[str] | None = None,
    subset: bool = False,
) -> list[str]:
    """Hold a split against its list and against what is published of it; return every problem, one line each.

    Args:
        folder: of the images.
        samples: its list.
        facts: of the split.
        names: of the classes, for the messages; labels if not given.
        subset: accept fewer images and classes.
    """
    problems = _check_labels(folder, samples, facts)
    if not problems:
        problems = _check_counts(folder, Counter(label for _, label in samples), facts, names, subset)
    return problems + _check_files(folder, samples)


def check_counts_per_class(
    folder: Path, samples: Sequence[Sample], published: Mapping[int, int], names: Sequence[str]
) -> list[str]:
    """Hold the number of images of each class against published ones; return the problems, one line each."""
    found = Counter(label for _, label in samples)
    differing = [label for label, count in sorted(published.items()) if found[label] != count]
    if not differing:
        return []
    described = some(f'{names[label]} has {found[label]:,} of {published[label]:,}' for label in differing)
    return [f'{folder}: {len(differing):,} classes have other numbers of images than published: {described}']


def some(items: Iterable[Any], most: int = 3) -> str:
    """The first few, and a sign that there are more."""
    first = list(islice(items, most + 1))
    return ', '.join(map(str, first[:most])) + (', …' if len(first) > most else '')


def _check_labels(folder: Path, samples: Sequence[Sample], facts: SplitFacts) -> list[str]:
    if not samples:
        return [f'{folder}: its list is empty']
    beyond = sorted({label for _, label in samples if label >= facts.classes})
    if beyond:
        return [f'{folder}: its list has the labels {some(beyond)}; 0 to {facts.classes - 1} are allowed']
    return []


def _check_counts(
    folder: Path, found: Counter[int], facts: SplitFacts, names: Sequence[str] | None, subset: bool
) -> list[str]:
    if subset:
        return []
    hint = '; --subset accepts a cut-down set'
    problems = []

    def named(labels: Iterable[int]) -> str:
        return some(f'{names[label] if names else label} ({found[label]:,})' for label in labels)

    missing = [label for label in range(facts.classes) if not found[label]]
    if missing:
        problems.append(f'{folder}: {len(missing):,} of {facts.classes:,} classes are missing: {named(missing)}{hint}')
    count = found.total()
    if count != facts.images:
        problems.append(f'{folder}: {count:,} images, where {facts.images:,} are published{hint}')
    low, high = facts.per_class
    odd = [label for label, number in sorted(found.items()) if not low <= number <= high]
    if odd:
        problems.append(
            f'{folder}: {len(odd):,} classes have fewer than {low:,} or more than {high:,} images: {named(odd)}{hint}'
        )
    return problems


def _check_files(folder: Path, samples: Sequence[Sample]) -> list[str]:
    """Folder by folder, so that eight million names are not compared at once."""
    listed: dict[str, list[str]] = defaultdict(list)
    for file, _ in samples:
        below, _, name = file.rpartition('/')
        listed[below].append(name)
    missing: list[str] = []
    twice: list[str] = []
    for below, files in sorted(listed.items()):
        there = _names(folder / below)
        prefix = f'{below}/' if below else ''
        counts = Counter(files)
        missing += sorted(prefix + name for name in counts.keys() - there)
        twice += sorted(prefix + name for name, count in counts.items() if count > 1)
    problems = []
    if missing:
        problems.append(f'{folder}: {len(missing):,} of the images listed are not there: {some(missing)}')
    if twice:
        problems.append(f'{folder}: {len(twice):,} images are listed more than once: {some(twice)}')
    return problems


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except FileNotFoundError:
        return set()
