#!/usr/bin/env python
"""Test a checkpoint: tools/test.py CONFIG CHECKPOINT. The metrics also go to metrics.json in the work dir."""

import argparse

from senet_mm.engine.command import add_run_arguments, run_command


def main() -> None:
    """Read the command line and test."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--out',
        help='file for the predictions (a classifier’s: .npz, for tools/test_ensemble.py; a detector’s: .json, as COCO '
        'has them; .pkl) or, with --out-item metrics, the metrics (.json)',
    )
    parser.add_argument('--out-item', choices=['pred', 'metrics'], default='pred', help='what --out gets')
    parser.add_argument('--show', action='store_true', help='show pictures of the predictions in a window')
    parser.add_argument(
        '--show-dir',
        help='save pictures of the predictions here, below the work dir’s time stamp; an absolute path as it is',
    )
    parser.add_argument('--wait-time', type=float, default=2, help='seconds that --show shows a picture')
    parser.add_argument('--interval', type=int, default=1, help='with --show or --show-dir, draw every n-th image')
    parser.add_argument('--tta', action='store_true', help='average over the image and its mirror image')
    parser.add_argument(
        '--crops',
        metavar='PROTOCOL',
        help='test a classifier on other crops than the config’s: center-, ten- or multi- with 224, 299 or 320, e.g. '
        'ten-224, or places365; scales of multi-: --cfg-options crop_scales=[256,352]',
    )
    run_command(parser, _test)


def _test(args: argparse.Namespace) -> None:
    from senet_mm.engine.run import test

    test(args)


if __name__ == '__main__':
    main()
