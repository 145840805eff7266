"""The official archives in small, made from the demo: structured as ImageNet's and Places365's, ten classes each."""

import io
import tarfile
from pathlib import Path

import numpy as np
from scipy.io import savemat

from senet_mm.data.files.download import RemoteFile, digest
from senet_mm.data.images.tree import SplitFacts, read_list


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def tar_of(files: dict[str, bytes], mode: str = 'w') -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, content in files.items():
            add(tar, name, content)
    return stream.getvalue()


def write_imagenet_archives(demo: Path, out: Path) -> Path:
    """The three archives; the kit numbers the classes backwards, and has inner nodes of WordNet, too."""
    out.mkdir(parents=True, exist_ok=True)
    imagenet = demo / 'imagenet'
    inner = {}
    for folder in sorted((imagenet / 'train').iterdir()):
        inner[f'{folder.name}.tar'] = tar_of({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    (out / 'ILSVRC2012_img_train.tar').write_bytes(tar_of(inner))
    val = {path.name: path.read_bytes() for path in sorted((imagenet / 'val').iterdir())}
    (out / 'ILSVRC2012_img_val.tar').write_bytes(tar_of(val))
    (out / 'ILSVRC2012_devkit_t12.tar.gz').write_bytes(tar_of(kit_files(imagenet), 'w:gz'))
    return out


def kit_files(imagenet: Path) -> dict[str, bytes]:
    """The development kit of a folder as the configs read it."""
    wnids = sorted(path.name for path in (imagenet / 'train').iterdir())
    counts = [len(list((imagenet / 'train' / wnid).iterdir())) for wnid in wnids]
    rows = [(len(wnids) - i, wnid, 'words', 'gloss', 0, 0, 0, counts[i]) for i, wnid in enumerate(wnids)]
    rows = [*sorted(rows), (len(wnids) + 1, 'n00001740', 'entity', 'that which is', 2, [1, 2], 1, 0)]
    names = ['ILSVRC2012_ID', 'WNID', 'words', 'gloss', 'num_children', 'children', 'wordnet_height']
    names += ['num_train_images']
    synsets = np.empty((len(rows), 1), dtype=[(name, object) for name in names])
    for place, row in enumerate(rows):
        synsets[place, 0] = row
    meta = io.BytesIO()
    savemat(meta, {'synsets': synsets})
    labels = [label for _, label in sorted(read_list(imagenet / 'meta' / 'val.txt'))]
    truth = ''.join(f'{len(wnids) - label}\n' for label in labels).encode()
    below = 'ILSVRC2012_devkit_t12/data'
    return {f'{below}/meta.mat': meta.getvalue(), f'{below}/ILSVRC2012_validation_ground_truth.txt': truth}


def write_places_archives(demo: Path, out: Path, variant: str = 'challenge', size: str = '256') -> Path:
    """The three archives of an edition."""
    out.mkdir(parents=True, exist_ok=True)
    places = demo / 'places365'
    train, val = (dict(read_list(places / 'meta' / f'{split}.txt')) for split in ('train', 'val'))
    images = {f'data_{size}/{file}': (places / 'train' / file).read_bytes() for file in train}
    (out / f'train_{size}_places365{variant}.tar').write_bytes(tar_of(images))
    images = {f'val_{size}/{file}': (places / 'val' / file).read_bytes() for file in val}
    (out / f'val_{size}.tar').write_bytes(tar_of(images))
    lists = {
        f'places365_train_{variant}.txt': ''.join(f'/{file} {label}\n' for file, label in train.items()).encode(),
        'places365_val.txt': ''.join(f'{file} {label}\n' for file, label in val.items()).encode(),
        'places365_test.txt': b'Places365_test_00000001.jpg\n',
    }
    (out / f'filelist_places365-{variant}.tar').write_bytes(tar_of(lists))
    return out


def remote(path: Path) -> RemoteFile:
    """An archive as if it were the official one."""
    return RemoteFile(f'https://example.org/{path.name}', path.stat().st_size, f'md5:{digest(path, "md5")}')


def facts_of(samples: list[tuple[str, int]], classes: int = 10) -> SplitFacts:
    counts = np.bincount([label for _, label in samples], minlength=classes)
    return SplitFacts(len(samples), classes, (int(counts.min()), int(counts.max())))
