"""A config that the tests of records compare with."""

import pytest
from mmengine.config import Config

from senet_mm.engine import protocol
from tests.engine.recorded import STEM
from tests.engine.small import settings


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A published config to be compared with."""
    path = tmp_path / 'configs' / f'{STEM}.py'
    path.parent.mkdir()
    cfg = settings('unused', 4)
    path.write_text(Config({key: cfg[key] for key in cfg if key != 'work_dir'}).pretty_text)
    monkeypatch.setattr(protocol, 'CONFIG_FOLDERS', (path.parent,))
    protocol.published_path.cache_clear()
    yield path
    protocol.published_path.cache_clear()
