"""Packaging of senet_mm; `make setup` installs it, with its pinned dependencies, into `.venv`."""

import base64
import hashlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

HERE = Path(__file__).parent
STARTUP_HOOK = HERE / 'senet_mm' / 'compat' / 'senet_mm.pth'  # site.py reads it only from site-packages itself

DEMO = ['scikit-learn>=1.3', 'scikit-image>=0.22']  # their bundled pictures are the demo's data
TEST = [*DEMO, 'hypothesis>=6.100', 'pytest>=8', 'pytest-xdist>=3.5', 'timm>=1.0']
DEV = [*TEST, 'mypy>=1.11', 'ruff>=0.6', 'types-tabulate']


class BuildWithHook(build_py):
    """Puts the start-up hook beside the packages, from where a wheel takes it."""

    def run(self):
        """Build as ever, then copy the hook; an editable build copies nothing."""
        super().run()
        if not self.editable_mode:
            self.copy_file(str(STARTUP_HOOK), self.build_lib)


class EditableWithHook(editable_wheel):
    """Adds the start-up hook to the wheel of an editable install, into which setuptools puts its own files only."""

    def run(self):
        """Make the wheel as ever, then add the hook to it."""
        super().run()
        newest = max(Path(self.dist_dir).glob('*.whl'), key=lambda wheel: wheel.stat().st_mtime)
        add_to_wheel(newest, STARTUP_HOOK)


def add_to_wheel(wheel: Path, file: Path) -> None:
    """Rewrite `wheel` with `file` at its top level and in its RECORD, by which pip uninstalls it."""
    content = file.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()
    with ZipFile(wheel) as archive:
        entries = {info: archive.read(info) for info in archive.infolist()}
    (record,) = (info for info in entries if info.filename.endswith('.dist-info/RECORD'))
    entries[record] = f'{file.name},sha256={digest},{len(content)}\n'.encode() + entries[record]
    with ZipFile(wheel, 'w', ZIP_DEFLATED) as archive:
        archive.writestr(file.name, content)
        for info, data in entries.items():
            archive.writestr(info, data)


setup(
    name='senet_mm',
    version='0.1.0',
    description='Squeeze-and-Excitation networks for OpenMMLab: backbones, benchmarks and a leaderboard',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.13',
    packages=find_packages(include=['senet_mm', 'senet_mm.*']),
    package_data={'senet_mm.compat': [STARTUP_HOOK.name], 'senet_mm.results': ['paper.csv']},
    cmdclass={'build_py': BuildWithHook, 'editable_wheel': EditableWithHook},
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
