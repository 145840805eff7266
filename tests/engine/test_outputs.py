"""Whether there is a window, and whether a folder can be written, before the work is done."""

import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from senet_mm.data.errors import DataError
from senet_mm.engine.outputs import has_display, require_folder
from tests.data.small import listing


@pytest.mark.parametrize(
    ('variable', 'backend', 'expected'),
    [
        (None, 'TkAgg', False),
        ('DISPLAY', 'TkAgg', True),
        ('WAYLAND_DISPLAY', 'QtAgg', True),
        ('DISPLAY', 'agg', False),  # what Matplotlib falls back to without a GUI toolkit
    ],
)
def test_a_window_needs_a_display_and_a_backend(monkeypatch, variable, backend, expected):
    monkeypatch.setattr(sys, 'platform', 'linux')
    monkeypatch.setattr(mpl, 'get_backend', lambda: backend)
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, ':0')
    assert has_display() is expected


def test_other_systems_need_no_variable(monkeypatch):
    monkeypatch.setattr(sys, 'platform', 'darwin')
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.setattr(mpl, 'get_backend', lambda: 'macosx')
    assert has_display()


def test_a_folder_is_made_and_nothing_left_in_it(tmp_path):
    require_folder('--out', tmp_path / 'a' / 'b')
    assert listing(tmp_path) == ['a', 'a/b']
    (tmp_path / 'a' / 'b' / 'mine.txt').write_text('kept')
    require_folder('--out', tmp_path / 'a' / 'b')
    assert listing(tmp_path) == ['a', 'a/b', 'a/b/mine.txt']


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        with pytest.raises(DataError, match=f'^--out: nothing can be written to the folder {folder} \\('):
            require_folder('--out', folder)


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='/proc is Linux’s')
def test_a_folder_that_is_there_and_takes_no_files_is_named():
    with pytest.raises(DataError, match=r'^--out: nothing can be written to the folder /proc \('):
        require_folder('--out', Path('/proc'))
