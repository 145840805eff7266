"""Whatever stands in a record that is sealed: it is shown or named, and nothing falls over it."""

from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from senet_mm.engine.record import read_record, seal
from senet_mm.results.board import collect
from senet_mm.results.page import render_page
from senet_mm.results.render import render
from tests.results.made_runs import make_run, write_json

STEM = 'se_resnet50_imagenet'
GONE = object()
ODD = [None, True, -1, 1e308, 10**30, '', '<b>', '\x1b[31m', '\u202e', '2026-13-45', [], {}, [1], {'a': 1}]


def places(value, path=()):
    """The paths to everything below a value."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def change(record, path, value):
    *above, key = path
    for step in above:
        record = record[step]
    if value is GONE:
        del record[key]
    else:
        record[key] = value


@pytest.fixture
def odd(made):
    """A sound record; what is read of a changed one, beside a run that is in a table."""
    path = make_run(made / 'odd', STEM) / 'run.json'
    make_run(made / 'sound', STEM, seed=7)
    original = read_record(path)

    def show(at, value):
        record = deepcopy(original)
        change(record, at, value)
        write_json(path, record | dict(seal=seal(record)))
        board = collect([made])
        named = {run.folder for run in board.runs} | {item.path for item in board.broken}
        assert {made / 'odd', made / 'sound'} <= named
        assert board.comparable[STEM]
        render(board, [2], 'text')
        return board

    return original, show


def test_a_field_that_is_missing(odd):
    original, show = odd
    for at in places(original):
        show(at, GONE)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_field_with_any_content(odd, data):
    original, show = odd
    board = show(data.draw(st.sampled_from(list(places(original)))), data.draw(st.sampled_from(ODD)))
    for style in ('md', 'csv', 'html', 'latex', 'json'):
        render(board, [2], style)
    render_page(board)
