#!/usr/bin/env python
"""Print a config with everything it inherits: tools/print_config.py CONFIG."""

import argparse

from senet_mm.engine.command import add_config_arguments, run_command


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument('--save-path', help='also write it to this .py, .json or .yml file')
    run_command(parser, _print)


def _print(args: argparse.Namespace) -> None:
    from senet_mm.engine.run import load_config

    cfg = load_config(args)
    print(f'Config:\n{cfg.pretty_text}')
    if args.save_path:
        cfg.dump(args.save_path)


if __name__ == '__main__':
    main()
