"""What this process has read from the database and reads anew once it is old: for threads, and for an event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from django.db import DatabaseError, close_old_connections

from config.kernel.errors import Unavailable

logger = logging.getLogger(__name__)


class Dated(Protocol):
    """Something that knows when it was read."""

    def is_older_than(self, age: timedelta, *, now: datetime) -> bool:
        """Whether it was read longer ago than that; a clock that went back counts as old, too."""


Read = TypeVar("Read", bound=Dated)


class Rereader(Generic[Read]):
    """Keeps what `read` gives. It is used without a look while it is `fresh`; by those who cannot wait while it is
    `usable`, the next being read meanwhile. `what` names it in the log. Lives as long as the process."""

    def __init__(self, what: str, read: Callable[[datetime], Read], *, fresh: timedelta, usable: timedelta):
        self.is_reading = False
        self.value: Read | None = None
        self._what = what
        self._read = read
        self._fresh = fresh
        self._usable = usable
        self._begin()
        os.register_at_fork(after_in_child=self._begin_anew)

    def get(self, now: datetime) -> Read:
        """From memory, or read anew where that is no longer fresh. For threads: raises as `read` does."""
        kept = self.peek(now)
        if kept is not None:
            return kept
        with self._lock:
            kept = self.peek(now)
            if kept is None:
                kept = self.value = self._read(now)
            return kept

    def peek(self, now: datetime) -> Read | None:
        """What is in memory and fresh; never asks the database."""
        return self.value if self.value is not None and not self.value.is_older_than(self._fresh, now=now) else None

    async def current(self, now: datetime) -> Read:
        """For the event loop: what is in memory while it is usable; else waits for it, and raises as `read` does."""
        kept = self.value
        if kept is None or kept.is_older_than(self._usable, now=now):
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._get_in_thread, now)
        if kept.is_older_than(self._fresh, now=now) and not self.is_reading:
            self.is_reading = True
            self._threads.submit(self._read_ahead, now)
        return kept

    def forget(self) -> None:
        """Read anew the next time."""
        self.value = None

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-rereader")

    def _begin_anew(self) -> None:
        """A process that was forked has neither the thread nor whoever held the lock."""
        self.is_reading, self.value = False, None
        self._begin()

    def _get_in_thread(self, now: datetime) -> Read:
        close_old_connections()
        try:
            return self.get(now)
        finally:
            close_old_connections()

    def _read_ahead(self, now: datetime) -> None:
        try:
            self._get_in_thread(now)
        except (DatabaseError, Unavailable):  # who has to wait for the next one is told
            logger.warning("%s was not read", self._what, exc_info=True)
        finally:
            self.is_reading = False
