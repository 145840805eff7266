"""Squeeze-and-Excitation networks (Hu et al., arXiv 1709.01507) as OpenMMLab plugins."""

from senet_mm.compat import mmcv_ext, versions

__version__ = '0.1.0'

versions.check_versions()
mmcv_ext.install()
