"""Logs as mmengine writes them, written by hand."""

import json


def training(iteration, loss, epoch=None, **values):
    counted = {} if epoch is None else dict(epoch=epoch)
    return dict(lr=0.1, data_time=0.01, loss=loss, time=0.3, **values, **counted, iter=iteration, step=iteration)


def validation(step, **values):
    return {name.replace('__', '/'): value for name, value in values.items()} | dict(data_time=0.01, step=step)


def write(run, start, lines, tail=''):
    """One start of a run, named by its time; `tail` is what a killed process left behind the last line."""
    log = run / start / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(''.join(json.dumps(line) + '\n' for line in lines) + tail)
    return log
