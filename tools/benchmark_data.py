#!/usr/bin/env python
"""Images a second of a config's training data, by several ways in turn.

tools/benchmark_data.py configs/resnet50_imagenet.py --data-root data/imagenet data/imagenet.zip --workers 8 compares
where the data comes from, --decoder what makes pictures of it, and a CIFAR config its two input pipelines. docs/data.md
has results.
"""

import argparse

from senet_mm.engine.command import add_config_arguments, run_command


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not 1, 2, …')
    return int(text)


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text!r} is not 0, 1, 2, …')
    return int(text)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser, several_data_roots=True)
    parser.add_argument('--decoder', dest='decoders', nargs='+', default=[], help='cv2, turbojpeg, pillow')
    parser.add_argument(
        '--workers', type=_natural, default=0, help='processes that load image by image; 0 if not given'
    )
    parser.add_argument('--rounds', type=_positive, default=5, help='how often each is measured; 5 if not given')
    parser.add_argument('--seconds', type=_positive, default=2, help='of each measurement; 2 if not given')
    parser.add_argument(
        '--steps',
        type=_natural,
        default=5,
        help='of training in each round, to see how long one waits; 5, or 0 for none',
    )
    run_command(parser, _measure)


def _measure(args: argparse.Namespace) -> None:
    from senet_mm.analysis.input_speed import InputBenchmark, variants
    from senet_mm.data.presence import require_data
    from senet_mm.engine.run import load_config

    ways = variants(load_config(args), args.data_roots, args.decoders)
    for cfg in ways.values():
        require_data(cfg, splits=('train',))
    benchmark = InputBenchmark(ways, args.workers)
    print(benchmark.machine())
    print(benchmark.run(args.rounds, args.seconds, args.steps))


if __name__ == '__main__':
    main()
