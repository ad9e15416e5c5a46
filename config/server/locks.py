"""Only one at a time: one server per data folder, one preparation per database."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

PREPARATION_LOCK = 0x636F6D6D  # any number that nobody else uses in this database


class Taken(Exception):
    """Another process holds the lock; `pid` is what it wrote of itself."""

    def __init__(self, pid: str):
        super().__init__(pid)
        self.pid = pid


@contextlib.contextmanager
def only_server_of(folder: Path) -> Iterator[None]:
    """Hold the data folder. Raises Taken while another server does.

    The system gives the lock back when its process ends, however it ends: what a killed server
    left behind is a file, not a lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "serve.lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Taken(file.read().strip() or "unknown") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def only_preparation() -> Iterator[None]:
    """Let one process at a time migrate and load. On SQLite the data folder's lock has seen to that."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARATION_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [PREPARATION_LOCK])
