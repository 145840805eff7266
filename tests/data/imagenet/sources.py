"""What the tests of ImageNet share: the names of the archives, and how a refusal looks."""

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.imagenet.preparation import make_imagenet

TRAIN, VAL, KIT = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar', 'ILSVRC2012_devkit_t12.tar.gz'


def refused(source, out, options=None):
    with pytest.raises(DataError) as caught:
        make_imagenet(source, out, options)
    assert not out.exists()
    return str(caught.value)
