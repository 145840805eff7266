#!/usr/bin/env python
"""Count parameters and operations, beside the paper's: tools/complexity.py configs/se_resnet50_imagenet.py, or --all.

MACs are multiply-adds of convolutions and fully-connected layers; an SE block's squeeze and scale have a column of
their own, "SE elementwise". The full convention: senet_mm/analysis/complexity.py.
"""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

from senet_mm.data.images.size import parse_size
from senet_mm.engine.command import run_command


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('configs', nargs='*', type=Path, default=[], metavar='CONFIG', help='config files')
    which.add_argument('--all', action='store_true', help='every config in configs/')
    parser.add_argument(
        '--input-size', type=parse_size, metavar='SIZE', help='224 or 1333x800; as the config tests if not given'
    )
    parser.add_argument('--format', choices=['text', 'md', 'csv', 'json'], default='text', help='text if not given')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write it here instead of printing it')
    run_command(parser, _count)


def _count(args: argparse.Namespace) -> None:
    from senet_mm.results.complexity import report

    with redirect_stdout(sys.stderr):  # what the toolboxes log is not part of the table
        table = report(args.configs, args.input_size, args.format)
    if args.out is None:
        print(table)
    else:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(f'{table}\n', encoding='utf-8')


if __name__ == '__main__':
    main()
