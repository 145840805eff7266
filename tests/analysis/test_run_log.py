"""Runs that were killed, resumed and begun anew."""

import pytest

from senet_mm.analysis.run_log import find_logs, read_log
from senet_mm.data.errors import DataError
from tests.analysis.logs import training, validation, write


def told(entries):
    return [(entry.training, entry.iteration, entry.values.get('loss')) for entry in entries]


def test_a_resumed_run_replaces_what_it_does_again(tmp_path):
    """Killed in the third epoch of three iterations; resumed from the checkpoint of the second."""
    first = [training(n, float(n), epoch=1 + (n - 1) // 3) for n in range(1, 9)]
    first[3:3] = [validation(1, accuracy__top1=10.0)]
    first[7:7] = [validation(2, accuracy__top1=20.0)]
    write(tmp_path, '20260101_000000', first, tail='{"lr": 0.1, "loss": 3.')
    write(tmp_path, '20260102_000000', [training(n, n + 0.5, epoch=3) for n in (7, 8, 9)] + [validation(3)])
    expected = [(True, n, float(n)) for n in (1, 2, 3)] + [(False, 3, None)]
    expected += [(True, n, float(n)) for n in (4, 5, 6)] + [(False, 6, None)]
    expected += [(True, n, n + 0.5) for n in (7, 8, 9)] + [(False, 9, None)]
    assert told(read_log(tmp_path)) == expected


def test_a_run_begun_anew_in_the_same_place_replaces_all(tmp_path):
    write(tmp_path, '20260101_000000', [training(10, 1.0), training(20, 2.0), validation(20)])
    write(tmp_path, '20260102_000000', [training(10, 3.0)])
    assert told(read_log(tmp_path)) == [(True, 10, 3.0)]


def test_validations_that_count_epochs_in_a_run_of_iterations_are_replaced_too(tmp_path):
    write(tmp_path, '20260101_000000', [training(100, 1.0), validation(0), training(200, 2.0), validation(1)])
    write(tmp_path, '20260102_000000', [training(150, 3.0), training(200, 4.0), validation(1)])
    assert told(read_log(tmp_path)) == [(True, 100, 1.0), (False, 100, None), (True, 150, 3.0), (True, 200, 4.0), (False, 200, None)]  # fmt: skip  # noqa: E501


def test_a_validation_before_a_resumed_run_has_logged_is_of_where_it_was(tmp_path):
    write(tmp_path, '20260101_000000', [training(100, 1.0)])
    write(tmp_path, '20260102_000000', [validation(100)])
    assert told(read_log(tmp_path)) == [(True, 100, 1.0), (False, 100, None)]


def test_a_start_that_logged_nothing_changes_nothing(tmp_path):
    write(tmp_path, '20260101_000000', [training(10, 1.0)])
    write(tmp_path, '20260102_000000', [])
    assert told(read_log(tmp_path)) == [(True, 10, 1.0)]


def test_a_run_is_a_work_dir_a_start_or_a_file(tmp_path):
    logs = [write(tmp_path, start, [training(10, 1.0)]) for start in ('20260102_000000', '20260101_000000')]
    assert find_logs(tmp_path) == logs[::-1]
    assert find_logs(tmp_path / '20260102_000000') == logs[:1]
    assert find_logs(logs[1]) == logs[1:]


def test_half_a_line_at_the_end_is_a_killed_run_others_are_named(tmp_path, capsys):
    write(tmp_path / 'killed', 'a', [training(10, 1.0)], tail='{"lr": 0.')
    assert len(read_log(tmp_path / 'killed')) == 1
    assert capsys.readouterr().err == ''
    damage = 'text\n{"no": "step"}\n[1]\n{"iter": "x", "step": 3}\n'
    log = write(tmp_path / 'damaged', 'a', [training(10, 1.0)], tail=damage)
    with log.open('a') as file:
        file.write('{"loss": 2.0, "iter": 20, "step": 20}\n')
    assert told(read_log(tmp_path / 'damaged')) == [(True, 10, 1.0), (True, 20, 2.0)]
    assert capsys.readouterr().err == f'{log}: these lines are damaged and left out: 2, 3, 4, 5\n'


def test_what_is_not_there_is_one_message(tmp_path):
    with pytest.raises(DataError, match=r'there is no run .*nothing; tools/train.py makes'):
        read_log(tmp_path / 'nothing')
    with pytest.raises(DataError, match=r'has no log: neither vis_data/scalars.json nor'):
        read_log(tmp_path)
    write(tmp_path, '20260101_000000', [])
    with pytest.raises(DataError, match='its log is empty'):
        read_log(tmp_path)
