#!/usr/bin/env python
"""Export a trained classifier, or a network's backbone: tools/export.py CONFIG CHECKPOINT OUT.onnx, or OUT.pt2.

The input is an image (N,3,H,W), normalised as the config's data_preprocessor says; a classifier returns logits. What is
written has been compared with PyTorch. docs/deployment.md has more.
"""

import argparse

from senet_mm.data.images.size import parse_size
from senet_mm.engine.command import add_config_arguments, add_trust_argument, run_command


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('out', help='file to write; .onnx is ONNX, .pt2 torch.export’s format')
    parser.add_argument(
        '--part', choices=['whole', 'backbone'], default='whole', help='the whole classifier, or the backbone'
    )
    parser.add_argument(
        '--input-size', type=parse_size, metavar='SIZE', help='224 or 1333x800; as the config tests if not given'
    )
    parser.add_argument('--dynamic-batch', action='store_true', help='any number of images at a time; otherwise one')
    add_trust_argument(parser)
    run_command(parser, _export)


def _export(args: argparse.Namespace) -> None:
    from senet_mm.engine.export import export

    export(args)


if __name__ == '__main__':
    main()
