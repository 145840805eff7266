"""What a training run and its tests leave in run.json: whole, failed, killed, resumed, changed half-way."""

import json
from argparse import Namespace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import EpochBasedTrainLoop

from senet_mm.data.errors import DataError
from senet_mm.engine import protocol, recording
from senet_mm.engine.plateau import PlateauLR
from senet_mm.engine.record import hash_file, is_sealed, locked, read_record, write_record
from tests.engine.recorded import STEM, Images, build, start
from tests.engine.small import Data, Small, settings
from tests.results.made_runs import evaluation


def test_a_whole_run(tmp_path, shipped):
    record = start(tmp_path / 'run', seed=5)
    assert is_sealed(record)
    assert (record['config'], record['status'], record['seed'], record['batch']) == (STEM, 'finished', 5, 16)
    assert record['deviations'] == []
    assert record['published_hash'] == protocol.hash_published(Config.fromfile(shipped))
    assert record['settings']['optim_wrapper.optimizer.lr'] == 0.5
    (checkpoint,) = record['checkpoints']
    assert checkpoint == dict(file='epoch_3.pth', sha256=hash_file(tmp_path / 'run' / 'epoch_3.pth'))
    data = record['data']['train']
    assert (data['name'], data['images'], data['classes'], data['official']) == ('Images', 32, 5, False)
    assert record['versions']['torch'] == torch.__version__
    assert record['hardware']['processes'] == 1
    (session,) = record['sessions']
    assert session['wall_time_s'] == record['wall_time_s'] > 0
    assert record['started'] <= record['ended']
    assert record['throughput']['images_per_s'] > 0


def test_deviations_are_taken_down(tmp_path, shipped):
    record = start(tmp_path / 'run', optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    assert [(item['key'], item['value'], item['published']) for item in record['deviations']] == [
        ('optim_wrapper.optimizer.lr', 0.1, 0.5),
        ('optim_wrapper.optimizer.momentum', None, 0.9),
        ('optim_wrapper.optimizer.weight_decay', None, 0.01),
    ]
    assert record['overrides'] == {'a.b': 1}


def test_a_training_that_ends_before_its_time_is_not_finished(tmp_path, shipped):
    class End(Hook):
        def after_train_epoch(self, runner):
            runner.train_loop.stop_training = True

    record = start(tmp_path / 'run', hooks=[End()])
    assert (record['status'], record['checkpoints']) == ('interrupted', [])


@pytest.mark.parametrize(('finished', 'complete'), [(True, True), (False, False)])
def test_the_last_plateau_is_an_end(finished, complete):
    plateau = PlateauLR.__new__(PlateauLR)
    plateau.reductions, plateau.steps = 4 if finished else 3, 3
    loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    loop._epoch, loop._max_epochs = 250, 400
    assert recording.is_complete(SimpleNamespace(train_loop=loop, param_schedulers=[plateau])) is complete


def test_while_it_runs_the_record_says_so(tmp_path, shipped):
    class Look(Hook):
        def after_train_epoch(self, runner):
            self.seen = read_record(Path(runner.work_dir, 'run.json'))

    hook = Look()
    start(tmp_path / 'run', hooks=[hook])
    assert (hook.seen['status'], hook.seen['ended']) == ('running', None)
    assert is_sealed(hook.seen)
    assert hook.seen['data']['train']['images'] == 32


def evaluate(work_dir, checkpoint, **changes):
    """Test a checkpoint and add it to the record; the record afterwards."""
    cfg = settings(work_dir, 4)
    runner = build(cfg, Small(), Images())
    metrics = runner.test()
    file = Path(work_dir, 'metrics.json')
    file.write_text(json.dumps(dict(metrics=metrics)))
    args = Namespace(config=f'configs/{STEM}.py', cfg_options=None, checkpoint=str(checkpoint), tta=False)
    if metrics:
        recording.add_test(recording.describe_test(runner, Namespace(**{**vars(args), **changes}), metrics), file)
    return read_record(Path(work_dir, 'run.json'))


def test_a_test_is_added(tmp_path, shipped):
    trained = start(tmp_path / 'run', epochs=1)
    record = evaluate(tmp_path / 'run', tmp_path / 'run' / 'epoch_1.pth')
    (found,) = record['evaluations']
    assert found['metrics'] == {'count/images': 32.0}
    assert found['checkpoint_sha256'] == trained['checkpoints'][0]['sha256']
    assert found['file_sha256'] == hash_file(tmp_path / 'run' / 'metrics.json')
    assert found['parameters'] == sum(parameter.numel() for parameter in Small().parameters())
    assert (found['provenance'], found['crops'], found['tta'], found['data']['images']) == ({}, None, False, 32)
    assert found['latency']['batch'] == 4
    assert found['latency']['ms_per_image'] >= 0
    assert (record['status'], is_sealed(record)) == ('finished', True)
    again = evaluate(tmp_path / 'run', tmp_path / 'run' / 'epoch_1.pth')
    assert again['evaluations'][0] == found
    assert len(again['evaluations']) == 2


def test_latency_is_the_median_batch_without_loading():
    """By hand: 4 images in 0.08, 0.04 and 0.06 s; the fourth batch is not whole."""

    def latency(times, waits, images):
        found = {'test/time': times, 'test/data_time': waits}
        hub = SimpleNamespace(log_scalars={name: HistoryBuffer(each, [1] * len(each)) for name, each in found.items()})
        loader = SimpleNamespace(batch_size=4, dataset=range(images))
        return recording._latency(SimpleNamespace(message_hub=hub, test_dataloader=loader))

    assert latency([0.58, 0.05, 0.07, 0.02], [0.5, 0.01, 0.01, 0.01], 13) == dict(ms_per_image=15.0, batch=4)
    assert latency([0.04], [0.01], 3) == dict(ms_per_image=10.0, batch=3)


def test_a_test_without_a_training_makes_a_record_and_keeps_the_origin_of_the_weights(tmp_path, shipped):
    path = tmp_path / 'timm.pth'
    torch.save(dict(state_dict=Small().state_dict(), meta=dict(provenance=dict(source='timm'))), path)
    record = evaluate(tmp_path / 'run', path)
    assert (record['status'], record['sessions']) == ('tested', [])
    assert record['evaluations'][0]['provenance'] == dict(source='timm')


def test_a_test_during_a_training_is_not_lost(tmp_path, shipped):
    entry = evaluation(STEM, {}, '0' * 64, data=None)

    class Test(Hook):
        def after_train_epoch(self, runner):
            if runner.epoch == 1:
                record = read_record(Path(runner.work_dir, 'run.json'))
                record['evaluations'].append(entry)
                write_record(Path(runner.work_dir, 'run.json'), record)

    record = start(tmp_path / 'run', hooks=[Test()])
    assert record['evaluations'] == [entry]
    assert 'edited' not in record


def test_two_tests_at_once_are_both_kept(tmp_path, shipped):
    """Each reads, appends and writes; the second one starts while the first has the record open."""
    start(tmp_path / 'run', epochs=1)
    path, file = tmp_path / 'run' / 'run.json', tmp_path / 'run' / 'metrics.json'
    file.write_text('{}')

    def add(date):
        with locked(path):
            recording.add_test(evaluation(STEM, {}, '0' * 64, data=None, date=date), file)

    with locked(path):
        record = read_record(path)
        second = Thread(target=add, args=['second'])
        second.start()
        second.join(0.3)
        assert second.is_alive()
        record['evaluations'].append(evaluation(STEM, {}, '0' * 64, data=None, date='first'))
        write_record(path, record)
    second.join()
    assert [entry['date'] for entry in read_record(path)['evaluations']] == ['first', 'second']


def test_a_record_that_stays_locked_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr('senet_mm.engine.record.LOCKED', 0)
    path = tmp_path / 'run.json'
    with locked(path), pytest.raises(DataError, match=r'run\.json has been locked by another process'), locked(path):
        pass


def test_what_is_edited_during_a_training_stays_marked(tmp_path, shipped):

    class Edit(Hook):
        def after_train_epoch(self, runner):
            path = Path(runner.work_dir, 'run.json')
            path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))

    assert start(tmp_path / 'run', hooks=[Edit()])['edited'] is True


def test_an_edited_record_is_not_sealed_anew_as_if_nothing_was(tmp_path, shipped):
    start(tmp_path / 'run', epochs=1)
    path = tmp_path / 'run' / 'run.json'
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    record = evaluate(tmp_path / 'run', tmp_path / 'run' / 'epoch_1.pth')
    assert record['edited'] is True


def test_a_damaged_record_is_put_aside(tmp_path, shipped):
    work_dir = tmp_path / 'run'
    work_dir.mkdir()
    (work_dir / 'run.json').write_text('{"schema"')
    record = start(work_dir, epochs=1)
    assert record['status'] == 'finished'
    (aside,) = work_dir.glob('run.json.damaged.*')
    assert aside.read_text() == '{"schema"'


def test_only_the_main_process_writes(tmp_path, shipped, monkeypatch):
    monkeypatch.setattr(recording, 'is_main_process', lambda: False)
    with pytest.raises(DataError, match='cannot be read'):
        start(tmp_path / 'run', epochs=1)


def test_data_that_cannot_be_described_stops_nothing(tmp_path, shipped):
    record = start(tmp_path / 'run', epochs=1, data=Data())
    assert record['status'] == 'finished'
    assert record['data']['train']['official'] is False
