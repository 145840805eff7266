"""What the figures of this package have in common: the size of a paper's column, its type, files that do not change."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import matplotlib as mpl
from PIL import Image

from senet_mm.data.errors import DataError
from senet_mm.data.files.whole_file import whole_file

mpl.use('Agg')
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTHS = {'single': 3.3, 'double': 6.9}  # inches, of a column of a paper in two columns, and of both
DPI = 200  # of PNG
LEGEND_ROW = 0.17  # inches
PICTURES = ('.png', '.svg', '.pdf')
COLOURS = (
    '#0072b2',
    '#d55e00',
    '#009e73',
    '#cc79a7',
    '#e69f00',
    '#56b4e9',
    '#7f7f7f',
)  # told apart by the colour-blind
# No dates and no random ids: the same data gives the same file.
METADATA: dict[str, dict[str, Any]] = {
    '.svg': dict(Date=None),
    '.pdf': dict(CreationDate=None),
}
STYLE: dict[Any, Any] = {
    'font.size': 7,
    'axes.titlesize': 7,
    'axes.linewidth': 0.6,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'lines.linewidth': 0.9,
    'xtick.major.width': 0.6,
    'ytick.major.width': 0.6,
    'legend.frameon': False,
    'svg.hashsalt': 'senet_mm',
}


@contextmanager
def panels(
    titles: Sequence[str], width: float, height: float = 1.35, labels: tuple[str, str] = ('', '')
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with one panel for each title, (a), (b), …; closed when the block ends.

    A row has three panels; of four, or in a narrow figure, two.

    Args:
        titles: Of the panels.
        width: In inches.
        height: Of a panel, in inches.
        labels: Of x, below the lowest panel of each column, and of y, left of each row.
    """
    columns = min(len(titles), 3 if width > WIDTHS['single'] and len(titles) != 4 else 2)
    rows = -(-len(titles) // columns)
    size = (width, rows * height + 0.3)
    with mpl.rc_context(STYLE):
        figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout='constrained')
        axes = list(grid.flat)
        for axis in axes[len(titles) :]:
            axis.set_axis_off()
        for number, (axis, title) in enumerate(zip(axes, titles, strict=False)):
            axis.set_title(f'({ascii_lowercase[number]}) {title}' if 1 < len(titles) <= 26 else title)
            axis.set_xlabel(labels[0] if number + columns >= len(titles) else '')
            axis.set_ylabel(labels[1] if number % columns == 0 else '')
        try:
            yield figure, axes[: len(titles)]
        finally:
            plt.close(figure)


def legend(figure: Figure, handles: Sequence[Artist], labels: Sequence[str], columns: int) -> None:
    """A legend above all panels, in `columns` columns or, where that is wider than the figure, in fewer.

    The figure grows by what the legend has more than one row.
    """
    for number in range(columns, 0, -1):
        place = figure.legend(
            handles, labels, loc='outside upper center', ncols=number, handlelength=1.5, columnspacing=1.2
        )
        if number == 1 or place.get_window_extent().width <= figure.bbox.width:
            rows = -(-len(labels) // number)
            figure.set_figheight(figure.get_figheight() + LEGEND_ROW * (rows - 1))
            return
        place.remove()


def save(figure: Figure, path: Path) -> Path:
    """Write a picture, of the kind that its suffix says, whole or not at all.

    Raises:
        DataError: The suffix is of no picture, or the file could not be written.
    """
    if path.suffix not in PICTURES:
        raise DataError(f'{path}: the name says the format, and has to end in {", ".join(PICTURES)}')
    with whole_file(path) as part:
        if path.suffix == '.png':
            _save_png(figure, part)
        else:
            figure.savefig(part, format=path.suffix[1:], metadata=METADATA[path.suffix])
    return path


def _save_png(figure: Figure, path: Path) -> None:
    """In 256 colours: a third of the size, and lines need no more."""
    pixels = BytesIO()
    figure.savefig(pixels, format='rgba', dpi=DPI)
    size = tuple(round(inches * DPI) for inches in figure.get_size_inches())
    picture = Image.frombytes('RGBA', size, pixels.getvalue())
    picture.convert('RGB').quantize(256).save(path, 'PNG', dpi=(DPI, DPI), optimize=True)


def save_rows(rows: Iterable[dict[str, Any]], path: Path) -> Path:
    """Write rows with the same names as a CSV file, whole or not at all; floats in full."""
    content = list(rows)
    with whole_file(path) as part, part.open('w', encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, list(content[0]) if content else [], lineterminator='\n')
        writer.writeheader()
        writer.writerows(content)
    return path
