"""A session whose answers cannot hold a worker for ever: the time-outs of sockets begin anew with each byte."""

from __future__ import annotations

import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

USER_AGENT = "commonwatt/0.1 (climate-aware allocation of AI capacity)"


def bounded_session(*, head_seconds: float) -> requests.Session:
    """A session that waits at most so long for status and headers, however slowly they drip."""

    def within(connection: HTTPConnection, getresponse: Any) -> HTTPResponse:
        is_over = threading.Event()

        def end() -> None:
            is_over.set()
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(head_seconds, end)
        timer.daemon = True
        timer.start()
        try:
            response: HTTPResponse = getresponse()
        except Exception:
            if is_over.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
        if is_over.is_set():  # a closed socket can look like the end of the headers
            raise TimeoutError
        return response

    class Plain(HTTPConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own does
            return within(self, super().getresponse)

    class Encrypted(HTTPSConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own does
            return within(self, super().getresponse)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}

    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    session.auth = _no_auth
    session.mount("http://", Adapter())
    session.mount("https://", Adapter())
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without this, `requests` sends passwords that it finds in a .netrc."""
    return request
