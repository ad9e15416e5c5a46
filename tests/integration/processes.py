"""Work in several processes at once, on one set of books."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from django.db import connections


def in_processes(works: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run each in a process of its own, all at once; their results in order."""
    works = list(works)
    connections.close_all()  # a connection is not shared with a fork
    fork = multiprocessing.get_context("fork")
    starts_at = time.time() + 0.3
    with ProcessPoolExecutor(len(works), mp_context=fork) as pool:
        return [each.result(60) for each in [pool.submit(_started, work, starts_at) for work in works]]


def _started(work: Callable[[], Any], at: float) -> Any:
    connections.close_all()
    time.sleep(max(0.0, at - time.time()))
    return work()
