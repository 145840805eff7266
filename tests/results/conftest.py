"""Configs and counts as the tests of tables assume them, whatever configs/ holds."""

import json

import pytest

from senet_mm.results import paper
from senet_mm.results.comparison import STEMS
from tests.results.made_runs import digest


@pytest.fixture
def made(tmp_path, monkeypatch):
    """An empty folder to run in, and made-up content for published.json and complexity.json."""
    monkeypatch.chdir(tmp_path)
    published = {stem: made_config(stem) for stem in sorted({*STEMS, *paper.RELEASED})}
    counts = [
        dict(config=stem, part='whole', parameters=28_088_024 if 'se' in stem else 25_557_032, macs=3_860_488_192)
        for stem in published
    ]
    for name, content in (('PUBLISHED', published), ('COUNTED', counts)):
        path = tmp_path / f'{name}.json'
        path.write_text(json.dumps(content))
        monkeypatch.setattr(paper, name, path)
    paper.published.cache_clear()
    paper.counts.cache_clear()
    yield tmp_path
    paper.published.cache_clear()
    paper.counts.cache_clear()


def made_config(stem):
    path = f'configs/{stem}.py'
    if stem in paper.RELEASED:
        commands = ['tools/convert_weights.py NAME.caffemodel data/weights/', f'tools/test.py {path} data/weights/FILE']
        return dict(path=path, hash=digest(stem), batch=None, gpus=None, commands=commands)
    gpus = 64 if stem.startswith('senet154') else 1 if 'cifar' in stem else 8
    return dict(path=path, hash=digest(stem), batch=1024, gpus=gpus, commands=[])
