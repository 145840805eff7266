#!/usr/bin/env python
"""Train a detector or a classifier: tools/train.py configs/faster_rcnn_se_r50_2x_coco.py."""

import argparse

from senet_mm.engine.command import add_run_arguments, run_command
from senet_mm.engine.trackers import TRACKERS


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint, or from the newest one in the work dir',
    )
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate with the images an iteration'
    )
    parser.add_argument(
        '--accumulate',
        action='store_true',
        help='reach the recipe’s batch on fewer GPUs: add up the gradients of several iterations for each update',
    )
    parser.add_argument(
        '--log', nargs='+', choices=TRACKERS, default=[], help='where curves go besides the work dir, as extras'
    )
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument(
        '--no-persistent-workers', action='store_true', help='start the data loaders’ workers anew every epoch'
    )
    run_command(parser, _train)


def _train(args: argparse.Namespace) -> None:
    from senet_mm.engine.run import train

    train(args)


if __name__ == '__main__':
    main()
