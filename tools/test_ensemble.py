#!/usr/bin/env python
"""Fuse networks: tools/test_ensemble.py a.npz b.npz, of tools/test.py … --out a.npz. Nothing is run again."""

import argparse
from pathlib import Path

from senet_mm.engine.command import run_command


def main() -> None:
    """Read the command line, fuse and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('files', nargs='*', type=Path, help='predictions: .npz files of tools/test.py --out')
    parser.add_argument(
        '--model',
        nargs=2,
        action='append',
        metavar=('CONFIG', 'CHECKPOINT'),
        help='a network to be tested first; once for each network',
    )
    parser.add_argument(
        '--save-dir',
        type=Path,
        default=Path('work_dirs'),
        help='where its predictions stay: <config stem>/<checkpoint stem>.npz in this folder; work_dirs/ if not given',
    )
    parser.add_argument(
        '--test-options', default='', help='options of tools/test.py for --model, e.g. --test-options="--crops ten-224"'
    )
    parser.add_argument(
        '--mean', choices=['arithmetic', 'geometric'], default='arithmetic', help='which mean of the probabilities'
    )
    parser.add_argument(
        '--weights', nargs='+', type=float, help='one for each network, files first; equal if not given'
    )
    parser.add_argument('--out', type=Path, help='save the predictions of the ensemble (.npz)')
    parser.add_argument('--metrics', type=Path, help='save the errors and their intervals (.json)')
    parser.add_argument(
        '--submission', type=Path, help='write the five best classes of each image, as ILSVRC takes them'
    )
    parser.add_argument(
        '--ids', type=Path, help='for --submission: data/meta.mat or data/map_clsloc.txt of ILSVRC’s development kit'
    )
    parser.add_argument('--format', choices=['text', 'md'], default='text', help='plain text or Markdown')
    run_command(parser, _fuse)


def _fuse(args: argparse.Namespace) -> None:
    from senet_mm.results.ensemble import run

    print(run(args, Path(__file__).with_name('test.py')))


if __name__ == '__main__':
    main()
