"""What a campaign shows: lines anywhere, bars on a terminal, and how far a run is."""

import io
import json
from argparse import Namespace
from pathlib import Path

import pytest
from rich.console import Console

from senet_mm.campaigns import display
from senet_mm.campaigns.display import Display, progress_of
from senet_mm.campaigns.plan import Plan
from senet_mm.campaigns.work import State, Task
from tests.results.made_runs import make_run

STEM = 'se_resnet50_imagenet'
EPOCHS = {'train_cfg.max_epochs': 100}


def shown(terminal=False):
    return Display(Console(file=io.StringIO(), force_terminal=terminal, width=100, highlight=False, soft_wrap=True))


def test_progress_is_the_last_epoch_of_the_log(tmp_path):
    folder = make_run(tmp_path / 'run', STEM, settings=EPOCHS)  # ten epochs are in its log
    assert progress_of(folder) == (10, 100)


def test_progress_in_iterations(tmp_path):
    folder = make_run(tmp_path / 'run', STEM, settings={'train_cfg.max_iters': 180_000})
    assert progress_of(folder) == (1000, 180_000)


def test_progress_with_a_half_written_line(tmp_path):
    folder = make_run(tmp_path / 'run', STEM, settings=EPOCHS)
    (log,) = folder.rglob('scalars.json')
    log.write_text(log.read_text() + json.dumps(dict(loss=1.0, epoch=77))[:-4])
    assert progress_of(folder) == (10, 100)


@pytest.mark.parametrize('changes', [dict(sessions=[]), dict(logged=False), dict(settings={})])
def test_progress_that_is_not_known(tmp_path, changes):
    folder = make_run(tmp_path / 'run', STEM, metrics={}, **changes)
    assert progress_of(folder)[1] is None
    assert progress_of(tmp_path / 'nothing') == (0, None)


def test_bars_on_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr(display, 'EVERY', 0)
    task = Task(STEM, 3, make_run(tmp_path / 'run', STEM, settings=EPOCHS))
    screen = shown(terminal=True)
    with screen:
        screen.update([task], 0, 1)
        screen.event('something')
    text = screen.console.file.getvalue()
    assert f'{STEM}, seed 3' in text
    assert '10/100' in text
    assert 'something' in text


def test_a_bar_goes_with_its_run(tmp_path, monkeypatch):
    monkeypatch.setattr(display, 'EVERY', 0)
    task, screen = Task(STEM, 3, tmp_path), shown(terminal=True)
    screen.update([task], 0, 1)
    assert len(screen.bars.tasks) == 2
    screen.update([], 1, 1)
    (total,) = screen.bars.tasks
    assert (total.completed, total.total) == (1, 1)


def test_lines_only_where_there_is_no_terminal(tmp_path):
    task, screen = Task(STEM, 3, tmp_path), shown()
    with screen:
        screen.update([task], 0, 1)
        screen.event(f'{task}: [red]:tada: as it is')
    assert screen.console.file.getvalue().endswith(f'  {STEM}, seed 3: [red]:tada: as it is\n')
    assert screen.console.file.getvalue().count('\n') == 1


def test_what_is_blocked_is_said_before_anything_runs():
    plan = Plan({Task(STEM, 0, Path('x')): State('blocked', (None,), ('this', 'that'))}, have=3)
    screen = shown()
    screen.plan(plan, Namespace(dry_run=False, launcher='local'))
    assert screen.console.file.getvalue() == f'3 of 4 runs are there.\n# {STEM}, seed 0: this; that\n'
