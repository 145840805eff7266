#!/usr/bin/env python
"""Pack a data set's folder into one .zip, .tar or .lmdb, which the configs read in its place."""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Pack or compare; 0 when the pack is there and right, 1 when not, with one message on stderr saying why."""
    parser = argparse.ArgumentParser(
        description='Pack a data set’s folder into one file, which the configs read in its place: '
        '--data-root data/imagenet.lmdb.'
    )
    parser.add_argument('folder', type=Path, help='made by tools/prepare_data.py, e.g. data/imagenet')
    parser.add_argument('out', type=Path, help='file to make, e.g. data/imagenet.lmdb; its ending says of what kind')
    parser.add_argument('--no-verify', action='store_true', help='do not read everything back to compare it')
    parser.add_argument('--check', action='store_true', help='only compare OUT, which is there, with FOLDER')
    args = parser.parse_args()
    from senet_mm.data.errors import DataError
    from senet_mm.data.packs.packing import check_pack, pack_folder

    try:
        if args.check:
            print(check_pack(args.folder, args.out))
        else:
            print(pack_folder(args.folder, args.out, not args.no_verify))
    except (DataError, OSError) as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
