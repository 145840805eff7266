"""Where senet_mm's configs are, by the names that mmengine gives to configs of packages.

`_base_ = 'senet_mm::faster_rcnn_se_r50_2x_coco.py'` works in a config anywhere. mmengine itself knows the packages it
accepts there from a fixed list, and wants their configs in sub-folders; senet_mm_startup.py beside this file sends it
here. Nothing heavy is imported.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
FOLDERS = (PACKAGE / '.mim' / 'configs', PACKAGE.parent / 'configs')  # an installed package's, a checkout's


def config_folder() -> Path:
    """The folder of the configs.

    Raises:
        FileNotFoundError: The package was installed without them.
    """
    for folder in FOLDERS:
        if (folder / '_base_').is_dir():
            return folder
    raise FileNotFoundError(f'senet_mm was installed without its configs: {FOLDERS[0]} is missing; install it again')


def config_path(name: str) -> Path:
    """The file of a config.

    Args:
        name: What stands behind `senet_mm::`, e.g. 'se_resnet50_imagenet.py' or 'demo/resnet50_demo.py'.

    Raises:
        FileNotFoundError: There is no such config; the message has the names that are most like it.
    """
    folder = config_folder()
    path = folder / name
    if path.is_file():
        return path
    known = sorted(file.relative_to(folder).as_posix() for file in folder.rglob('*.py'))
    close = [f'senet_mm::{match}' for match in get_close_matches(name, known, n=3)]
    advice = f'is it {" or ".join(close)}?' if close else f'the configs are in {folder}'
    raise FileNotFoundError(f'senet_mm has no config {name!r}; {advice}')
