"""The record of a run as a file: sealed, whole, and read with care."""

import json
import os
import platform
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senet_mm.data.errors import DataError
from senet_mm.engine.record import (
    Deviation,
    canonical,
    finite,
    hash_content,
    hash_file,
    is_alive,
    is_sealed,
    new_record,
    read_record,
    write_record,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_hash_outlives_json_and_the_order_of_keys(content):
    again = json.loads(json.dumps(dict(reversed(content.items()))))
    assert hash_content(again) == hash_content(content)


def test_the_hash_is_that_of_the_canonical_json():
    assert canonical({'b': [1, 2.5, None], 'a': 'é'}) == '{"a":"é","b":[1,2.5,null]}'
    # echo -n '{"a":1}' | sha256sum
    assert hash_content({'a': 1}) == '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862'


def test_files_are_hashed_whole(tmp_path):
    (tmp_path / 'empty').touch()
    assert hash_file(tmp_path / 'empty') == 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    (tmp_path / 'two').write_bytes(b'ab' * 2**20)
    assert hash_file(tmp_path / 'two') != hash_file(tmp_path / 'empty')


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(['config', 'status', 'seed', 'evaluations', 'seal']), st.text(min_size=1))
def test_any_change_breaks_the_seal(tmp_path_factory, key, change):
    path = tmp_path_factory.mktemp('run') / 'run.json'
    record = new_record('resnet50_imagenet') | dict(seed=0)
    write_record(path, record)
    found = read_record(path)
    assert is_sealed(found)
    assert found == record
    assert not is_sealed(found | {key: change})


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"schema": 1, "con', 'cannot be read'),
        ('[]', r'is not what tools/train\.py and tools/test\.py write: all of it missing or of another kind'),
        ('[' * 100_000, 'cannot be read'),
        (json.dumps(new_record('x') | dict(config=3)), 'write: config missing or of another kind'),
        (json.dumps(new_record('x') | dict(schema=2)), 'has schema 2; this version of senet_mm reads 1: update it'),
        (json.dumps(new_record('x') | dict(status='done')), "status 'done' is none of running, finished"),
    ],
)
def test_what_is_no_record_is_named(tmp_path, content, message):
    (tmp_path / 'run.json').write_text(content)
    with pytest.raises(DataError, match=message):
        read_record(tmp_path / 'run.json')


def running(pid, host, minutes):
    last = datetime.now(timezone.utc) - timedelta(minutes=minutes)
    return new_record('x') | dict(sessions=[dict(last=last.isoformat(), pid=pid, host=host)])


def test_signs_of_life():
    here = platform.node()
    assert is_alive(running(os.getpid(), here, 1))
    assert not is_alive(running(os.getpid(), here, 31))
    assert is_alive(running(1, f'not_{here}', 29))
    assert not is_alive(running(1, f'not_{here}', 31))
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert not is_alive(running(child, here, 1))  # its process is gone
    assert not is_alive(new_record('x'))
    assert not is_alive(new_record('x') | dict(sessions=[dict(last='yesterday')]))


def test_metrics_that_are_no_numbers_are_left_out():
    assert finite({'a': 1, 'b': float('nan'), 'c': float('inf'), 'd': 'x', 'e': -1.5}) == {'a': 1.0, 'e': -1.5}


def test_a_deviation_in_words():
    assert str(Deviation('optim_wrapper.optimizer.lr', 0.30000000000000004, 0.6)) == (
        'optim_wrapper.optimizer.lr 0.3 instead of 0.6'
    )
    assert str(Deviation('sync_bn', 'torch', None)) == 'sync_bn torch instead of nothing'
    assert str(Deviation('classes', ['x' * 80], None)).endswith('… instead of nothing')
