"""A web site on this machine that fails as real ones do."""

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """One file, served at every path, and what shall go wrong with it.

    Attributes:
        content: of the file.
        etag: of its version.
        cuts: for each of the next answers, after how many bytes the connection breaks.
        statuses: for each of the next requests, an error to answer with, or None.
        redirects: path → address.
        ranges: whether parts can be asked for.
        length: whether the answers say how long they are.
        pause: an answer stops after its cut until this is set; None: it does not wait.
        requests: the paths and headers that came.
    """

    def __init__(self, content):
        self.content, self.etag = content, '"1"'
        self.cuts, self.statuses, self.redirects = [], [], {}
        self.ranges = self.length = True
        self.pause = None
        self.requests = []
        self.lock = threading.Lock()

    def asked(self):
        """The Range of every request."""
        return [headers.get('Range') for _, headers in self.requests]

    def respond(self, handler):
        with self.lock:
            self.requests.append((handler.path, dict(handler.headers)))
            status = self.statuses.pop(0) if self.statuses else None
            cut = self.cuts.pop(0) if self.cuts else None
        if status:
            handler.send_error(status)
        elif handler.path in self.redirects:
            handler.send_response(302)
            handler.send_header('Location', self.redirects[handler.path])
            handler.end_headers()
        else:
            self.send(handler, cut)

    def send(self, handler, cut):
        start = self.start(handler.headers)
        if start >= len(self.content):
            handler.send_error(416)
            return
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header('Content-Range', f'bytes {start}-{len(self.content) - 1}/{len(self.content)}')
        if self.length:
            handler.send_header('Content-Length', str(len(body)))
        handler.send_header('ETag', self.etag)
        handler.end_headers()
        handler.wfile.write(body[:cut])
        if self.pause and cut is not None:
            self.pause.wait(20)
            handler.wfile.write(body[cut:])

    def start(self, headers):
        wanted = headers.get('Range')
        stale = headers.get('If-Range', self.etag) != self.etag
        return int(wanted.removeprefix('bytes=').removesuffix('-')) if wanted and self.ranges and not stale else 0


@contextmanager
def serve(content):
    """Yield a site and its address."""
    site = Site(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with suppress(BrokenPipeError, ConnectionResetError):  # the other side was killed
                site.respond(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield site, f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        server.server_close()
