"""One file from the web to the disk: resumed where it stopped, verified, whole or not there."""

import errno
import hashlib
import os
import re
import shutil
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from senet_mm.data.errors import DataError

TRIES = 5  # in a row without progress; then it is given up
WAIT = 1.0  # seconds after the first of them, doubled after each
TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18
_DROPPED = (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError)  # worth another try
_BUSY = (408, 425, 429)  # the answers from 300 to 499 that are, too
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_ADVICE = 'Or fetch the file by other means and give it with --source.'


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web whose content is known beforehand.

    Attributes:
        url: HTTPS; plain HTTP only from this very machine.
        size: in bytes.
        checksum: algorithm and digest in hexadecimal, 'md5:…' or 'sha256:…'.
    """

    url: str
    size: int
    checksum: str


def download(file: RemoteFile, path: Path) -> Path:
    """Fetch a file, unless it is already at `path`.

    What arrives is kept in `path`.part until it is whole and verified, and a later call goes on from there. One process
    fetches while others, on other nodes too, wait and then find the file.

    Returns:
        `path`.

    Raises:
        DataError: the file cannot be had or is another one, the disk is full, or something else is at `path`; the
            message names the address, what was kept, and what to do.
    """
    _require_safe(file.url)
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path):
        if path.exists():
            require_same(path, file)
            return path
        part = path.with_name(path.name + '.part')
        _complete(file, part)
        os.replace(part, path)
    return path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time, of all nodes that share the disk, work on `path`; the others wait and say so.

    The lock, which may be taken again inside, is an empty hidden file beside `path`. It stays: deleting it lets two in.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.absolute().with_name(f'.{path.name}.lock'), is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f'Another process is at work on {path}; waiting for it.', file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def require_same(path: Path, file: RemoteFile) -> None:
    """Hold a file on disk against what is known of it.

    Raises:
        DataError: size or checksum differ.
    """
    problem = _difference(path, file)
    if problem:
        shorter = path.stat().st_size < file.size
        resume = 'finish it with a program that resumes, such as wget -c, or ' if shorter else ''
        raise DataError(
            f'{path} is not {file.url}: {problem}. It was cut off or altered on its way here and is left as it is: '
            f'{resume}move it away and fetch it again.'
        )


def digest(path: Path, algorithm: str) -> str:
    """Checksum of a file, in hexadecimal."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with path.open('rb') as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def _difference(path: Path, file: RemoteFile) -> str | None:
    size = path.stat().st_size
    if size != file.size:
        return f'{size:,} bytes, where {file.size:,} are expected'
    algorithm, _, wanted = file.checksum.partition(':')
    found = digest(path, algorithm)
    return None if found == wanted else f'{algorithm} {found}, where {wanted} is expected'


def _complete(file: RemoteFile, part: Path) -> None:
    """Fetch what `part` lacks, and verify it; a start that an earlier run left gets a second chance without it."""
    resumed = part.exists()
    with _Transfer(file, part) as transfer:
        transfer.run()
        problem = _difference(part, file)
        if problem and resumed:
            transfer.say(f'{part}: {problem}; fetching it anew.')
            part.unlink()
            transfer.run()
            problem = _difference(part, file)
    if problem:
        part.unlink()
        raise DataError(
            f'{file.url} gave another file: {problem}. It was changed at its source or on its way; nothing was kept. '
            f'{_ADVICE}'
        )


class _Transfer:
    """Requests, one after the other, until the part has its full size."""

    def __init__(self, file: RemoteFile, part: Path):
        from rich import progress
        from rich.console import Console

        self.file, self.part = file, part
        self.opener = build_opener(_SafeRedirects)
        self.version: str | None = None  # what the server calls the present version of the file
        self.ranges = True  # until the server refuses them
        name, bar = progress.TextColumn('{task.description}'), progress.BarColumn()
        amount, speed = progress.DownloadColumn(), progress.TransferSpeedColumn()
        self.bar = progress.Progress(name, bar, amount, speed, console=Console(stderr=True))
        self.task = self.bar.add_task(part.stem, total=file.size)

    def __enter__(self) -> '_Transfer':
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def say(self, line: str) -> None:
        self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def run(self) -> None:
        if self._have() > self.file.size:
            self.part.unlink()
        self._require_space()
        failures = most = 0
        while (have := self._have()) < self.file.size:
            most = max(most, have)
            try:
                self._request(have if self.ranges else 0)
            except _DROPPED as error:
                failures = 0 if self._have() > most else failures + 1
                self._require_hope(error, failures)
                self.say(f'{self.file.url}: {error}; trying again.')
                time.sleep(WAIT * 2 ** max(failures - 1, 0))
            except OSError as error:
                if error.errno not in _DISK_FULL:
                    raise
                raise DataError(f'{self.file.url}: the disk is full. {self._kept()}') from error

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _request(self, start: int) -> None:
        """Ask for the bytes from `start` on, and write what comes."""
        headers = {'User-Agent': 'senet_mm', 'Accept-Encoding': 'identity'}
        if start:
            headers['Range'] = f'bytes={start}-'
        if start and self.version:
            headers['If-Range'] = self.version
        with self.opener.open(Request(self.file.url, headers=headers), timeout=TIMEOUT) as reply:
            place, total = _extent(reply, start)
            if total is not None and total != self.file.size:
                raise DataError(
                    f'{self.file.url} now gives {total:,} bytes, where {self.file.size:,} are expected: something else '
                    f'is at this address, or a proxy answers in its place. {self._kept()}'
                )
            if place < start:
                self.say(f'{self.file.url} cannot be resumed; it comes from its beginning.')
            etag = reply.headers.get('ETag', '')
            self.version = etag if etag.startswith('"') else reply.headers.get('Last-Modified')  # W/"…" does not do
            with self.part.open('ab' if place else 'wb') as stream:
                self._write(reply, stream)
        if self._have() < self.file.size:
            raise ConnectionError('the connection was closed before the end')

    def _write(self, reply: HTTPResponse, stream: IO[bytes]) -> None:
        while stream.tell() <= self.file.size and (chunk := reply.read1(_CHUNK)):
            stream.write(chunk)
            self.bar.update(self.task, completed=stream.tell())

    def _require_hope(self, error: Exception, failures: int) -> None:
        """An error, if another try makes no sense."""
        problem = None
        if isinstance(getattr(error, 'reason', None), ssl.SSLCertVerificationError):
            problem = f'its certificate is not valid ({error}).'
        elif isinstance(error, HTTPError) and error.code == 416 and self.ranges:
            self.ranges = False
        elif isinstance(error, HTTPError) and 300 <= error.code < 500 and error.code not in _BUSY:
            problem = f'the file is not, or no longer, to be had at this address ({error}).'
        elif failures >= TRIES:
            problem = f'no progress in {failures} tries ({error}). Is there a network?'
        if problem:
            raise DataError(f'{self.file.url}: {problem} {self._kept()}') from error

    def _require_space(self) -> None:
        needed, free = self.file.size - self._have(), shutil.disk_usage(self.part.parent).free
        if free < needed:
            raise DataError(
                f'{self.file.url}: the disk is full: {needed:,} bytes are to come, {self.part.parent.absolute()} has '
                f'{free:,} free. {self._kept()}'
            )

    def _kept(self) -> str:
        have = self._have()
        if not have:
            return f'Nothing was kept. {_ADVICE}'
        return (
            f'{have:,} of {self.file.size:,} bytes are kept in {self.part}: run the same command again to go on from '
            f'there. {_ADVICE}'
        )


class _SafeRedirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        _require_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_safe(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != 'https' and (parts.scheme, parts.hostname) != ('http', '127.0.0.1'):
        raise DataError(f'{url}: only https:// is fetched. {_ADVICE}')


def _extent(reply: HTTPResponse, start: int) -> tuple[int, int | None]:
    """Where in the file an answer begins, and how long the file is, if the answer says so."""
    if reply.status != 206:
        return 0, reply.length
    match = re.fullmatch(rf'bytes {start}-\d+/(\d+|\*)', reply.headers.get('Content-Range', ''))
    if match is None:
        raise HTTPException('the answer is another part of the file than the one asked for')
    return start, None if match[1] == '*' else int(match[1])
