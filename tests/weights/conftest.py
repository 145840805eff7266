"""Networks are large: their files go when a test ends, not when pytest thinks of it."""

import shutil

import pytest


@pytest.fixture(autouse=True)
def _remove_files(tmp_path):
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
