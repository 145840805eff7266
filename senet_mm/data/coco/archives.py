"""COCO's official zip files: what each holds, and how they become folders.

COCO publishes no checksums; sizes and checksums are those of the files as everybody has them, such as the git-annex of
Mila's data sets.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from senet_mm.data.files.download import RemoteFile
from senet_mm.data.files.unpack import Place, unpack
from senet_mm.data.images.preparation import require_official

ZIPS = 'http://images.cocodataset.org/zips'  # no https: the certificate there is Amazon's
ANNOTATIONS = 'http://images.cocodataset.org/annotations'
_KNOWN = {  # zip → where, bytes, MD5
    'train2014.zip': (ZIPS, 13_510_573_713, '0da8c0bd3d6becc4dcb32757491aca88'),
    'val2014.zip': (ZIPS, 6_645_013_297, 'a3d79f5ed8d289b7a7554ce06a5782b3'),
    'train2017.zip': (ZIPS, 19_336_861_798, 'cced6f7f71b7629ddf16f17bbcfab6b2'),
    'val2017.zip': (ZIPS, 815_585_330, '442b8da7639aecaf257c1dceb8ba8c80'),
    'annotations_trainval2014.zip': (ANNOTATIONS, 252_872_794, '0a379cfc70b0e71301e0f377548639bd'),
    'annotations_trainval2017.zip': (ANNOTATIONS, 252_907_541, 'f4bbac642086de4f52a3fdda2de5fa2c'),
}
OFFICIAL = {name: RemoteFile(f'{where}/{name}', size, f'md5:{md5}') for name, (where, size, md5) in _KNOWN.items()}


def archive_of(path: str) -> str | None:
    """The zip that holds a file or folder of COCO's layouts; None for the minival files, which come by other ways."""
    name = f'annotations_trainval{path[-9:-5]}.zip' if path.endswith('.json') else f'{path}.zip'
    return name if name in OFFICIAL and 'minival' not in path else None


def fill(part: Path, places: Mapping[str, Path], subset: bool, workers: int | None) -> None:
    """Put every file and folder of a layout into a new folder: from its zip, or as a link.

    Args:
        part: the folder, with what an earlier run may have put there.
        places: path in the layout → where it is now: a file, a folder, or a zip.
        subset: accept zips that are not the official ones.
        workers: threads.

    Raises:
        DataError: a zip is not the official one, or damaged.
        OSError: the disk refuses.
    """
    archives = sorted({place for place in places.values() if place.suffix == '.zip'})
    for archive in archives if not subset else ():
        require_official(archive, OFFICIAL[archive.name], part)
    for archive in archives:
        unpack(archive, part, _only([path for path, place in places.items() if place == archive]), workers)
    (part / 'annotations').mkdir(exist_ok=True)
    for path, place in places.items():
        if place not in archives and not (part / path).is_symlink():
            (part / path).symlink_to(place, target_is_directory=place.is_dir())


def _only(paths: Sequence[str]) -> Place:
    """A `place` that takes these files, and what is below these folders, as they are."""
    return lambda name: name if any(name == path or name.startswith(f'{path}/') for path in paths) else None
