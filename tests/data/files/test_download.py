import hashlib
import random
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from senet_mm.data.errors import DataError
from senet_mm.data.files import download as module
from senet_mm.data.files.download import RemoteFile, download, exclusive
from tests.data.small import listing
from tests.data.web import serve

CONTENT = random.Random(0).randbytes(600_000)
LOCK = '.file.bin.lock'
FETCH = (
    'import sys; from pathlib import Path; from senet_mm.data.files.download import *; '
    'download(RemoteFile(sys.argv[1], int(sys.argv[2]), sys.argv[3]), Path(sys.argv[4])); print("there")'
)


def remote(address, content=CONTENT, algorithm='md5'):
    return RemoteFile(f'{address}/file.bin', len(content), f'{algorithm}:{hashlib.new(algorithm, content).hexdigest()}')


def start(file, path):
    """Another process that downloads."""
    command = [sys.executable, '-c', FETCH, file.url, str(file.size), file.checksum, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, 'WAIT', 0)
    monkeypatch.setenv('no_proxy', '*')


@pytest.fixture
def web():
    with serve(CONTENT) as (site, address):
        yield site, address


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'file.bin'


@pytest.fixture
def part(tmp_path):
    """The beginning of the file, as an earlier run left it."""
    part = tmp_path / 'file.bin.part'
    part.write_bytes(CONTENT[:1000])
    return part


@pytest.mark.parametrize('algorithm', ['md5', 'sha256'])
def test_a_file_is_fetched_once(web, tmp_path, algorithm):
    site, address = web
    path = tmp_path / 'new' / 'file.bin'
    for _ in range(2):
        assert download(remote(address, algorithm=algorithm), path) == path
        assert path.read_bytes() == CONTENT
    assert site.asked() == [None]
    assert listing(tmp_path) == ['new', f'new/{LOCK}', 'new/file.bin']


def test_a_connection_that_breaks_again_and_again(web, path, capsys):
    site, address = web
    site.cuts = [1, 0, 70_000, 70_000, 70_000, 70_000, 70_000, 70_000]  # more often than TRIES, but each gets on
    assert download(remote(address), path).read_bytes() == CONTENT
    places = [1, 1, *(1 + 70_000 * n for n in range(1, 7))]
    assert site.asked() == [None, *(f'bytes={place}-' for place in places)]
    assert [headers.get('If-Range') for _, headers in site.requests[1:]] == ['"1"'] * 8
    assert capsys.readouterr().err.count('trying again') == 8


@pytest.mark.parametrize('have', [1, 1000, len(CONTENT) - 1])
def test_a_later_run_goes_on(web, path, part, have):
    site, address = web
    part.write_bytes(CONTENT[:have])
    assert download(remote(address), path).read_bytes() == CONTENT
    assert site.asked() == [f'bytes={have}-']
    assert not part.exists()


def test_a_part_that_is_whole_is_only_verified(web, path, part):
    site, address = web
    part.write_bytes(CONTENT)
    assert download(remote(address), path).read_bytes() == CONTENT
    assert site.asked() == []


@pytest.mark.parametrize('left', [b'x' * 1000, b'x' * len(CONTENT), CONTENT + b'x'])
def test_a_part_that_does_not_fit_is_replaced(web, path, part, left):
    site, address = web
    part.write_bytes(left)
    assert download(remote(address), path).read_bytes() == CONTENT
    assert site.asked()[-1] is None


def test_a_server_without_ranges(web, path, part, capsys):
    site, address = web
    site.ranges, site.cuts = False, [5000]
    assert download(remote(address), path).read_bytes() == CONTENT
    assert site.asked() == ['bytes=1000-', 'bytes=5000-']
    assert capsys.readouterr().err.count('cannot be resumed; it comes from its beginning') == 2


def test_a_server_that_never_gets_on(web, path):
    site, address = web
    site.ranges, site.cuts = False, [700, 800, 500, 600, 700, 600, 500, 400, 300]
    with pytest.raises(DataError, match=r'no progress in 5 tries .* 500 of 600,000 bytes are kept'):
        download(remote(address), path)
    assert len(site.requests) == 2 + 5  # 500 to 700 are no progress beyond 800


def test_a_file_that_changes_on_the_way(web, path):
    site, address = web
    new = CONTENT[::-1]
    site.cuts = [300_000]
    thread = threading.Thread(target=lambda: download(remote(address, new), path))
    respond = site.respond

    def change(handler):
        respond(handler)
        site.content, site.etag = new, '"2"'

    site.respond = change
    thread.start()
    thread.join()
    assert path.read_bytes() == new
    assert site.asked() == [None, 'bytes=300000-']  # the second refused, by If-Range, with the whole new file


def test_another_file_of_the_same_size(web, path, tmp_path):
    site, address = web
    site.content = CONTENT[:-1] + b'?'
    with pytest.raises(DataError, match=r'file\.bin gave another file: md5 \w{32}, where \w{32} is expected.*--source'):
        download(remote(address), path)
    assert listing(tmp_path) == [LOCK]
    assert len(site.requests) == 1


@pytest.mark.parametrize('content', [b'<html>log in</html>', CONTENT[:500], CONTENT * 2])
def test_another_size_costs_nothing_that_was_kept(web, path, part, content):
    site, address = web
    site.content = content
    with pytest.raises(DataError, match=rf'now gives {len(content):,} bytes.* 1,000 of 600,000 bytes are kept'):
        download(remote(address), path)
    assert part.read_bytes() == CONTENT[:1000]
    assert not path.exists()


def test_an_answer_of_unknown_length(web, path, tmp_path):
    site, address = web
    site.length = False
    assert download(remote(address), path).read_bytes() == CONTENT
    path.unlink()
    site.content = CONTENT * 50
    with pytest.raises(DataError, match=r'gave another file: [\d,]+ bytes, where 600,000 are expected'):
        download(remote(address), path)
    assert listing(tmp_path) == [LOCK]


@pytest.mark.parametrize('status', [403, 404, 410])
def test_an_address_that_is_gone(web, path, part, status):
    site, address = web
    site.statuses = [status]
    with pytest.raises(DataError, match=rf'{address}/file\.bin: .* no longer, .*{status}.* kept in {part}'):
        download(remote(address), path)
    assert len(site.requests) == 1


def test_a_busy_server(web, path):
    site, address = web
    site.statuses = [503, 429, 500, 502]
    assert download(remote(address), path).read_bytes() == CONTENT
    path.unlink()
    site.statuses = [503] * 9
    with pytest.raises(DataError, match=r'no progress in 5 tries \(HTTP Error 503: Service Unavailable\)'):
        download(remote(address), path)
    assert len(site.statuses) == 4


def test_a_server_that_falls_silent(web, path, monkeypatch):
    site, address = web
    monkeypatch.setattr(module, 'TIMEOUT', 0.3)
    site.cuts, site.pause = [1000], threading.Event()
    assert download(remote(address), path).read_bytes() == CONTENT
    assert site.asked() == [None, 'bytes=1000-']
    site.pause.set()


def test_no_network(path, tmp_path):
    with serve(CONTENT) as (_, address):
        pass  # nobody listens there any more
    with pytest.raises(DataError, match=rf'{address}.*refused.* a network\? Nothing was kept\. .* --source'):
        download(remote(address), path)
    assert listing(tmp_path) == [LOCK]


@pytest.mark.parametrize('url', ['http://example.org/file.bin', 'file:///etc/passwd', 'ftp://127.0.0.1/x', 'x.bin'])
def test_only_https_is_fetched(path, tmp_path, url):
    with pytest.raises(DataError, match=f'{url}: only https:// is fetched'):
        download(RemoteFile(url, 1, 'md5:0'), path)
    assert listing(tmp_path) == []


def test_redirects_keep_the_range_and_stay_safe(web, path, part):
    site, address = web
    site.redirects = {'/file.bin': f'{address}/moved/file.bin'}
    assert download(remote(address), path).read_bytes() == CONTENT
    assert site.asked() == ['bytes=1000-'] * 2
    path.unlink()
    site.redirects = {'/file.bin': 'http://example.org/file.bin'}
    with pytest.raises(DataError, match=r'http://example\.org/file\.bin: only https://'):
        download(remote(address), path)


def test_a_disk_without_room_is_noticed_before(web, path, part, monkeypatch):
    site, address = web
    monkeypatch.setattr(module.shutil, 'disk_usage', lambda _: SimpleNamespace(free=598_999))
    with pytest.raises(DataError, match=r'the disk is full: 599,000 bytes are to come, .* has 598,999 free\. 1,000 of'):
        download(remote(address), path)
    assert site.requests == []
    assert part.stat().st_size == 1000


def test_a_disk_that_fills_up(web, path, part):
    _, address = web
    part.unlink()
    part.symlink_to('/dev/full')  # which takes no byte
    with pytest.raises(DataError, match=rf'{address}/file\.bin: the disk is full\. Nothing was kept\.'):
        download(remote(address), path)
    assert not path.exists()


def test_something_else_at_the_place_is_kept(web, path):
    site, address = web
    path.write_text('mine')
    with pytest.raises(DataError, match=rf'{path} is not {address}/file\.bin: 4 bytes, .* left as it is'):
        download(remote(address), path)
    assert path.read_text() == 'mine'
    assert site.requests == []


def test_of_two_processes_one_fetches_and_the_other_finds_it(web, path):
    site, address = web
    site.cuts, site.pause = [1000], threading.Event()
    first = start(remote(address), path)
    wait_for(lambda: site.requests)
    second = start(remote(address), path)
    assert 'Another process is at work on' in second.stderr.readline()
    assert not path.exists()
    site.pause.set()
    for process in (first, second):
        assert process.communicate(timeout=20)[0] == 'there\n'
    assert site.asked() == [None]
    assert path.read_bytes() == CONTENT


def test_a_process_that_is_killed_leaves_its_part_and_no_lock(web, path):
    site, address = web
    site.cuts, site.pause = [100_000], threading.Event()
    process = start(remote(address), path)
    part = path.with_name('file.bin.part')
    wait_for(lambda: part.exists() and part.stat().st_size > 0)
    process.kill()
    process.communicate()
    site.pause.set()
    have = part.stat().st_size
    assert download(remote(address), path).read_bytes() == CONTENT
    assert 0 < have <= 100_000
    assert site.asked() == [None, f'bytes={have}-']


def test_the_lock_can_be_taken_again_inside(path):
    with exclusive(path), exclusive(path):
        pass
