"""What Places365 consists of: the official archives and lists, in both variants and both sizes, and the class names.

Numbers are the data set's own (places_devkit); checksums are those by which torchvision knows the files.
"""

from dataclasses import dataclass
from pathlib import Path

from senet_mm.data.files.download import RemoteFile
from senet_mm.data.images.tree import SplitFacts

HOME = 'https://data.csail.mit.edu/places/places365'
VARIANTS = ('challenge', 'standard')
SIZES = ('256', 'large')  # pixels a side, or as published: 512 and more
EASY = 'places365_standard'  # folder in the archive of Standard at 256 that has a folder for each class
CATEGORIES = Path(__file__).with_name('categories_places365.txt')  # the official file, as it is
CATEGORIES_MD5 = '06c963b85866bd0649f97cb43dd16673'
FACTS = {
    'standard': {'train': SplitFacts(1_803_460, 365, (3068, 5000)), 'val': SplitFacts(36_500, 365, (100, 100))},
    'challenge': {'train': SplitFacts(8_026_628, 365, (3068, 40_000)), 'val': SplitFacts(36_500, 365, (100, 100))},
}
LIST_MD5 = {
    'places365_train_standard.txt': '30f37515461640559006b8329efbed1a',
    'places365_train_challenge.txt': 'b2931dc997b8c33c27e7329c073a6b57',
    'places365_val.txt': 'e9f2fd57bfd9d07630173f4e8708e4b1',
}
_ARCHIVES = {  # name → bytes, MD5
    'filelist_places365-standard.tar': (67_498_496, '35a0585fee1fa656440f3ab298f8479c'),
    'filelist_places365-challenge.tar': (259_694_080, '70a8307e459c3de41690a7c76c931734'),
    'train_256_places365standard.tar': (26_103_685_120, '53ca1c756c3d1e7809517cc47c5561c5'),
    'train_256_places365challenge.tar': (116_040_908_800, '741915038a5e3471ec7332404dfb64ef'),
    'train_large_places365standard.tar': (112_598_435_840, '67e186b496a84c929568076ed01a8aa1'),
    'train_large_places365challenge.tar': (511_257_384_960, '605f18e68e510c82b958664ea134545f'),
    'val_256.tar': (525_158_400, 'e27b17d8d44f4af9a78502beb927f808'),
    'val_large.tar': (2_270_320_640, '9b71c4993ad89d2d8bcbdc4aef38042f'),
    'places365standard_easyformat.tar': (26_686_689_280, 'ee2dd54bc5f58a52dbae84bd898f937e'),
}


@dataclass(frozen=True)
class Edition:
    """One of the four: a variant in a size.

    Attributes:
        variant: 'standard' or 'challenge'.
        size: '256' or 'large'.
    """

    variant: str
    size: str

    @property
    def title(self) -> str:
        """As its authors write it."""
        return f'Places365-{self.variant.capitalize()}, {"256×256" if self.size == "256" else "full size"}'

    @property
    def archives(self) -> dict[str, str]:
        """What comes from which archive: 'train', 'val' and 'lists'."""
        return {
            'train': f'train_{self.size}_places365{self.variant}.tar',
            'val': f'val_{self.size}.tar',
            'lists': f'filelist_places365-{self.variant}.tar',
        }

    @property
    def folders(self) -> dict[str, tuple[str, ...]]:
        """Where the images lie once unpacked, torchvision's renamed folder included; with tar, or by hand."""
        train = f'data_{self.size}'
        return {'train': (f'{train}_{self.variant}', train), 'val': (f'val_{self.size}',)}

    @property
    def lists(self) -> dict[str, str]:
        """The official list of each split."""
        return {'train': f'places365_train_{self.variant}.txt', 'val': 'places365_val.txt'}


def official(archive: str) -> RemoteFile:
    """What is known of an archive."""
    size, md5 = _ARCHIVES[archive]
    return RemoteFile(f'{HOME}/{archive}', size, f'md5:{md5}')


def read_categories(path: Path = CATEGORIES) -> dict[str, int]:
    """Category, such as '/a/apartment_building/outdoor' → label."""
    lines = path.read_text(encoding='utf-8').splitlines()
    return {name: int(label) for name, label in (line.split() for line in lines)}


def read_class_names() -> tuple[str, ...]:
    """The 365 names in the order of the labels, without their initials: 'apartment_building/outdoor'."""
    return tuple(name[3:] for name, _ in sorted(read_categories().items(), key=lambda item: item[1]))
