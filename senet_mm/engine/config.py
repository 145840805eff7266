"""Reading a config that the user names."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from senet_mm.data.errors import DataError

SUFFIXES = ('.py', '.json', '.yaml', '.yml')


def read_config(path: str | Path) -> Config:
    """The config in a file, with what it inherits.

    Raises:
        DataError: The file does not exist or is none of mmengine's kinds.
    """
    if not Path(path).is_file():
        raise DataError(f'there is no config file {path}; the configs are in configs/')
    if Path(path).suffix not in SUFFIXES:
        raise DataError(
            f'{path} is no config, which ends in {", ".join(SUFFIXES)}; where a checkpoint is asked for, the config '
            'comes first'
        )
    try:
        return Config.fromfile(path)
    except AttributeError:
        if Path(path).suffix == '.py':
            raise
        raise DataError(f'{path} is no config: it holds no settings, but a list or the like') from None
