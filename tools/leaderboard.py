#!/usr/bin/env python
"""Print what was measured, plain beside SE: tools/leaderboard.py [work_dirs …]."""

import argparse
from pathlib import Path

from senet_mm.engine.command import run_command


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folders', nargs='*', type=Path, default=[Path('work_dirs')], help='work_dirs/ if not given')
    parser.add_argument('--format', choices=['text', 'md'], default='text', help='plain text or Markdown')
    run_command(parser, _print)


def _print(args: argparse.Namespace) -> None:
    from senet_mm.results.leaderboard import render

    print(render(args.folders, args.format))


if __name__ == '__main__':
    main()
