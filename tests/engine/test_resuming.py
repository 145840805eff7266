"""A run that was stopped and goes on: one record, one seed, iterations of one size, and what was trained otherwise."""

import pytest

from senet_mm.data.errors import DataError
from senet_mm.engine.record import read_record
from tests.engine.recorded import Others, Stop, start
from tests.engine.small import settings


@pytest.mark.parametrize(
    ('error', 'status', 'shown'),
    [
        (RuntimeError('out of memory\nand more'), 'failed', 'RuntimeError: out of memory'),
        (KeyboardInterrupt(), 'interrupted', 'KeyboardInterrupt: '),
    ],
)
def test_what_ends_a_run_early_is_said_and_a_resumed_run_is_one(tmp_path, shipped, error, status, shown):
    first = start(tmp_path / 'run', hooks=[Stop(1, error)])
    assert (first['status'], first['error'], first['checkpoints']) == (status, shown, [])
    second = start(tmp_path / 'run', resume=True)
    assert (second['status'], second['error'], second['deviations']) == ('finished', None, [])
    assert second['started'] == first['started']
    assert second['sessions'][0]['started'] == first['started']
    assert len(second['sessions']) == 2
    times = [session['wall_time_s'] for session in second['sessions']]
    assert second['wall_time_s'] == pytest.approx(sum(times), abs=0.11)


def test_what_was_trained_otherwise_stays_so(tmp_path, shipped):
    changed = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.01))
    start(tmp_path / 'run', hooks=[Stop(1, RuntimeError())], optim_wrapper=changed)
    record = start(tmp_path / 'run', resume=True)
    assert [(item['key'], item['value']) for item in record['deviations']] == [('optim_wrapper.optimizer.lr', 0.1)]


def test_a_config_or_data_changed_half_way_is_a_deviation(tmp_path, shipped):
    text = shipped.read_text()
    shipped.write_text(text.replace('max_epochs=3', 'max_epochs=9'))
    start(tmp_path / 'run', epochs=9, hooks=[Stop(1, RuntimeError())])
    shipped.write_text(text)
    record = start(tmp_path / 'run', resume=True, data=Others())
    keys = [item['key'] for item in record['deviations']]
    assert keys == ['published_hash of an earlier session', 'data of an earlier session']


@pytest.mark.parametrize('asked', [0, 7])
def test_the_seed_is_that_of_the_checkpoint(tmp_path, shipped, asked):
    start(tmp_path / 'run', seed=3, hooks=[Stop(1, RuntimeError())])
    record = start(tmp_path / 'run', seed=asked, resume=True)
    assert (record['seed'], record['deviations']) == (3, [])


def test_a_seed_of_another_run_is_a_deviation(tmp_path, shipped):
    start(tmp_path / 'other', seed=3, epochs=1)
    start(tmp_path / 'run', seed=5, hooks=[Stop(1, RuntimeError())])
    record = start(tmp_path / 'run', resume=True, load_from=str(tmp_path / 'other' / 'epoch_1.pth'))
    assert dict(key='seed of an earlier session', value=5, published=3) in record['deviations']


def test_a_run_that_never_had_a_checkpoint_is_begun_anew(tmp_path, shipped):
    other = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.01))
    start(tmp_path / 'run', seed=5, hooks=[Stop(0, RuntimeError())], optim_wrapper=other)
    record = start(tmp_path / 'run', seed=6, resume=True)
    assert (record['seed'], record['deviations'], len(record['sessions'])) == (6, [], 1)


WARM_UP = [dict(type='ConstantLR', by_epoch=False, begin=0, end=4)]


@pytest.mark.parametrize('options', [dict(param_scheduler=WARM_UP, accumulated=1), dict(accumulated=4)])
def test_iterations_of_another_size_are_refused_before_anything_is_changed(tmp_path, shipped, options):
    first = start(tmp_path / 'run', hooks=[Stop(1, RuntimeError())], **options)
    loader = dict(settings('unused', 4).train_dataloader, batch_size=2)
    with pytest.raises(DataError, match=r'begun with 4 images an iteration and would go on with 2 \(1 × 2\).* \(1\)'):
        start(tmp_path / 'run', train_dataloader=loader, resume=True, **options)
    assert read_record(tmp_path / 'run' / 'run.json') == first
    assert start(tmp_path / 'run', resume=True, **options)['status'] == 'finished'


def test_a_schedule_of_epochs_goes_on_with_any(tmp_path, shipped):
    start(tmp_path / 'run', hooks=[Stop(1, RuntimeError())], accumulated=1)
    loader = dict(settings('unused', 4).train_dataloader, batch_size=8)
    record = start(tmp_path / 'run', train_dataloader=loader, resume=True, accumulated=1)
    found = [(item['key'], item['value'], item['published']) for item in record['deviations']]
    assert found == [('batch', 4, 16), ('batch', 8, 16)]


def test_a_checkpoint_without_a_record_is_a_deviation(tmp_path, shipped):
    start(tmp_path / 'run', epochs=1)
    (tmp_path / 'run' / 'run.json').unlink()
    record = start(tmp_path / 'run', resume=True)
    (found,) = record['deviations']
    assert (found['key'], found['value']) == ('resume', 'a run that was not recorded')


def test_a_run_begun_anew_keeps_the_other_record(tmp_path, shipped):
    first = start(tmp_path / 'run', epochs=1)
    second = start(tmp_path / 'run', seed=1)
    assert len(second['sessions']) == 1
    (kept,) = (tmp_path / 'run').glob('run.2*.json')
    assert read_record(kept) == first
