"""What ImageNet (ILSVRC 2012) consists of, where it is to be had, and its few images that are not what they are called.

Counts are ILSVRC's own; sizes and checksums those of the official archives (torchvision knows them by the same). The
classes are listed as in Kaggle's LOC_synset_mapping.txt: WordNet's ids in order, each with its names.
"""

from collections.abc import Mapping
from pathlib import Path

from senet_mm.data.files.download import RemoteFile
from senet_mm.data.images.tree import SplitFacts

CLASSES = 1000
FACTS = {
    'train': SplitFacts(1_281_167, CLASSES, (732, 1300)),
    'val': SplitFacts(50_000, CLASSES, (50, 50)),
}
_HOME = 'https://image-net.org/data/ILSVRC/2012'
ARCHIVES = {
    'train': RemoteFile(f'{_HOME}/ILSVRC2012_img_train.tar', 147_897_477_120, 'md5:1d675b47d978889d74fa0da5fadfb00e'),
    'val': RemoteFile(f'{_HOME}/ILSVRC2012_img_val.tar', 6_744_924_160, 'md5:29b22e2961454d5413ddabcf34fc5622'),
    'labels': RemoteFile(f'{_HOME}/ILSVRC2012_devkit_t12.tar.gz', 2_568_145, 'md5:fa75699e90414af021442c21a62c3abf'),
}
DEVKIT = 'ILSVRC2012_devkit_t12'
KAGGLE = Path('ILSVRC', 'Data', 'CLS-LOC')  # in what Kaggle gives
FOLDERS: Mapping[str, tuple[Path, ...]] = {split: (Path(split), KAGGLE / split) for split in FACTS}
SYNSETS = Path(__file__).with_name('synsets.txt')
LABEL_FILES = (Path('meta', 'val.txt'), Path('val.txt'), Path('LOC_val_solution.csv'))
# Labels of the validation images 1 to 10, by which a list in another numbering is recognised.
FIRST_LABELS = (65, 970, 230, 809, 516, 57, 334, 415, 674, 332)
# Named .JPEG, but JPEGs in CMYK, and one PNG. They are read as RGB like the others.
CMYK = frozenset(
    {
        'n01739381_1309.JPEG',
        'n02077923_14822.JPEG',
        'n02447366_23489.JPEG',
        'n02492035_15739.JPEG',
        'n02747177_10752.JPEG',
        'n03018349_4028.JPEG',
        'n03062245_4620.JPEG',
        'n03347037_9675.JPEG',
        'n03467068_12171.JPEG',
        'n03529860_11437.JPEG',
        'n03544143_17228.JPEG',
        'n03633091_5218.JPEG',
        'n03710637_5125.JPEG',
        'n03961711_5286.JPEG',
        'n04033995_2932.JPEG',
        'n04258138_17003.JPEG',
        'n04264628_27969.JPEG',
        'n04336792_7448.JPEG',
        'n04371774_5854.JPEG',
        'n04596742_4225.JPEG',
        'n07583066_647.JPEG',
        'n13037406_4650.JPEG',
        'ILSVRC2012_val_00019877.JPEG',
    }
)
PNG = frozenset({'n02105855_2933.JPEG'})
WHERE = """ImageNet cannot be fetched without an account; its terms are the user's to accept. It is to be had from
  https://image-net.org/download-images (ILSVRC2012; once you have logged in, the archives are below
    https://image-net.org/data/ILSVRC/2012/)
  https://www.kaggle.com/c/imagenet-object-localization-challenge (the same images; unpack it and give its folder)
  https://academictorrents.com (the same archives:
    train a306397ccf9c2ead27155983c254227c0fd938e2, val 5d6d0df7ed81efd49ca99ea4737e0ae5e3a5f2e5)
The addresses without a log-in that are found on the web (www.image-net.org/challenges/LSVRC/2012/nnoupb/…) are dead."""


def read_synsets() -> dict[str, str]:
    """WordNet id → names, 'n01440764' → 'tench, Tinca tinca', in the order of the labels."""
    lines = SYNSETS.read_text(encoding='utf-8').splitlines()
    return {wnid: names for wnid, _, names in (line.partition(' ') for line in lines)}
