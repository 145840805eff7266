"""What CIFAR-10 and CIFAR-100 consist of: the official archives, their files, and what each file is called.

Checksums are those that https://www.cs.toronto.edu/~kriz/cifar.html gives for the archives, and those by which
torchvision and mmpretrain know the files in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from senet_mm.data.errors import DataError

CifarName = Literal['cifar10', 'cifar100']
SplitName = Literal['train', 'test']
_HOME = 'https://www.cs.toronto.edu/~kriz'


@dataclass(frozen=True)
class CifarLayout:
    """One of the two sets, as it is published.

    Attributes:
        name: as in `prepare_data.py`.
        title: as the paper writes it.
        folder: the folder in the archive that holds all files.
        splits: 'train' and 'test' → their files, in order.
        images: 'train' and 'test' → number of images.
        meta: the file with the class names.
        labels_key: what the labels are called in a file of a split.
        names_key: what the class names are called in `meta`.
        classes: their number.
        md5: of each file, in hexadecimal.
        url: of the archive.
        archive_md5: its checksum.
        archive_bytes: its size.
    """

    name: CifarName
    title: str
    folder: str
    splits: Mapping[SplitName, tuple[str, ...]]
    images: Mapping[SplitName, int]
    meta: str
    labels_key: str
    names_key: str
    classes: int
    md5: Mapping[str, str]
    url: str
    archive_md5: str
    archive_bytes: int

    @property
    def archive(self) -> str:
        """File name of the archive."""
        return self.url.rpartition('/')[2]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files, the class names last."""
        return (*self.splits['train'], *self.splits['test'], self.meta)


LAYOUTS: dict[CifarName, CifarLayout] = {
    'cifar10': CifarLayout(
        name='cifar10',
        title='CIFAR-10',
        folder='cifar-10-batches-py',
        splits={'train': tuple(f'data_batch_{number}' for number in range(1, 6)), 'test': ('test_batch',)},
        images={'train': 50_000, 'test': 10_000},
        meta='batches.meta',
        labels_key='labels',
        names_key='label_names',
        classes=10,
        md5={
            'data_batch_1': 'c99cafc152244af753f735de768cd75f',
            'data_batch_2': 'd4bba439e000b95fd0a9bffe97cbabec',
            'data_batch_3': '54ebc095f3ab1f0389bbae665268c751',
            'data_batch_4': '634d18415352ddfa80567beed471001a',
            'data_batch_5': '482c414d41f54cd18b22e5b47cb7c3cb',
            'test_batch': '40351d587109b95175f43aff81a1287e',
            'batches.meta': '5ff9c542aee3614f3951f8cda6e48888',
        },
        url=f'{_HOME}/cifar-10-python.tar.gz',
        archive_md5='c58f30108f718f92721af3b95e74349a',
        archive_bytes=170_498_071,
    ),
    'cifar100': CifarLayout(
        name='cifar100',
        title='CIFAR-100',
        folder='cifar-100-python',
        splits={'train': ('train',), 'test': ('test',)},
        images={'train': 50_000, 'test': 10_000},
        meta='meta',
        labels_key='fine_labels',
        names_key='fine_label_names',
        classes=100,
        md5={
            'train': '16019d7e3df5f24257cddd939b257f8d',
            'test': 'f0ef6b0ae62326f3e7ffdfab6717acfc',
            'meta': '7973b15100ade9c7d40fb424638fde48',
        },
        url=f'{_HOME}/cifar-100-python.tar.gz',
        archive_md5='eb9058c3a382ffc7106e4002c42a8d85',
        archive_bytes=169_001_437,
    ),
}


def find_layout(name: CifarName) -> CifarLayout:
    """The layout of a set.

    Raises:
        DataError: no such set.
    """
    if name not in LAYOUTS:
        raise DataError(f'{name!r} is no CIFAR set: allowed are {", ".join(map(repr, LAYOUTS))}.')
    return LAYOUTS[name]


def find_folder(root: Path, layout: CifarLayout, splits: tuple[SplitName, ...] = ('train', 'test')) -> Path:
    """The folder with the files of a set: `root`/cifar-10-batches-py (or -100-python), or `root` itself.

    Args:
        root: what a config calls data_root.
        layout: of the set.
        splits: those whose files must be there.

    Raises:
        DataError: files are missing; the message names them, where they were expected, and how to get them.
    """
    folder = next((place for place in (root / layout.folder, root) if (place / layout.meta).is_file()), None)
    folder = folder or (root if root.name == layout.folder else root / layout.folder)
    wanted = [*(file for split in splits for file in layout.splits[split]), layout.meta]
    missing = [file for file in wanted if not (folder / file).is_file()]
    if missing:
        raise DataError(
            f'{layout.title} was expected in {folder.absolute()}, which lacks {", ".join(missing)}. '
            f'To make it: tools/prepare_data.py {layout.name}'
        )
    return folder
