"""Rounds are driven in threads of their own: each waits for models for minutes, and no other work waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore

from django.db import connections

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 8
"""In a process. What finds no room stays in the list of unfinished runs, from which it is offered again."""

_threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="round-driver")
_room = BoundedSemaphore(MOST_AT_ONCE)


def set_off(work: Callable[[], object]) -> bool:
    """Have work done in a thread and return at once; False where there is no room for it."""
    if not _room.acquire(blocking=False):
        return False
    _threads.submit(_work, work).add_done_callback(_ended)
    return True


def _work(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connections.close_all()


def _ended(done: Future[None]) -> None:
    _room.release()
    if (error := done.exception()) is not None:
        logger.error("driving a round broke off; another worker takes it up", exc_info=error)
