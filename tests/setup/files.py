"""An HTTP server of files in the test's own process: byte ranges, breaks and errors on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What it serves, what it does wrong, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """Bodies by path."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every file."""
    ranges: bool = True
    """Whether it knows byte ranges."""
    statuses: list[int] = field(default_factory=list)
    """Answers to give before any file."""
    breaks: list[int] = field(default_factory=list)
    """Bytes after which each of the first answers breaks off."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and ``Range`` of each request."""


@contextmanager
def serve() -> Iterator[FileServer]:
    """Serve on a free port of this machine."""
    state = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            wanted = self.headers["Range"]
            if body:
                state.asked.append((self.path, wanted))
            content = state.files.get(self.path)
            if state.statuses or content is None:
                self.send_response(state.statuses.pop(0) if state.statuses else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = 0
            if state.ranges and wanted:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            else:
                self.send_response(200)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if body:
                end = start + state.breaks.pop(0) if state.breaks else len(content)
                self.wfile.write(content[start:end])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
