"""Keeps OpenCV importable on machines without a display.

The OpenMMLab packages pull `opencv-python` and `opencv-python-headless`, and both write the same `cv2` folder. The
build with windows needs libGL, which servers and containers lack, and where it was written last, `import cv2` fails.
`python -m senet_mm.compat.opencv` leaves the headless build alone in place.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

WINDOWS, HEADLESS = 'opencv-python', 'opencv-python-headless'
REQUIREMENT = f'{HEADLESS}<4.13'  # imaug's bound, which onedl-mmdetection brings
MEND = f"pip uninstall -y {WINDOWS} {HEADLESS} && pip install --no-deps '{REQUIREMENT}'"


def import_cv2() -> None:
    """Import cv2 before mmengine or mmcv do.

    Raises:
        ImportError: cv2 is missing or lacks a shared library; the message holds the command that mends it.
    """
    try:
        importlib.import_module('cv2')
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == 'cv2'
        if missing or 'cannot open shared object file' in str(error):
            raise ImportError(f'OpenCV cannot be imported ({error}). Use the build without windows: {MEND}') from error
        raise


def is_headless() -> bool:
    """Whether the headless build, and it alone, is installed: the GUI build is absent and cv2 is not its leftover."""
    return _version(WINDOWS) is None and _version(HEADLESS) is not None and _cv2_says_headless()


def leave_headless() -> bool:
    """Reinstall OpenCV as the headless build, at the version already there; return whether anything had to be done.

    Raises:
        RuntimeError: pip failed, or cv2 is still not the headless build.
    """
    if is_headless():
        return False
    version = _version(HEADLESS)
    wanted = f'{HEADLESS}=={version}' if version else REQUIREMENT
    with tempfile.TemporaryDirectory() as wheels:  # fetched first, so that a failure leaves what there was
        _pip('download', '--quiet', '--no-deps', '--dest', wheels, wanted)
        _pip('uninstall', '-y', WINDOWS, HEADLESS)  # both: removing one takes files of the other with it
        _pip('install', '--no-deps', '--no-index', '--find-links', wheels, wanted)
    importlib.invalidate_caches()
    if not is_headless():
        raise RuntimeError(f'pip installed {HEADLESS}, but `cv2` comes from elsewhere; remove that copy of OpenCV')
    return True


def _cv2_says_headless() -> bool:
    spec = importlib.util.find_spec('cv2')  # reads version.py and does not import cv2: 0.2 s, or a missing library
    if spec is None or spec.origin is None:
        return False
    version_file = Path(spec.origin).with_name('version.py')
    return version_file.is_file() and bool(re.search(r'^headless = True$', version_file.read_text(), re.MULTILINE))


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _pip(*arguments: str) -> None:
    command = [sys.executable, '-m', 'pip', *arguments]
    if subprocess.run(command, check=False).returncode:
        raise RuntimeError(f'{" ".join(command)} failed; run it by hand to see why, then: {MEND}')


def main() -> None:
    """Run `leave_headless` and say what came of it."""
    try:
        done = leave_headless()
    except RuntimeError as error:
        sys.exit(f'OpenCV: {error}')
    print(f'OpenCV: {HEADLESS} {_version(HEADLESS)}, {"now" if done else "already"} the only build.')


if __name__ == '__main__':
    main()
