#!/usr/bin/env python
"""Write model-index.yml, the metafiles in configs/zoo/ and configs/README.md, from the configs and released runs."""

import argparse
from pathlib import Path

from senet_mm.engine.command import run_command

RELEASED = Path('docs/runs')


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--runs',
        type=Path,
        default=RELEASED,
        metavar='FOLDER',
        help=f'records of the runs to show, each with the address of its weights in weights.url; default: {RELEASED}',
    )
    run_command(parser, _write)


def _write(args: argparse.Namespace) -> None:
    from senet_mm.results.zoo import make_zoo

    for path in make_zoo(Path(), args.runs):
        print(path)


if __name__ == '__main__':
    main()
