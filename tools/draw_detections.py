#!/usr/bin/env python
"""Draw what detectors found: tools/draw_detections.py CONFIG plain=a.json SE=b.json --out picture.png."""

import argparse
from pathlib import Path

from senet_mm.engine.command import add_config_arguments, run_command


def _named_file(text: str) -> tuple[str, Path]:
    title, separator, path = text.rpartition('=')
    if not separator:
        raise argparse.ArgumentTypeError(f'{text!r} is not TITLE=FILE, e.g. SE=predictions.json')
    return title, Path(path)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not 1, 2, …')
    return int(text)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument(
        'predictions', nargs='+', type=_named_file, metavar='TITLE=FILE', help='from tools/test.py --out'
    )
    parser.add_argument('--out', type=Path, required=True, help='the picture')
    parser.add_argument('--number', type=_positive, default=6, help='how many images')
    parser.add_argument('--threshold', type=float, default=0.5, help='lowest score of a box that is drawn')
    run_command(parser, _draw)


def _draw(args: argparse.Namespace) -> None:
    from senet_mm.analysis.detections import draw_detections
    from senet_mm.engine.run import load_config

    cfg = load_config(args)
    print(f'picture: {draw_detections(cfg, dict(args.predictions), args.out, args.number, args.threshold)}')


if __name__ == '__main__':
    main()
