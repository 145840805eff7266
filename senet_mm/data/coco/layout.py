"""Where COCO's minival protocol lies in a folder, in either of its two official layouts.

The paper (Table 7) trains on train2014 + valminusminival2014 and tests on the 5,000 images of minival2014. COCO 2017
later published the same 118,287 and 5,000 images as train2017 and val2017, so either release serves.
"""

import os
import posixpath

from senet_mm.data.packs.url import as_url

Part = tuple[str, str]  # annotation file, image folder
LAYOUTS: dict[str, dict[str, tuple[Part, ...]]] = {  # the first that is complete is taken
    '2014': {
        'train': (
            ('annotations/instances_train2014.json', 'train2014'),
            ('annotations/instances_valminusminival2014.json', 'val2014'),
        ),
        'minival': (('annotations/instances_minival2014.json', 'val2014'),),
    },
    '2017': {
        'train': (('annotations/instances_train2017.json', 'train2017'),),
        'minival': (('annotations/instances_val2017.json', 'val2017'),),
    },
}
SPLITS = ('train', 'minival')
HELP = (
    'Make the folder from a COCO you have:      tools/prepare_data.py coco --source FOLDER\n'
    'or try without COCO, on the embedded demo: tools/prepare_data.py demo'
)


class CocoNotFoundError(FileNotFoundError):
    """COCO is not where it was expected; `args[0]` says where and what is missing, `str()` adds how to make it."""

    def __str__(self) -> str:
        return f'{self.args[0]}\n{HELP}'


def find_parts(data_root: str, split: str, backend_args: dict | None = None) -> list[Part]:
    """The annotation files that make up a split, each with its image folder, as full paths.

    A local folder is complete when files and image folders are there; elsewhere only the files are asked for.

    Args:
        data_root: folder, pack or URL that holds COCO.
        split: 'train' or 'minival'.
        backend_args: of mmengine's file backends, for data that is not on a local disk.

    Raises:
        ValueError: no such split.
        CocoNotFoundError: the folder holds neither layout.
    """
    if split not in SPLITS:
        raise ValueError(f'split={split!r} of CocoMinival: allowed are {", ".join(map(repr, SPLITS))}.')
    data_root = as_url(data_root)
    looked_for = []
    for year, layout in LAYOUTS.items():
        parts = [(posixpath.join(data_root, file), posixpath.join(data_root, folder)) for file, folder in layout[split]]
        missing = [path for path, there in _presence(parts, backend_args) if not there]
        if not missing:
            return parts
        looked_for.append(f'  COCO {year} layout lacks {", ".join(missing)}')
    expected = data_root if is_remote(data_root) else os.path.abspath(data_root)
    raise CocoNotFoundError(
        f"COCO's {split} images and annotations were expected in {expected}, in the layout of 2014 or of 2017:\n"
        + '\n'.join(looked_for)
    )


def is_remote(path: str) -> bool:
    """Whether a path is a URL (`s3://…`, `packed://…`)."""
    return '://' in path


def _presence(parts: list[Part], backend_args: dict | None) -> list[tuple[str, bool]]:
    """Each path asked for, with whether it is there."""
    files, folders = [file for file, _ in parts], [folder for _, folder in parts]
    if backend_args is None and not is_remote(files[0]):
        return [(path, os.path.isfile(path)) for path in files] + [(path, os.path.isdir(path)) for path in folders]
    from mmengine import fileio  # brings torch with it

    import senet_mm.data.packs.backend  # noqa: F401  (the backend of packed://)

    return [(path, fileio.isfile(path, backend_args=backend_args)) for path in files]
