"""Backbones, one file per architecture family, each with and without SE."""

from senet_mm.models.backbone import Backbone
from senet_mm.models.resnet import ResNet, ResNeXt, SEResNet, SEResNeXt

__all__ = ['Backbone', 'ResNeXt', 'ResNet', 'SEResNeXt', 'SEResNet']
