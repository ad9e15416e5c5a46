"""A session whose answers cannot hold a worker for ever: the time-outs of sockets begin anew with each byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

USER_AGENT = "commonwatt/0.1 (climate-aware allocation of AI capacity)"


class _BoundedHead:
    """A connection that waits at most so long for status and headers, however slowly they drip."""

    head_seconds: float
    sock: socket.socket | None

    def getresponse(self) -> HTTPResponse:
        """The response, its body unread. Raises TimeoutError."""
        is_over = threading.Event()
        timer = threading.Timer(self.head_seconds, self._end, [is_over])
        timer.daemon = True
        timer.start()
        try:
            response: HTTPResponse = super().getresponse()  # type: ignore[misc]  # of the connection it is mixed into
        except Exception:
            if is_over.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
        if is_over.is_set():  # a closed socket can look like the end of the headers
            raise TimeoutError
        return response

    def _end(self, is_over: threading.Event) -> None:
        is_over.set()
        sock = self.sock  # the other thread may close the connection in this very moment
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _BoundedAdapter(HTTPAdapter):
    """Opens connections of that kind."""

    def __init__(self, head_seconds: float):
        self._head_seconds = head_seconds
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As of every adapter, but for the kind of connection."""
        super().init_poolmanager(*args, **kwargs)
        kinds = {"http": (HTTPConnectionPool, HTTPConnection), "https": (HTTPSConnectionPool, HTTPSConnection)}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": self._bounded(connection)})
            for scheme, (pool, connection) in kinds.items()
        }

    def _bounded(self, connection: type) -> type:
        return type(connection.__name__, (_BoundedHead, connection), {"head_seconds": self._head_seconds})


def bounded_session(*, head_seconds: float) -> requests.Session:
    """A session that waits at most so long for status and headers."""
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    session.auth = _no_auth
    session.mount("http://", _BoundedAdapter(head_seconds))
    session.mount("https://", _BoundedAdapter(head_seconds))
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without this, `requests` sends passwords that it finds in a .netrc."""
    return request
