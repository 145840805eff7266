"""Packaging of senet_mm; `make setup` installs it, with its pinned dependencies, into `.venv`."""

from pathlib import Path

from setuptools import find_packages, setup

DEMO = ['scikit-learn>=1.3', 'scikit-image>=0.22']  # their bundled pictures are the demo's data
TEST = [*DEMO, 'hypothesis>=6.100', 'pytest>=8', 'pytest-xdist>=3.5']
DEV = [*TEST, 'mypy>=1.11', 'ruff>=0.6', 'types-tabulate']

setup(
    name='senet_mm',
    version='0.1.0',
    description='Squeeze-and-Excitation networks for OpenMMLab: backbones, benchmarks and a leaderboard',
    long_description=Path(__file__).with_name('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.13',
    packages=find_packages(include=['senet_mm', 'senet_mm.*']),
    install_requires=[
        'torch>=2.6',
        'torchvision>=0.21',
        'onedl-mmengine>=0.10.12,<1',
        'onedl-mmcv>=2.3.6,<2.4',
        'onedl-mmdetection>=3.5.1,<4',
        'onedl-mmpretrain>=1.3.6,<2',
        'packaging',
        'tabulate>=0.9',
    ],
    extras_require={'demo': DEMO, 'test': TEST, 'dev': DEV},
)
