#!/usr/bin/env python
"""Write down what every config in configs/ comes to; a run of a config that was changed since is told by it."""

import argparse
from pathlib import Path

from senet_mm.engine.command import run_command

OUT = Path('senet_mm/results/published.json')


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--configs', type=Path, default=Path('configs'), metavar='FOLDER', help='configs/ if not given')
    parser.add_argument('--out', type=Path, default=OUT, metavar='FILE', help=f'{OUT} if not given')
    run_command(parser, _pin)


def _pin(args: argparse.Namespace) -> None:
    from senet_mm.data.files.manifest import write_manifest
    from senet_mm.engine.protocol import pin

    write_manifest(args.out, pin(args.configs))


if __name__ == '__main__':
    main()
