#!/usr/bin/env python
"""Bring in released weights: tools/convert_weights.py SE-ResNet-50.caffemodel data/weights/.

Reads the authors' Caffe networks, Cadene's ports (timm's legacy_se…), timm's SE networks, torchvision's and OpenMMLab's
checkpoints, finds the network, checks every name and shape, and writes what our configs load, with its provenance.
"""

import argparse

from senet_mm.engine.command import add_trust_argument, run_command


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='SOURCE', help='a file or an https:// address')
    parser.add_argument('out', metavar='OUT', help='a folder, or a file named .pth or .safetensors')
    parser.add_argument('--config', help='the network’s config; found from the weights if not given')
    parser.add_argument('--arch', metavar='NAME', help='fail if it is another network, e.g. se_resnet50, senet154')
    add_trust_argument(parser)
    run_command(parser, _convert)


def _convert(args: argparse.Namespace) -> None:
    from senet_mm.weights.convert import convert_file

    convert_file(args)


if __name__ == '__main__':
    main()
