#!/usr/bin/env python
"""Training and validation curves of runs in one figure: tools/plot_curves.py RUN [RUN …]."""

import argparse
from pathlib import Path

from senet_mm.engine.command import run_command


def _titled(text: str) -> tuple[str, Path]:
    title, separator, path = text.partition('=')
    return (title, Path(path)) if separator else (Path(text).resolve().name, Path(text))


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('runs', nargs='+', type=_titled, metavar='RUN', help='a work dir, or TITLE=work dir')
    parser.add_argument(
        '--out',
        nargs='+',
        type=Path,
        default=[Path('curves.png')],
        metavar='FILE',
        help='.png, .svg, .pdf or .csv; curves.png if not given',
    )
    parser.add_argument('--width', choices=['single', 'double'], default='double', help='a paper’s column, or both')
    run_command(parser, _plot)


def _plot(args: argparse.Namespace) -> None:
    from senet_mm.analysis.curves import plot_curves
    from senet_mm.data.errors import DataError

    titles = [title for title, _ in args.runs]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise DataError(f'several runs are called {twice}: name them, TITLE=RUN')
    plot_curves(dict(args.runs), args.out, args.width)
    print('\n'.join(map(str, args.out)))


if __name__ == '__main__':
    main()
