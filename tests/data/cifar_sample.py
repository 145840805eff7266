"""Small CIFARs for the tests, with files as Python 2 pickled the official ones."""

import hashlib
import struct
import tarfile
from dataclasses import replace

import numpy as np

from senet_mm.data.cifar.layout import LAYOUTS


def words(text):
    return text.split()


CLASSES = words("""
    airplane automobile bird cat deer dog frog horse ship truck
""")
FINE = words("""
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
    castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
    elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard
    lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
    pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark
    shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
""")
COARSE = words("""
    aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
    household_furniture insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes
    large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles small_mammals trees
    vehicles_1 vehicles_2
""")
META = {  # what the official files hold; that they are theirs to the byte, a test shows
    'cifar10': {'num_cases_per_batch': 10000, 'label_names': CLASSES, 'num_vis': 3072},
    'cifar100': {'fine_label_names': FINE, 'coarse_label_names': COARSE},
}


class Python2Pickle:
    """What Python 2's cPickle wrote with protocol 2: every string a byte string, everything remembered."""

    def __init__(self, tree):
        self.remembered = 0
        self.content = b'\x80\x02'
        self.save(tree)
        self.content += b'.'

    def remember(self):
        self.remembered += 1
        number = self.remembered
        self.content += b'q' + bytes([number]) if number < 256 else b'r' + struct.pack('<I', number)

    def save(self, node):
        getattr(self, f'save_{type(node).__name__}')(node)

    def save_str(self, text):
        self.save_bytes(text.encode())

    def save_bytes(self, content):
        short = len(content) < 256
        self.content += (b'U' + bytes([len(content)]) if short else b'T' + struct.pack('<i', len(content))) + content
        self.remember()

    def save_int(self, number):
        self.content += b'K' + bytes([number]) if number < 256 else b'M' + struct.pack('<H', number)

    def save_list(self, items):
        self.content += b']'
        self.remember()
        self.content += b'('
        for item in items:
            self.save(item)
        self.content += b'e'

    def save_dict(self, items):
        self.content += b'}'
        self.remember()
        self.content += b'('
        for key, value in items.items():
            self.save(key)
            self.save(value)
        self.content += b'u'

    def save_ndarray(self, array):
        kind = {'uint8': (b'u1', b'|'), 'float32': (b'f4', b'<')}[array.dtype.name]
        self.content += b'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01'
        for side in array.shape:
            self.save(side)
        self.content += b'\x86cnumpy\ndtype\nU\x02' + kind[0] + b'K\x00K\x01\x87R(K\x03U\x01' + kind[1]
        self.content += b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89'
        self.save(array.tobytes())
        self.content += b'tb'


def python2_pickle(tree):
    return Python2Pickle(tree).content


def part(name, count, seed):
    """What a file of a split holds."""
    rng = np.random.default_rng(seed)
    record = {
        'batch_label': f'training batch {seed} of 5',
        'labels': rng.integers(0, 10, count).tolist(),
        'data': rng.integers(0, 256, (count, 3072), np.uint8),
        'filenames': [f'pic_s_{i:06d}.png' for i in range(count)],
    }
    if name == 'cifar100':
        record['fine_labels'] = rng.integers(0, 100, count).tolist()
        record['coarse_labels'] = rng.integers(0, 20, count).tolist()
        del record['labels']
    return record


def write_sample(root, name, count=4):
    """Write a set with `count` images in each file below `root`; return its layout, and what the files hold."""
    layout = LAYOUTS[name]
    folder = root / layout.folder
    folder.mkdir(parents=True)
    files = [*layout.splits['train'], *layout.splits['test']]
    parts = {file: part(name, count, seed) for seed, file in enumerate(files, 1)}
    for file, content in {**parts, layout.meta: META[name]}.items():
        (folder / file).write_bytes(python2_pickle(content))
    md5 = {file: hashlib.md5((folder / file).read_bytes()).hexdigest() for file in layout.files}
    images = {split: count * len(files) for split, files in layout.splits.items()}
    return replace(layout, md5=md5, images=images), parts


def write_archive(layout, root, path):
    """Pack a set as the official archive is packed; return its layout."""
    with tarfile.open(path, 'w:gz') as archive:
        archive.add(root / layout.folder, layout.folder)
    content = path.read_bytes()
    return replace(layout, archive_md5=hashlib.md5(content).hexdigest(), archive_bytes=len(content))
