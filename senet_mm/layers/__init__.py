"""The SE block, where it sits in a network, and its fused residual join."""

from senet_mm.layers.residual import ResidualUnit
from senet_mm.layers.se import SEBlock, SESpec, rename_openmmlab_keys

__all__ = ['ResidualUnit', 'SEBlock', 'SESpec', 'rename_openmmlab_keys']
