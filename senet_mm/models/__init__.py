"""Backbones, one file per architecture family, each with and without SE."""

import importlib
import pkgutil

from senet_mm.models.backbone import Backbone
from senet_mm.models.bn_inception import BNInception, SEBNInception
from senet_mm.models.densenet import DenseNet, SEDenseNet
from senet_mm.models.inception_resnet_v2 import InceptionResNetV2, SEInceptionResNetV2
from senet_mm.models.mobilenet_v1 import MobileNetV1, SEMobileNetV1
from senet_mm.models.preact_resnet import PreActResNet, SEPreActResNet, SEWideResNet, WideResNet
from senet_mm.models.resnet import ResNet, ResNeXt, SEResNet, SEResNeXt
from senet_mm.models.shake_resnet import SEShakeResNet, ShakeResNet
from senet_mm.models.shufflenet_v1 import SEShuffleNetV1, ShuffleNetV1
from senet_mm.models.vgg import SEVGG, VGG

__all__ = [
    'SEVGG',
    'VGG',
    'BNInception',
    'Backbone',
    'DenseNet',
    'InceptionResNetV2',
    'MobileNetV1',
    'PreActResNet',
    'ResNeXt',
    'ResNet',
    'SEBNInception',
    'SEDenseNet',
    'SEInceptionResNetV2',
    'SEMobileNetV1',
    'SEPreActResNet',
    'SEResNeXt',
    'SEResNet',
    'SEShakeResNet',
    'SEShuffleNetV1',
    'SEWideResNet',
    'ShakeResNet',
    'ShuffleNetV1',
    'WideResNet',
]

# A family registers itself when it is imported: its file in this folder is all that it needs.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f'{__name__}.{_module.name}')
