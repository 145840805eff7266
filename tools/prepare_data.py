#!/usr/bin/env python
"""Make the data that a config reads, such as `tools/prepare_data.py demo` for the embedded demo.

Each command is a module or an object with `add_arguments(parser)` and `run(args) -> str`, the text to
print; the first line of its docstring is its help.
"""

import argparse
import sys
from typing import Protocol

from senet_mm.data.cifar import preparation as cifar
from senet_mm.data.coco import preparation as coco
from senet_mm.data.demo import preparation as demo
from senet_mm.data.errors import DataError
from senet_mm.data.imagenet import preparation as imagenet
from senet_mm.data.places365 import preparation as places365


class Command(Protocol):
    """What the modules and objects below have in common."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""

    def run(self, args: argparse.Namespace) -> str:
        """Do it; return the text to print."""


COMMANDS: dict[str, Command] = {
    'demo': demo,
    'imagenet': imagenet,
    'places365': places365,
    'coco': coco,
    **cifar.COMMANDS,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when the data is there, 1 when not, with one message on stderr saying why."""
    parser = argparse.ArgumentParser(description='Make the data that a config reads.')
    commands = parser.add_subparsers(dest='command', required=True, metavar='|'.join(COMMANDS))
    for name, command in COMMANDS.items():
        line = (command.__doc__ or '').splitlines()[0]
        command.add_arguments(commands.add_parser(name, help=line, description=line))
    args = parser.parse_args(argv)
    try:
        print(COMMANDS[args.command].run(args))
    except (DataError, OSError) as error:
        print(f'{parser.prog} {args.command}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
