"""The demo data: small, real, made in seconds from what scikit-learn and scikit-image carry, in the real layouts.

`tools/prepare_data.py demo` writes data/demo/coco (COCO 2014 with minival), data/demo/imagenet, data/demo/cifar10 and
data/demo/places365, so that the code path of each real benchmark runs without a download.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from senet_mm.data.errors import DataError
from senet_mm.data.files.folder import is_vacant, new_folder

VERSION = 2  # raise it when the same seed begins to give other pictures
MANIFEST = 'demo.json'
SOURCES = 'sources.json'
SIZES: Mapping[str, Mapping[str, int]] = {
    'coco': {'train2014': 420, 'valminusminival2014': 180, 'minival2014': 150},
    'imagenet': {'train': 1500, 'val': 300},
    'cifar10': {'train': 1437, 'test': 360},  # every scan once
    'places365': {'train': 300, 'val': 100},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `prepare_data.py demo`."""
    parser.add_argument('--out', type=Path, default=Path('data/demo'), help='folder to write (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='the same seed gives the same bytes (default: %(default)s)')
    parser.add_argument('--force', action='store_true', help='rewrite a demo that is already there')


def run(args: argparse.Namespace) -> str:
    """Make the demo as the options say; return the line to print."""
    return make_demo(args.out, args.seed, args.force)


def make_demo(
    out: Path, seed: int = 0, force: bool = False, sizes: Mapping[str, Mapping[str, int]] | None = None
) -> str:
    """Write the demo data to `out`, whole or not at all.

    A demo of the same seed, sizes and version is left alone.

    Args:
        out: the folder; absent, empty, or holding a demo.
        seed: of everything random, not negative.
        force: rewrite a demo that is already there, whatever it holds.
        sizes: number of images of each part; `SIZES` by default.

    Returns:
        One line saying what was done.

    Raises:
        DataError: `out` holds something else, or another demo without `force`; or a package of the extra is missing.
    """
    sizes = sizes or SIZES
    if seed < 0:
        raise DataError(f'--seed {seed}: give a number that is not negative.')
    wanted: dict[str, Any] = {
        'version': VERSION,
        'seed': seed,
        'sizes': {key: dict(part) for key, part in sizes.items()},
    }
    if not force and _found(out, wanted):
        return f'{out}: the demo is already there (seed {seed}); --force rewrites it.'
    if force:
        _refuse_strangers(out)
    from senet_mm.data.demo.cifar import write_demo_cifar
    from senet_mm.data.demo.coco import write_coco
    from senet_mm.data.demo.imagenet import write_imagenet
    from senet_mm.data.demo.places365 import write_places365
    from senet_mm.data.demo.sources import load_pools

    pools = load_pools()
    with new_folder(out, replace=force) as part:
        sources = {
            'coco': write_coco(part / 'coco', pools, sizes['coco'], seed),
            'imagenet': write_imagenet(part / 'imagenet', pools, sizes['imagenet'], seed),
            'cifar10': write_demo_cifar(part / 'cifar10', pools, sizes['cifar10'], seed),
            'places365': write_places365(part / 'places365', pools, sizes['places365'], seed),
        }
        _write_json(part / SOURCES, sources)
        _write_json(part / MANIFEST, wanted)
    counts = ', '.join(f'{key} {sum(part.values())} images' for key, part in sizes.items())
    return f'{out}: written ({counts}; seed {seed}).'


def _found(out: Path, wanted: dict[str, Any]) -> bool:
    """Whether this very demo is at `out`; an error if something else is."""
    if is_vacant(out):
        return False
    found = _manifest(out)
    if found is None:
        raise DataError(f'{out} is not empty and holds no demo; it is left as it is. Give another folder with --out.')
    if found != wanted:
        differing = ', '.join(f'{key} {found.get(key)}' for key in wanted if found.get(key) != wanted[key])
        raise DataError(f'{out} holds another demo ({differing}); --force rewrites it, --out makes a second one.')
    missing = [name for name in (*SIZES, SOURCES) if not (out / name).exists()]
    if missing:
        raise DataError(f'{out} has lost {", ".join(missing)}; --force writes it anew.')
    return True


def _refuse_strangers(out: Path) -> None:
    """Before replacing `out`: everything in it must be the demo's own."""
    if is_vacant(out):
        return
    if _manifest(out) is None:
        raise DataError(f'{out} is not empty and holds no demo; --force does not delete it. Give another folder.')
    strangers = sorted({path.name for path in out.iterdir()} - {*SIZES, SOURCES, MANIFEST})
    if strangers:
        raise DataError(f'{out} also holds {", ".join(strangers)}; move it away, then --force rewrites the demo.')


def _manifest(out: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((out / MANIFEST).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and 'seed' in found else None


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
