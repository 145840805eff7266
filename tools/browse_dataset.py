#!/usr/bin/env python
"""Look at what a config's data pipeline delivers: tools/browse_dataset.py CONFIG --output-dir pictures."""

import argparse
from pathlib import Path

from senet_mm.engine.command import add_config_arguments, run_command


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)  # --out is no --output-dir
    add_config_arguments(parser)
    parser.add_argument('-o', '--output-dir', type=Path, help='save the pictures here')
    parser.add_argument('-p', '--phase', choices=['train', 'val', 'test'], default='train', help='which data set')
    parser.add_argument('-n', '--show-number', type=int, help='how many samples; all if not given')
    parser.add_argument('-i', '--show-interval', type=float, default=2, help='seconds that the window shows one')
    parser.add_argument('--not-show', action='store_true', help='open no window, as where there is no display')
    run_command(parser, _browse)


def _browse(args: argparse.Namespace) -> None:
    from senet_mm.data.errors import DataError
    from senet_mm.engine.outputs import NO_WINDOW, has_display, require_folder

    if args.not_show and args.output_dir is None:
        raise DataError('--not-show without --output-dir draws nothing; give one of the two')
    show = not args.not_show and has_display()
    if not show and args.output_dir is None:
        raise DataError(f'{NO_WINDOW}; add --output-dir FOLDER to save the pictures')
    from senet_mm.analysis.samples import draw_samples
    from senet_mm.data.presence import require_data
    from senet_mm.engine.run import load_config

    cfg = load_config(args)
    require_data(cfg, splits=(args.phase,))
    if args.output_dir:
        require_folder('--output-dir', args.output_dir)
    draw_samples(cfg, args.phase, args.show_number, args.output_dir, show, args.show_interval)


if __name__ == '__main__':
    main()
