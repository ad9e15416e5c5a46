"""Connections that reach public addresses only, and cannot be held open longer than they may take.

The name is resolved and checked in the moment of connecting, and what was checked is connected to: there is no
second question to the DNS that could be answered otherwise. TLS and the Host header keep the name.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from ipaddress import ip_address
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import create_connection

from budgets.connectors.errors import NotDelivered
from budgets.domain.addresses import may_reach


class Deadline:
    """Shuts whatever connection is open when the time is over.

    From outside, because the time-outs of sockets begin anew with each byte that a slow receiver drips.
    """

    def __init__(self, seconds: float):
        self._ends = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.is_over = False

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._open:
                each.close()
            self._open.clear()

    @property
    def seconds_left(self) -> float:
        """Not negative."""
        return max(0.0, self._ends - time.monotonic())

    def watch(self, sock: socket.socket) -> None:
        """Shut this connection, too. A second handle on it is kept: TLS takes the first one away."""
        with self._lock:
            self._open.append(sock.dup())
            if self.is_over:
                self._shut()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._shut()

    def _shut(self) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):  # the other side was quicker
                each.shutdown(socket.SHUT_RDWR)


def resolved(host: str, port: int, *, seconds: float, is_exception: bool) -> list[str]:
    """Addresses of a host, every one of which may be reached. Raises NotDelivered."""
    addresses = list(dict.fromkeys(_ask_dns(host, port, seconds=seconds)))
    if not all(may_reach(ip_address(each), is_exception=is_exception) for each in addresses):
        raise NotDelivered("refused: the host's address is private or reserved (see WEBHOOK_PRIVATE_HOSTS)")
    return addresses


def _ask_dns(host: str, port: int, *, seconds: float) -> list[str]:
    """What the system's resolver says, in a thread of its own: it has no time-out."""
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the latter of names that no DNS could hold
            found = []
        answers.put([str(info[4][0]) for info in found])

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        addresses = answers.get(timeout=seconds)
    except queue.Empty:
        raise NotDelivered("the host's name was not resolved in time") from None
    if not addresses:
        raise NotDelivered("the host's name is not known")
    return addresses


class _Guarded:
    """Connects to a checked address of its host."""

    deadline: Deadline
    exceptions: frozenset[str]
    connect_seconds: float
    host: str
    port: int
    source_address: Any
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        seconds = min(self.connect_seconds, self.deadline.seconds_left)
        is_exception = self.host.lower() in self.exceptions
        for address in resolved(self.host, self.port, seconds=seconds, is_exception=is_exception):
            with contextlib.suppress(OSError):
                sock = self._connected(address)
                self.deadline.watch(sock)
                return sock
        raise NotDelivered("the host cannot be reached")

    def _connected(self, address: str) -> socket.socket:
        seconds = max(0.001, min(self.connect_seconds, self.deadline.seconds_left))  # 0 would mean not to wait
        sock = create_connection(
            (address, self.port), seconds, source_address=self.source_address, socket_options=self.socket_options
        )
        sock.settimeout(max(0.001, self.deadline.seconds_left))
        return sock


class GuardedAdapter(HTTPAdapter):
    """Opens connections of that kind, directly only."""

    def __init__(self, deadline: Deadline, *, exceptions: frozenset[str], connect_seconds: float):
        guards = {"deadline": deadline, "exceptions": exceptions, "connect_seconds": connect_seconds}
        kinds = {"http": (HTTPConnectionPool, HTTPConnection), "https": (HTTPSConnectionPool, HTTPSConnection)}
        self._pools = {
            scheme: type(
                pool.__name__, (pool,), {"ConnectionCls": type(connection.__name__, (_Guarded, connection), guards)}
            )
            for scheme, (pool, connection) in kinds.items()
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As of every adapter, but for the kind of connection."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Never: a proxy would resolve the name once more."""
        raise NotDelivered("refused: webhooks go through no proxy")
