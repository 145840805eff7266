"""Squeeze-and-Excitation networks (Hu et al., arXiv 1709.01507) as OpenMMLab plugins."""

__version__ = '0.1.0'
