"""Many nudges, one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable


class Coalescer:
    """Collects marks and flushes them together: soon after the first, then at most once a rest.

    A burst of a thousand nudges costs one read per `rest_seconds`, and a single nudge waits
    only `delay_seconds`.
    """

    def __init__(
        self, flush: Callable[[set[str]], Awaitable[None]], *, delay_seconds: float, rest_seconds: float
    ) -> None:
        self._flush = flush
        self._delay_seconds = delay_seconds
        self._rest_seconds = rest_seconds
        self._marks: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def mark(self, names: Iterable[str]) -> None:
        """Ask for a flush of these names."""
        self._marks.update(names)
        if self._marks and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Forget what is marked and flush nothing more."""
        self._marks.clear()
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        await asyncio.sleep(self._delay_seconds)
        while self._marks:
            marks, self._marks = self._marks, set()
            await self._flush(marks)
            await asyncio.sleep(self._rest_seconds)
