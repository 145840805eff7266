"""Can every image be read? Asked of all of them in parallel, with a progress bar."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from senet_mm.data.files.parallel import in_parallel
from senet_mm.data.files.progress import progress

_CHUNK = 64  # images of a task


@dataclass
class ScanReport:
    """What a scan found.

    Attributes:
        images: number of images read.
        corrupt: file → what is wrong with it.
        odd: file → what it is, of those that are no RGB or greyscale JPEG; they can be read all the same.
    """

    images: int = 0
    corrupt: dict[str, str] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)


def scan_images(folder: Path, files: Sequence[str], workers: int | None = None) -> ScanReport:
    """Read every image to its end.

    JPEGs are decoded at an eighth of their size: that reads every byte, and saves a third of the time.

    Args:
        folder: of the images.
        files: their names below it.
        workers: threads; as many as there are processors by default.
    """
    report = ScanReport()
    chunks: Iterator[Sequence[str]] = _chunks(files, _CHUNK)
    with warnings.catch_warnings(), progress(f'reading {folder.name}', len(files)) as advance:
        warnings.simplefilter('ignore')  # of strange metadata, which nobody reads
        for results in in_parallel(_reader(folder), chunks, workers or os.cpu_count() or 1):
            for file, problem, kind in results:
                if problem:
                    report.corrupt[file] = problem
                elif kind:
                    report.odd[file] = kind
            report.images += len(results)
            advance(len(results))
    return report


def describe_corrupt(reports: Mapping[Path, ScanReport], most: int = 1000) -> list[str]:
    """What to do about the images that cannot be read, and a line for each of them, up to `most`; nothing without any.

    Args:
        reports: folder → what a scan of it found.
        most: lines.
    """
    found = [(folder / file, problem) for folder, report in reports.items() for file, problem in report.corrupt.items()]
    if not found:
        return []
    advice = (
        f'{len(found):,} images cannot be read. Put whole copies in their places and run this again; what was unpacked '
        f'from an archive is unpacked anew if you delete it. --no-scan takes them as they are:'
    )
    lines = [f'{path}: {problem}' for path, problem in sorted(found)[:most]]
    return [advice, *lines, *([f'… and {len(found) - most:,} more'] if len(found) > most else [])]


def _reader(folder: Path) -> Callable[[Sequence[str]], list[tuple[str, str, str]]]:
    return lambda files: [(file, *_read(folder / file)) for file in files]


def _read(path: Path) -> tuple[str, str]:
    """What is wrong with an image, and what it is if it is no usual JPEG; '' for nothing."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            kind, mode = image.format, image.mode
            image.draft('L', (1, 1))
            image.load()
    except Exception as error:  # whatever a decoder makes of a damaged file
        return f'{error}' if isinstance(error, OSError) else f'{type(error).__name__}: {error}', ''
    usual = kind == 'JPEG' and mode in ('RGB', 'L')
    return '', '' if usual else f'{mode} {kind}'


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
