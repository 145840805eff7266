#!/usr/bin/env python
"""What the gates of SE blocks do over a data set: tools/analyze_excitation.py CONFIG CHECKPOINT.

Writes the statistics of every gate (excitation.npz) and draws the paper's Figures 6 and 7 from them; with --ablate it
also measures what removing each block costs. docs/excitation.md has more.
"""

import argparse

from senet_mm.engine.command import add_config_arguments, add_trust_argument, run_command


def _bins(text: str) -> int:
    if not text.isdecimal() or not 10 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not 10 … 1000: gates within one bin of 1 count as near 1, and wider bins are not near'
        )
    return int(text)


def main() -> None:
    """Read the command line and analyse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file or URL; none if CONFIG is an excitation.npz')
    parser.add_argument('--split', choices=['val', 'test'], help='whose loader delivers the images; val if not given')
    parser.add_argument(
        '--classes', nargs='+', metavar='CLASS', help='names or labels, for Figure 6; the paper’s or the first four'
    )
    parser.add_argument('--within', nargs='+', metavar='CLASS', help='for Figure 7; the first two of --classes')
    parser.add_argument('--blocks', nargs='+', metavar='BLOCK', help='to be drawn, e.g. SE_2_3; the paper’s choice')
    parser.add_argument('--one-class', action='store_true', help='take all images together, whatever their labels')
    parser.add_argument('--ablate', action='store_true', help='test again without each block: one test for each')
    parser.add_argument('--bins', type=_bins, help='of the histograms, between 0 and 1: 10 … 1000, 20 if not given')
    parser.add_argument(
        '--width', choices=['single', 'double'], default='double', help='of the figures: a paper’s column, or both'
    )
    parser.add_argument('--out', metavar='DIR', help='where all goes; work_dirs/<config stem>/excitation if not given')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], help='who started the processes; none if not given'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    add_trust_argument(parser)
    run_command(parser, _analyse)


def _analyse(args: argparse.Namespace) -> None:
    from senet_mm.analysis.excitation.study import study

    study(args)


if __name__ == '__main__':
    main()
