"""A provider of climate data on this machine: a real HTTP server that says what a test tells it to, faults included."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What to answer. `drip_seconds` between two bytes of the body, `drip_head` of status and headers as well.

    `missing` bytes are promised and never sent; `wait` is waited for before anything is said.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip_seconds: float = 0.0
    drip_head: bool = False
    missing: int = 0
    wait: threading.Event | None = None
    wait_seconds: float = 0.0


def reply(value: Any, **changes: Any) -> Reply:
    """A JSON answer."""
    return Reply(body=json.dumps(value).encode(), **changes)


class Provider:
    """The server: `url`, what was `asked`, and `answer`, which a test sets."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Reply] = lambda _asked: Reply(status=404)
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def replies(self, *replies: Reply) -> None:
        """One after the other; the last one again and again."""
        left = list(replies)
        self.answer = lambda _asked: left.pop(0) if len(left) > 1 else left[0]


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """A running one."""
    running = Provider()
    try:
        yield running
    finally:
        running.close()


def _sleep(seconds: float) -> None:
    """Really, also while a test patches `time.sleep`."""
    if seconds:
        threading.Event().wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up in the middle is no error here; anything else is one of the test."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        params = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        asked = Asked(parts.path, params, {name.lower(): value for name, value in self.headers.items()})
        self.owner.asked.append(asked)
        with contextlib.suppress(OSError):  # whoever asked may have given up
            self._send(self.owner.answer(asked))

    def _send(self, given: Reply) -> None:
        if given.wait is not None:
            given.wait.wait(30)
        _sleep(given.wait_seconds)
        body = b"" if given.status in (204, 304) else given.body
        lines = [f"HTTP/1.1 {given.status} Said", f"Content-Length: {len(body) + given.missing}"]
        lines += [f"{name}: {value}" for name, value in given.headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        if not given.drip_seconds:
            self.wfile.write(head + body)
        elif given.drip_head:
            self._drip(head + body, given.drip_seconds)
        else:
            self.wfile.write(head)
            self._drip(body, given.drip_seconds)
        self.close_connection = self.close_connection or bool(given.missing)

    def _drip(self, content: bytes, seconds: float) -> None:
        for position in range(len(content)):
            self.wfile.write(content[position : position + 1])
            _sleep(seconds)

    def log_message(self, *_line: Any) -> None:
        """Say nothing."""
