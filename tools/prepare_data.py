#!/usr/bin/env python
"""Make the data that a config reads, such as `tools/prepare_data.py demo` for the embedded demo.

Each command is a module of senet_mm.data with `add_arguments(parser)` and `run(args) -> str`, the text to print.
"""

import argparse
import sys

from senet_mm.data import coco, demo
from senet_mm.data.errors import DataError

COMMANDS = {'demo': demo, 'coco': coco}


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when the data is there, 1 when not, with one message on stderr saying why."""
    parser = argparse.ArgumentParser(description='Make the data that a config reads.')
    commands = parser.add_subparsers(dest='command', required=True, metavar='|'.join(COMMANDS))
    for name, module in COMMANDS.items():
        line = (module.__doc__ or '').splitlines()[0]
        module.add_arguments(commands.add_parser(name, help=line, description=line))
    args = parser.parse_args(argv)
    try:
        print(COMMANDS[args.command].run(args))
    except (DataError, OSError) as error:
        print(f'{parser.prog} {args.command}: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
