"""The fields of run.json: what a real record has, and every way of having something else there."""

import pytest

from senet_mm.engine.record_shape import RECORD, misfits
from tests.results.made_runs import evaluation, record_of


def made(**changes):
    test = evaluation('resnet50_imagenet', {'accuracy/top1': 75.0}, '0' * 64)
    return record_of('resnet50_imagenet', 0, '2026-01-01T00:00:00+00:00', evaluations=[test]) | changes


def test_a_record_fits_with_fields_that_nobody_knows():
    assert list(misfits(made(later={'a': [1]}))) == []
    assert list(misfits(made(seed=None, throughput=None, weights=None))) == []


@pytest.mark.parametrize(
    ('changes', 'places'),
    [
        (dict(seed=[1]), ['seed']),
        (dict(seed=True), ['seed']),
        (dict(config=None, status=3), ['config', 'status']),
        (dict(wall_time_s=float('nan')), ['wall_time_s']),
        (dict(wall_time_s=10**400), ['wall_time_s']),
        (dict(wall_time_s=7), []),
        (dict(evaluations={}), ['evaluations']),
        (dict(evaluations=[3]), ['evaluations.0']),
        (dict(sessions=[{'log': 'x'}, {'log': None}]), ['sessions.1.log']),
        (dict(data=dict(train=dict(name='x', official=1))), ['data.train.official']),
        (dict(deviations=[dict(key='lr', value=None, published=0.1)]), []),
        (dict(deviations=[dict(key='lr', published=0.1)]), ['deviations.0.value']),
    ],
)
def test_what_does_not_fit_is_named(changes, places):
    assert list(misfits(made(**changes))) == places


def test_every_required_field_is_missed():
    required = {name for name in RECORD if not name.endswith('?')}
    assert set(misfits({})) == required == {'schema', 'config', 'status', 'sessions', 'evaluations'}
    assert list(misfits([])) == ['all of it']
