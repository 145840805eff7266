"""Locks between processes, and of processes that outlive the one that took them."""

import os
import signal
import subprocess
import sys

import pytest

from senet_mm.campaigns.locks import Lock

SLEEP = [sys.executable, '-c', 'print(flush=True); import time; time.sleep(60)']


@pytest.fixture
def lock(tmp_path):
    return Lock(tmp_path / 'a' / 'b.lock')


def test_one_at_a_time(lock):
    assert lock.acquire()
    assert not Lock(lock.path).acquire()
    lock.let_go()
    assert Lock(lock.path).acquire()


def test_a_child_keeps_it(lock):
    assert lock.acquire()
    child = subprocess.Popen(SLEEP, pass_fds=[lock.descriptor], stdout=subprocess.PIPE)
    child.stdout.readline()
    lock.let_go()
    assert not Lock(lock.path).acquire()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert Lock(lock.path).acquire()


def test_a_killed_holder_leaves_it_to_its_child(lock):
    code = f"""
import pathlib, subprocess, sys
from senet_mm.campaigns.locks import Lock
lock = Lock(pathlib.Path({str(lock.path)!r}))
assert lock.acquire()
child = subprocess.Popen({SLEEP!r}, pass_fds=[lock.descriptor])
print(child.pid, flush=True)
child.wait()
"""
    holder = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    child = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    assert not lock.acquire()
    os.kill(child, signal.SIGKILL)
    holder.stdout.read()  # ends with the child
    assert lock.acquire()


def test_a_note_replaces_the_one_before_and_survives_the_lock(lock):
    lock.acquire()
    lock.write(dict(host='a' * 100))
    lock.write(dict(pid=1))
    lock.let_go()
    assert Lock(lock.path).read() == dict(pid=1)


@pytest.mark.parametrize('content', ['', '{"pid"', '[1]', None])
def test_no_note(lock, content):
    lock.path.parent.mkdir()
    if content is not None:
        lock.path.write_text(content)
    assert lock.read() == {}


def test_trying_does_not_touch_the_note(lock):
    lock.acquire()
    lock.write(dict(pid=1))
    Lock(lock.path).acquire()
    assert lock.read() == dict(pid=1)
