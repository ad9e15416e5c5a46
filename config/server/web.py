"""The web server of `manage.py serve`: a socket taken early, a server that stops when asked."""

from __future__ import annotations

import errno
import signal
import socket
from types import FrameType

import uvicorn

from sessions_app.services.gateway.background import close_connections

GRACE_SECONDS = 3
BACKLOG = 2048


class PortTaken(Exception):
    """Another program listens there."""


def bind(host: str, port: int) -> socket.socket:
    """Take the address without listening yet. Raises PortTaken, or OSError for an address that is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    taken = socket.socket(family, kind, protocol)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(address)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken from error
        raise
    return taken


def url_of(bound: socket.socket, host: str) -> str:
    """Where a browser on this machine finds it."""
    port = bound.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


class _Server(uvicorn.Server):
    """Closes connections to providers of models before the event loop ends."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it; then what the gateway has kept open."""
        await super().shutdown(sockets)
        await close_connections()


def serve(bound: socket.socket) -> None:
    """Serve pages, API and sockets until SIGINT or SIGTERM. Open sockets and slow requests get a few seconds."""
    config = uvicorn.Config(
        "config.asgi:application",
        access_log=False,  # each request is logged by Django, with its id
        log_config=None,
        lifespan="off",
        # Nothing stands in front of `serve`: a caller must not choose the address that locks and logs go by.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=BACKLOG,
    )
    server = _Server(config)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn repeats the signals it has obeyed once it is done: they end here, not the process.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    server.run(sockets=[bound])
