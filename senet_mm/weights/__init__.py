"""Other people's released weights in our networks: key maps, one file a source, and strict conversion."""

from senet_mm.weights.pretrained import Pretrained

__all__ = ['Pretrained']
