"""What a run ran with: commit, versions, hardware."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]
# What has a say in a run; configs are compared by content.
CODE = ('senet_mm', ':!senet_mm/analysis', ':!senet_mm/results', ':!senet_mm/weights')
PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain', 'numpy', 'senet_mm')


def commit() -> dict[str, Any]:
    """`commit`, None outside a repository, and `dirty`: files of code that differ from it.

    Where git cannot be asked, `dirty` says so: code that nobody vouches for is not taken for clean.
    """
    if not (ROOT / '.git').exists():  # installed as a package; a repository further up is somebody else's
        return dict(commit=None, dirty=[])
    try:
        head = _git('rev-parse', 'HEAD').strip()
        changed = _git('status', '--porcelain', '--no-renames', '--', *CODE)
    except (OSError, subprocess.SubprocessError) as error:  # no git here, or one that does not trust the folder
        said = (getattr(error, 'stderr', None) or str(error)).strip().splitlines()
        return dict(commit=None, dirty=[f'git cannot tell which ({said[0]})'])
    return dict(commit=head, dirty=[line[3:] for line in changed.splitlines()])


def _git(*arguments: str) -> str:
    command = ['git', '-C', str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python, CUDA, and those packages that this process has imported."""
    found = {name: getattr(sys.modules.get(name), '__version__', None) for name in packages}
    found |= dict(python=platform.python_version(), cuda=torch.version.cuda)
    return {name: str(version) for name, version in sorted(found.items()) if version is not None}


def hardware(processes: int) -> dict[str, Any]:
    """The GPUs of this machine that the run can see, its processor, and the number of processes on all machines."""
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return dict(gpus=gpus, cpu=_processor(), processes=processes)


def _processor() -> str:
    try:
        found = re.search(r'^model name\s*: (.*)$', Path('/proc/cpuinfo').read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
