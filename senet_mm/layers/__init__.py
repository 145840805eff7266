"""The SE block, where it sits in a network, and its fused residual join."""

from senet_mm.layers.conv_norm import ConvNorm
from senet_mm.layers.dropout import FeatureDropout
from senet_mm.layers.insertion import insert_se, with_se
from senet_mm.layers.residual import ResidualUnit, SEUnit
from senet_mm.layers.se import SEBlock, SESpec, rename_openmmlab_keys
from senet_mm.layers.shake import ShakeMix

__all__ = [
    'ConvNorm',
    'FeatureDropout',
    'ResidualUnit',
    'SEBlock',
    'SESpec',
    'SEUnit',
    'ShakeMix',
    'insert_se',
    'rename_openmmlab_keys',
    'with_se',
]
