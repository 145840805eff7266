#!/usr/bin/env python
"""Images a second of a config's two input pipelines, in pairs: tools/benchmark_data.py configs/resnet20_cifar10.py."""

import argparse

from senet_mm.engine.command import add_config_arguments, run_command


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not 1, 2, …')
    return int(text)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument('--workers', type=int, default=0, help='processes that load image by image; none if not given')
    parser.add_argument('--rounds', type=_positive, default=5, help='how many pairs are measured; 5 if not given')
    run_command(parser, _measure)


def _measure(args: argparse.Namespace) -> None:
    from senet_mm.analysis.input_speed import InputBenchmark
    from senet_mm.data.presence import require_data
    from senet_mm.engine.run import load_config

    cfg = load_config(args)
    require_data(cfg, splits=('train',))
    benchmark = InputBenchmark(cfg, args.workers)
    print(benchmark.machine())
    print(benchmark.run(args.rounds))


if __name__ == '__main__':
    main()
