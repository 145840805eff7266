#!/usr/bin/env python
"""Stands in for tools/train.py and tools/test.py: writes the records, checkpoints and logs of a run of three epochs.

It notes what it does in calls.jsonl, and does what a file of its run's name in plots/ says, once each: a line
`train 2 kill` has it kill itself in the second epoch, `test 1 mistake` fail before a test.
"""

import json
import os
import platform
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # of the repository: this file is linked to

from senet_mm.engine.record import hash_file, now, read_record, write_record
from tests.results.made_runs import evaluation, metrics_of, record_of, write_json

EPOCHS = 3


def note(verb, what, task):
    """Add a line to calls.jsonl."""
    gpus = os.environ.get('CUDA_VISIBLE_DEVICES')
    line = json.dumps(dict(verb=verb, what=what, task=task, gpus=gpus, time=time.time(), argv=sys.argv[1:]))
    with Path('calls.jsonl').open('a') as file:
        file.write(line + '\n')


def act(verb, epoch, task):
    """Do what is planned for this moment."""
    path = Path('plots', task)
    plots = path.read_text().splitlines() if path.is_file() else []
    for plot in plots:
        if plot.startswith(f'{verb} {epoch} '):
            plots.remove(plot)
            path.write_text('\n'.join(plots))
            act_out(plot.split()[2])
            return


def act_out(deed):
    """One of the things that happen."""
    if deed == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == 'nccl':
        sys.exit('torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1234, ncclSystemError')
    if deed == 'mistake':
        sys.exit('The data of this config is missing: /data/places365')
    if deed == 'wait':
        while not Path('go').exists():
            time.sleep(0.02)


def train(config, folder, seed, processes):
    """Three epochs, less those that have a checkpoint."""
    task, path = f'{config.stem}.{seed}', folder / 'run.json'
    folder.mkdir(parents=True, exist_ok=True)
    note('train', 'start', task)
    hardware = dict(gpus=[], cpu='', processes=processes)
    record = record_of(config.stem, seed, now(), status='running', checkpoints=[], sessions=[], hardware=hardware)
    if path.is_file() and '--resume' in sys.argv:
        record = read_record(path) | dict(status='running')
    session = dict(started=now(), last=now(), wall_time_s=1.0, host=platform.node(), pid=os.getpid())
    record['sessions'].append(session | dict(log=f'2026010{len(record["sessions"])}_000000/vis_data/scalars.json'))
    write_record(path, record)
    log = folder / record['sessions'][-1]['log']
    log.parent.mkdir(parents=True)
    for epoch in range(1, EPOCHS + 1):
        checkpoint = folder / f'epoch_{epoch}.pth'
        if checkpoint.is_file() and '--resume' in sys.argv:
            continue
        act('train', epoch, task)
        time.sleep(float(os.environ.get('EPOCH_SECONDS', '0')))
        log.open('a').write(json.dumps(dict(loss=1.0, epoch=epoch, step=epoch)) + '\n')
        checkpoint.write_text(f'{task} {epoch}')
        (folder / 'last_checkpoint').write_text(str(checkpoint.resolve()))
        note('train', f'epoch {epoch}', task)
    last = folder / f'epoch_{EPOCHS}.pth'
    record |= dict(status='finished', checkpoints=[dict(file=last.name, sha256=hash_file(last))])
    write_record(path, record)
    note('train', 'end', task)


def test(config, folder, checkpoint, crops):
    """One test, of the last checkpoint as it should be."""
    record = read_record(folder / 'run.json')
    task = f'{config.stem}.{record["seed"]}'
    note('test', 'start', task)
    act('test', 1, task)
    metrics = metrics_of(config.stem, record['seed'], crops)
    options = [part.partition('=') for part in sys.argv if part.startswith('model.backbone.style=')]
    deviations = [dict(key=key, value=value, published=None) for key, _, value in options]
    changes = dict(crops=crops, checkpoint=str(checkpoint), deviations=deviations)
    entry = evaluation(config.stem, metrics, hash_file(checkpoint), **changes)
    write_json(folder / 'metrics.json', dict(metrics=metrics, parameters=1))
    record['evaluations'].append(entry | dict(file_sha256=hash_file(folder / 'metrics.json')))
    write_record(folder / 'run.json', record)
    note('test', 'end', task)


def main():
    """Read the command line as the tools would."""
    name, arguments = Path(sys.argv[0]).stem, sys.argv[1:]
    config, folder = Path(arguments[0]), Path(arguments[arguments.index('--work-dir') + 1])
    assert config.is_file()
    if name.endswith('train'):
        seed = int(arguments[-1].removeprefix('randomness.seed='))
        train(config, folder, seed, int(arguments[1]) if name == 'dist_train' else 1)
    else:
        crops = arguments[arguments.index('--crops') + 1] if '--crops' in arguments else None
        test(config, folder, Path(arguments[1]), crops)


if __name__ == '__main__':
    main()
