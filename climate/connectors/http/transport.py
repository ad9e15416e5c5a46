"""A session whose answers cannot hold a worker for ever: the time-outs of sockets begin anew with each byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

USER_AGENT = "commonwatt/0.1 (climate-aware allocation of AI capacity)"


class Watch:
    """Shuts the connection down when the time for an answer is over.

    From outside, because the parser of HTTP reads on by itself where an answer has no end: a chunk's
    extension, the headers after the body. A shut connection looks like the end of the answer, so ask
    `is_over` before believing one.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._sock: socket.socket | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def during(self, seconds: float) -> Iterator[None]:
        """Answers read in here are over after `seconds`. No thread is left behind."""
        self.is_over, self._sock = False, None
        timer = threading.Timer(max(0.0, seconds), self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            self._sock = None

    def sees(self, sock: socket.socket | None) -> None:
        """The connection that the answer comes over from now on."""
        with self._lock:
            self._sock = sock
            if self.is_over:
                self._shut()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._shut()

    def _shut(self) -> None:
        if self._sock is not None:
            with contextlib.suppress(OSError):  # closed in this very moment
                # Not the method of an encrypted socket: that one takes the cipher away from under the reader.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


class _Watched:
    """A connection that shows its socket to the watch before it waits for an answer."""

    watch: Watch
    sock: socket.socket | None

    def getresponse(self) -> HTTPResponse:
        """The response, its body unread."""
        self.watch.sees(self.sock)
        response: HTTPResponse = super().getresponse()  # type: ignore[misc]  # of the connection it is mixed into
        return response


class _WatchedAdapter(HTTPAdapter):
    """Opens connections of that kind, also through a proxy."""

    def __init__(self, watch: Watch):
        kinds = {"http": (HTTPConnectionPool, HTTPConnection), "https": (HTTPSConnectionPool, HTTPSConnection)}
        self._pools = {
            scheme: type(
                pool.__name__,
                (pool,),
                {"ConnectionCls": type(connection.__name__, (_Watched, connection), {"watch": watch})},
            )
            for scheme, (pool, connection) in kinds.items()
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As of every adapter, but for the kind of connection."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """As of every adapter, but for the kind of connection."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def watched_session(watch: Watch) -> requests.Session:
    """A session whose connections `watch` can shut down."""
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    session.headers["Accept-Encoding"] = "gzip"  # what `reading` unpacks
    session.auth = _no_auth
    session.mount("http://", _WatchedAdapter(watch))
    session.mount("https://", _WatchedAdapter(watch))
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without this, `requests` sends passwords that it finds in a .netrc."""
    return request
