#!/usr/bin/env python
"""Run all that a table of the paper still lacks, plain and SE, and print it: tools/run_table.py 7 [--seeds 0 1 2].

It can be stopped and started again at any time, and more than one may run at once: what there is in work_dirs/ is not
repeated, what was cut off goes on.
"""

import argparse
import sys
from pathlib import Path

from senet_mm.engine.command import run_command
from senet_mm.engine.trackers import TRACKERS


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'tables',
        nargs='+',
        metavar='TABLE',
        help='2 … 16, coco, cifar10, cifar100, imagenet, places365, ablation or all',
    )
    parser.add_argument('--seeds', nargs='+', type=int, metavar='SEED', help='one run of any seed if not given')
    parser.add_argument('--dry-run', action='store_true', help='print the commands, and do nothing')
    parser.add_argument('--launcher', choices=['local', 'slurm'], default='local', help='this machine’s GPUs, or SLURM')
    parser.add_argument(
        '--gpus-per-run',
        type=int,
        metavar='N',
        help='at most so many; the recipe’s number if not given. Gradients are accumulated to the recipe’s batch',
    )
    parser.add_argument(
        '--retries', type=int, default=3, help='of a run that the machine fails, between two checkpoints'
    )
    parser.add_argument('--log', nargs='+', choices=list(TRACKERS), default=[], help='as for tools/train.py')
    parser.add_argument('--work-dirs', type=Path, default=Path('work_dirs'), help='where runs are and go')
    parser.add_argument('--partition', help='of SLURM')
    parser.add_argument(
        '--hours', type=int, default=72, help='time limit of a SLURM job; a longer run goes on in the next'
    )
    parser.add_argument(
        '--slurm',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='more options of sbatch, e.g. account=vision qos=long',
    )
    run_command(parser, _run)


def _run(args: argparse.Namespace) -> None:
    from senet_mm.campaigns.campaign import run

    try:
        complete = run(args)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if complete else 1)


if __name__ == '__main__':
    main()
