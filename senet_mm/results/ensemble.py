"""Several networks as one, from the predictions that `tools/test.py --out` saved: errors, intervals, submission."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np
from tabulate import tabulate

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file
from senet_mm.engine.predictions import Predictions
from senet_mm.results.submission import read_class_ids, write_submission
from senet_mm.results.table import FORMATS

MEANS = ('arithmetic', 'geometric')
LEVEL = 0.95
SMALLEST = np.finfo(np.float32).tiny  # what a probability of 0 counts as in a geometric mean


@dataclass(frozen=True)
class Errors:
    """Of one network, or of the ensemble.

    Attributes:
        name: The predictions' file, or 'ensemble'.
        images: How many were tested.
        wrong: k → images whose label is not among the k most probable classes.
    """

    name: str
    images: int
    wrong: dict[int, int]


def fuse(paths: Sequence[Path], mean: str, weights: Sequence[float] | None) -> tuple[Predictions, list[Errors]]:
    """The weighted mean of the probabilities (N,C) in several files, which are read one after the other.

    Args:
        paths: Of the predictions.
        mean: 'arithmetic': Σ w·p / Σ w. 'geometric': Π p^(w / Σ w), divided by its sum over the classes.
        weights: One for each file; equal if None.

    Returns:
        The ensemble's predictions, and the errors of each file and of the ensemble; none where there are no labels.

    Raises:
        DataError: A file cannot be used, is of other images, labels or classes than the first, or a weight is wrong.
    """
    shares = _shares(weights, len(paths))
    first = total = None
    errors: list[Errors] = []
    sources = []
    for path, share in zip(paths, shares, strict=True):
        found = Predictions.load(path)
        first = first or found
        _require_same(first, found, paths[0], path)
        errors += _errors(str(path), found)
        scores = found.scores.astype(np.float64)
        part = share * (scores if mean == 'arithmetic' else np.log(np.maximum(scores, SMALLEST)))
        total = part if total is None else total + part
        sources.append(dict(found.source, file=str(path), weight=share))
    assert first is not None
    assert total is not None
    if mean == 'geometric':
        total = np.exp(total - total.max(1, keepdims=True))
        total /= total.sum(1, keepdims=True)
    fused = Predictions(total, first.labels, first.images, dict(mean=mean, members=sources))
    return fused, [*errors, *_errors('ensemble', fused)]


def _shares(weights: Sequence[float] | None, count: int) -> list[float]:
    """The weights, divided by their sum."""
    given = [1.0] * count if weights is None else list(weights)
    if len(given) != count:
        raise DataError(f'--weights: {len(given)} for {count} networks; give one for each, files first')
    if not all(0 < weight < float('inf') for weight in given):
        raise DataError(f'--weights {" ".join(map(str, given))}: each is more than 0')
    return [weight / sum(given) for weight in given]


def _require_same(first: Predictions, found: Predictions, first_path: Path, path: Path) -> None:
    if found.scores.shape[1] != first.scores.shape[1]:
        classes = first.scores.shape[1], found.scores.shape[1]
        raise DataError(
            f'{first_path} has {classes[0]} classes and {path} has {classes[1]}: they were trained otherwise'
        )
    if not np.array_equal(found.images, first.images):
        same = set(found.images) == set(first.images)
        what = 'the same images in another order' if same else 'other images'
        raise DataError(f'{path} is of {what} than {first_path}: test both networks on the same data')
    if not np.array_equal(found.labels, first.labels):
        raise DataError(f'{path} has other labels than {first_path}: test both networks on the same data')


def count_wrong(scores: np.ndarray, labels: np.ndarray, k: int) -> int:
    """How many of N images have a label that is not among the k most probable classes, of equal ones the first.

    Args:
        scores: (N,C).
        labels: (N,).
        k: 1 to C.
    """
    own = scores[np.arange(len(labels)), labels][:, None]
    before = np.arange(scores.shape[1]) < labels[:, None]
    rank = ((scores > own) | ((scores == own) & before)).sum(1)
    return int((rank >= k).sum())


def _errors(name: str, found: Predictions) -> list[Errors]:
    if not found.labelled:
        return []
    ks = [k for k in (1, 5) if k < found.scores.shape[1]]
    return [Errors(name, len(found.labels), {k: count_wrong(found.scores, found.labels, k) for k in ks})]


def wilson(successes: int, count: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's confidence interval of a share, in which 0 and 1 have intervals, too (Wilson, 1927)."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / count
    middle = share + z * z / (2 * count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def render(errors: Sequence[Errors], style: str = 'text') -> str:
    """The table: top-1 and top-5 error in per cent, each with its interval."""
    ks = list(errors[0].wrong)
    rows = []
    for one in errors:
        row = [one.name]
        for k in ks:
            low, high = (100 * bound for bound in wilson(one.wrong[k], one.images))
            row += [f'{100 * one.wrong[k] / one.images:.2f}', f'{low:.2f} – {high:.2f}']
        rows.append(row)
    interval = f'{100 * LEVEL:.0f} % interval'
    header = [f'{errors[0].images:,} images', *[name for k in ks for name in (f'top-{k} error (%)', interval)]]
    return tabulate(rows, header, FORMATS[style], disable_numparse=True)


def as_record(errors: Sequence[Errors]) -> list[dict[str, object]]:
    """The same numbers, in per cent, for a JSON file."""
    records = []
    for one in errors:
        record: dict[str, object] = dict(name=one.name, images=one.images)
        for k, wrong in one.wrong.items():
            record[f'top{k}_err'] = 100 * wrong / one.images
            record[f'top{k}_err_interval'] = [100 * bound for bound in wilson(wrong, one.images)]
        records.append(record)
    return records


def run_networks(models: Sequence[tuple[str, str]], folder: Path, test_tool: Path, options: str) -> list[Path]:
    """Test networks with `tools/test.py`, one after the other, and keep their predictions.

    Args:
        models: (config, checkpoint) of each.
        folder: Where the predictions go.
        test_tool: tools/test.py.
        options: More of its options, as typed.

    Returns:
        <folder>/<config stem>/<checkpoint stem>.npz of each.

    Raises:
        DataError: A test failed, or two of them would write the same file.
    """
    paths = [Path(folder, Path(config).stem, f'{Path(checkpoint).stem}.npz') for config, checkpoint in models]
    twice = [str(path) for path in paths if paths.count(path) > 1]
    if twice:
        raise DataError(
            f'two networks would write {twice[0]}: test each with tools/test.py … --out FILE.npz and give the files'
        )
    for (config, checkpoint), path in zip(models, paths, strict=True):
        command = [sys.executable, str(test_tool), config, checkpoint, '--out', str(path), *shlex.split(options)]
        if subprocess.run(command, check=False).returncode:
            raise DataError(f'the test of {config} with {checkpoint} failed; see above')
    return paths


def run(args: Namespace, test_tool: Path) -> str:
    """Do what `tools/test_ensemble.py` was asked to; returns the table, or what was written where there are no labels.

    Raises:
        DataError: Nothing to fuse, files that do not belong together, or an option that lacks another one.
    """
    _check(args)
    ids = read_class_ids(args.ids) if args.submission else []
    paths = [*args.files, *run_networks(args.model or [], args.save_dir, test_tool, args.test_options)]
    fused, errors = fuse(paths, args.mean, args.weights)
    if not errors and (args.metrics or not (args.out or args.submission)):
        raise DataError('these images have no labels, so there are no errors: give --submission or --out only')
    if args.out:
        fused.save(args.out)
    if args.submission:
        write_submission(fused, ids, args.submission)
    if args.metrics:
        with whole_file(args.metrics) as part:
            part.write_text(json.dumps(as_record(errors), indent=2) + '\n', encoding='utf-8')
    if errors:
        return render(errors, args.format)
    written = [str(path) for path in (args.out, args.submission) if path]
    return f'{len(fused.images):,} images without labels: wrote {" and ".join(written)}'


def _check(args: Namespace) -> None:
    """What can be said before a network runs."""
    if not args.files and not args.model:
        raise DataError('give predictions (.npz files of tools/test.py --out) or --model CONFIG CHECKPOINT, or both')
    _shares(args.weights, len(args.files) + len(args.model or []))
    if args.out and args.out.suffix != '.npz':
        raise DataError(f'--out {args.out}: the predictions of the ensemble go to an .npz file')
    if args.submission and not args.ids:
        raise DataError(
            '--submission needs --ids: the challenge numbers the classes in an order of its own, which is in its '
            'development kit (data/meta.mat or data/map_clsloc.txt)'
        )
