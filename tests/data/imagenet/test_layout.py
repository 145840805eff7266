from pathlib import Path

from senet_mm.data.imagenet.layout import ARCHIVES, CMYK, FACTS, FIRST_LABELS, PNG, read_synsets


def test_published_numbers():
    assert [FACTS[split].images for split in ('train', 'val')] == [1_281_167, 50_000]
    assert FACTS['val'].images == FACTS['val'].per_class[0] * FACTS['val'].classes
    assert len(CMYK) == 23
    assert len(PNG) == 1
    assert len(FIRST_LABELS) == len(set(FIRST_LABELS)) == 10


def test_classes_are_those_that_timm_and_mmpretrain_know():
    import timm
    from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

    synsets = read_synsets()
    assert list(synsets) == (Path(timm.__file__).parent / 'data' / '_info' / 'imagenet_synsets.txt').read_text().split()
    assert list(synsets) == sorted(synsets)
    assert len(synsets) == 1000
    differing = [names for names, theirs in zip(synsets.values(), IMAGENET_CATEGORIES, strict=True) if names != theirs]
    assert [names.split(',')[0] for names in differing] == ['American black bear', 'confectionery']  # slips of theirs


def test_checksums_are_those_by_which_torchvision_knows_the_archives():
    from torchvision.datasets.imagenet import ARCHIVE_META

    known = {archive: f'md5:{md5}' for archive, md5 in ARCHIVE_META.values()}
    assert {one.url.rpartition('/')[2]: one.checksum for one in ARCHIVES.values()} == known
