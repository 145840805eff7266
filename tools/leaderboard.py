#!/usr/bin/env python
"""The paper's tables with your runs in them, and plain beside SE for the rest: tools/leaderboard.py [work_dirs …]."""

import argparse
import os
import sys
from pathlib import Path

from senet_mm.engine.command import run_command

FORMATS = ('text', 'md', 'html', 'latex', 'csv', 'json')


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folders', nargs='*', type=Path, default=[Path('work_dirs')], help='work_dirs/ if not given')
    parser.add_argument(
        '--table',
        action='extend',
        nargs='+',
        default=None,
        metavar='TABLE',
        help='of the paper: 2 … 16, coco, cifar10, cifar100, imagenet, places365, ablation or all, empty or not; '
        'if not given, those that have a run in them',
    )
    parser.add_argument('--format', choices=FORMATS, default='text', help='text if not given')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write it here instead of printing it')
    parser.add_argument('--page', type=Path, metavar='FILE.html', help='also write a page with curves and details')
    run_command(parser, _show)


def _show(args: argparse.Namespace) -> None:
    from senet_mm.results.leaderboard import show

    text = show(args)
    try:
        print(text, flush=True)
    except BrokenPipeError:  # … | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == '__main__':
    main()
