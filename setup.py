"""Packaging of senet_mm; `make setup` installs it, with its pinned dependencies, into `.venv`."""

import base64
import hashlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

HERE = Path(__file__).parent
COMPAT = HERE / 'senet_mm' / 'compat'
# For site-packages itself: site.py reads the hook only there, and the hook's code must not import senet_mm. The code
# has a folder, or its __pycache__ would come first among the installed files (see WheelForMim).
STARTUP = {'senet_mm.pth': COMPAT / 'senet_mm.pth', 'senet_mm_startup/__init__.py': COMPAT / 'senet_mm_startup.py'}
MIM = ['configs', 'tools', 'model-index.yml']  # what OpenMMLab's mim and mmengine look for in a package's .mim/

DEMO = ['scikit-learn>=1.3', 'scikit-image>=0.22']  # their bundled pictures are the demo's data
TRACKERS = {'tensorboard': ['tensorboard>=2.14'], 'wandb': ['wandb>=0.16'], 'mlflow': ['mlflow>=2.10']}
SLURM = ['submitit>=1.5']
LMDB = ['lmdb>=1.4']
FAST = ['faster-coco-eval>=1.6']  # AP of detectors in C++
EXPORT = ['onnx>=1.17', 'onnxruntime>=1.20', 'onnxscript>=0.5']
TEST = [
    *DEMO,
    *EXPORT,
    *FAST,
    *LMDB,
    *SLURM,
    *TRACKERS['tensorboard'],
    'axe-playwright-python>=0.1.4',
    'hypothesis>=6.100',
    'onedl-mim>=0.5',
    'playwright>=1.49',
    'pytest>=8',
    'pytest-xdist>=3.5',
    'timm>=1.0',
]
DEV = [*TEST, 'mypy>=1.11', 'ruff>=0.6', 'types-tabulate']


def mim_files() -> dict[str, Path]:
    """The files of .mim/, by their paths in there."""
    files = [path for name in MIM for path in (HERE / name, *(HERE / name).rglob('*')) if path.is_file()]
    return {path.relative_to(HERE).as_posix(): path for path in files if '__pycache__' not in path.parts}


class BuildWithExtras(build_py):
    """Puts the start-up files beside the packages, from where a wheel takes them, and .mim/ into the package."""

    def run(self):
        """Build as ever, then copy; an editable build copies nothing: there the configs are found in the checkout."""
        super().run()
        if self.editable_mode:
            return
        for name, file in (STARTUP | {f'senet_mm/.mim/{name}': file for name, file in mim_files().items()}).items():
            target = Path(self.build_lib, name)
            self.mkpath(str(target.parent))
            self.copy_file(str(file), str(target))


class WheelForMim(bdist_wheel):
    """Puts a second .mim/ into the wheel's .dist-info.

    mim (onedl-mim 0.5) takes for a package's folder that of the first file in its RECORD. pip sorts RECORD, and where
    distribution and package have one name, .dist-info comes first, so it is there that mim looks.
    """

    def run(self):
        """Make the wheel as ever, then add to it."""
        super().run()
        wheel = newest_wheel(self.dist_dir)
        info = f'{"-".join(wheel.name.split("-")[:2])}.dist-info'
        add_to_wheel(wheel, {f'{info}/.mim/{name}': file for name, file in mim_files().items()})


class EditableWithHook(editable_wheel):
    """Adds the start-up files to the wheel of an editable install, into which setuptools puts its own files only."""

    def run(self):
        """Make the wheel as ever, then add to it."""
        super().run()
        add_to_wheel(newest_wheel(self.dist_dir), STARTUP)


def newest_wheel(folder: str) -> Path:
    """The wheel that was just made."""
    return max(Path(folder).glob('*.whl'), key=lambda wheel: wheel.stat().st_mtime)


def add_to_wheel(wheel: Path, files: dict[str, Path]) -> None:
    """Rewrite `wheel` with `files`, by their names in it, and in its RECORD, by which pip uninstalls them."""
    with ZipFile(wheel) as archive:
        entries = {info: archive.read(info) for info in archive.infolist()}
    (record,) = (info for info in entries if info.filename.endswith('.dist-info/RECORD'))
    with ZipFile(wheel, 'w', ZIP_DEFLATED) as archive:
        for name, file in files.items():
            content = file.read_bytes()
            archive.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()
            entries[record] = f'{name},sha256={digest},{len(content)}\n'.encode() + entries[record]
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
    package_data={'': ['*.csv', '*.json', '*.pth', '*.txt'], 'senet_mm.results': ['templates/*']},
    cmdclass={'build_py': BuildWithExtras, 'bdist_wheel': WheelForMim, 'editable_wheel': EditableWithHook},
    install_requires=[
        'torch>=2.6',
        'torchvision>=0.21',
        'onedl-mmengine>=0.10.12,<1',
        'onedl-mmcv>=2.3.6,<2.4',
        'onedl-mmdetection>=3.5.1,<4',
        'onedl-mmpretrain>=1.3.6,<2',
        'filelock>=3.13',
        'jinja2>=3.1',
        'packaging',
        'protobuf>=4.25',
        'pyyaml>=6',
        'rich>=13',
        'safetensors>=0.4',
        'scipy>=1.11',
        'tabulate>=0.9',
        'vl-convert-python>=1.9,<2',
    ],
    extras_require={
        'demo': DEMO,
        'export': EXPORT,
        'fast': FAST,
        'lmdb': LMDB,
        'slurm': SLURM,
        **TRACKERS,
        'test': TEST,
        'dev': DEV,
    },
)
