"""Database work of an event loop, in batches: callers wait on the loop, one thread for each lane commits.

The next batch gathers while one is committed; nobody waits for company.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from django.db import DatabaseError, InterfaceError, connection

from config.kernel.errors import Unavailable
from config.kernel.transactions import in_transaction

logger = logging.getLogger(__name__)

MOST_IN_A_BATCH = 64
EXIT_SECONDS = 5.0
IDLE_SECONDS = 5.0
"""A connection that was quiet for longer is looked at before it is used again."""
FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 0.05, 1.0
RETRY_AFTER_SECONDS = 5
UNREACHABLE = "ledger_unreachable"

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    """An item, and who waits for it on which loop; nobody where it was only left here.

    `is_left`: whoever waited has gone. `result` is None until there is one.
    """

    item: Item
    answer: asyncio.Future[Result] | None = None
    loop: asyncio.AbstractEventLoop | None = None
    is_left: bool = False
    result: Result | Exception | None = None


class Lane(Generic[Item, Result]):
    """A queue of items and a thread that works on up to 64 of them in one transaction.

    `work` returns a result or an exception for each item. Where it raises a DatabaseError the transaction
    was undone: each item is then worked on alone, so that one cannot fail the others. Where the connection is lost
    all of them are tried again, for `patience_seconds` and at least once more; with 0 never. A result whose waiter
    has gone is given to `unwanted`. May be used from several event loops and threads.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        most: int = MOST_IN_A_BATCH,
        is_transaction: bool = True,
        patience_seconds: float = 0.0,
        unwanted: Callable[[Item, Result], None] | None = None,
    ):
        self.name = name
        self._work = work
        self._most = most
        self._is_transaction = is_transaction
        self._patience_seconds = patience_seconds
        self._unwanted = unwanted
        self._begin()
        _lanes.add(self)

    async def submit(self, item: Item) -> Result:
        """The result of an item. Raises what was found for it, or Unavailable where the database did not answer.

        An item goes its way even if whoever waits for it is cancelled; `unwanted` then gets what comes of it.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        waiting = _Waiting(item, answer, loop)
        self._put(waiting)
        is_told = False
        try:
            result = await answer
            is_told = True
            return result
        finally:
            if not is_told:
                self._leave_alone(waiting)

    def leave(self, item: Item) -> None:
        """Have an item worked on; nobody waits. From any thread, also where a loop is about to end."""
        self._put(_Waiting(item))

    def wait_until_idle(self, *, seconds: float) -> bool:
        """Wait until everything that was put here is done; whether it is."""
        until = time.monotonic() + seconds
        with self._quiet:
            return self._quiet.wait_for(lambda: self._open == 0, timeout=max(0.0, until - time.monotonic()))

    def _begin(self) -> None:
        """Be as if never used: a forked child has none of its parent's threads."""
        self._queue: SimpleQueue[_Waiting[Item, Result]] = SimpleQueue()
        self._quiet = threading.Condition()
        self._open = 0
        self._is_down = False
        self._thread: threading.Thread | None = None

    def _put(self, waiting: _Waiting[Item, Result]) -> None:
        with self._quiet:
            self._open += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"lane-{self.name}", daemon=True)
                self._thread.start()
        self._queue.put(waiting)

    def _run(self) -> None:
        used_at = time.monotonic()
        while True:
            batch = [self._queue.get()]
            try:
                while len(batch) < self._most:
                    batch.append(self._queue.get_nowait())
            except Empty:
                pass
            if time.monotonic() - used_at > IDLE_SECONDS:
                connection.close_if_unusable_or_obsolete()
            self._deliver(batch, self._results([each.item for each in batch]))
            used_at = time.monotonic()
            with self._quiet:
                self._open -= len(batch)
                self._quiet.notify_all()

    def _results(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            results = self._persisted(items)
            self._is_down = False
            return results
        except (DatabaseError, InterfaceError):
            if self._is_down:
                logger.exception("lane %s: the database does not answer", self.name)
                return [_unreachable() for _ in items]
            if len(items) > 1:
                return [result for item in items for result in self._results([item])]
            logger.exception("lane %s: the database refused", self.name)
            return [_unreachable()]
        except Exception as error:  # the outermost loop of a thread that must go on; told and answered
            logger.exception("lane %s: a batch failed", self.name)
            connection.close()
            return [error] * len(items)

    def _persisted(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        """Results, tried again over a lost connection. A database that was down before is asked once."""
        until = time.monotonic() + (0.0 if self._is_down else self._patience_seconds)
        rest_seconds, may_repeat = FIRST_REST_SECONDS, self._patience_seconds > 0 and not self._is_down
        while True:
            try:
                return self._done(items)
            except (DatabaseError, InterfaceError):
                if not _is_lost():
                    raise
                connection.close()
                if not may_repeat:
                    self._is_down = True
                    raise
            time.sleep(rest_seconds)
            rest_seconds = min(2 * rest_seconds, LONGEST_REST_SECONDS)
            may_repeat = time.monotonic() < until

    def _done(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        return in_transaction(lambda: self._work(items)) if self._is_transaction else self._work(items)

    def _deliver(self, batch: Sequence[_Waiting[Item, Result]], results: Sequence[Result | Exception]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting[Item, Result]]] = defaultdict(list)
        for waiting, result in zip(batch, results, strict=True):
            if waiting.loop is None:
                if isinstance(result, Exception):
                    logger.error("lane %s: what nobody waits for failed", self.name, exc_info=result)
                continue
            with self._quiet:
                waiting.result = result
                is_left = waiting.is_left
            if is_left:
                self._discard(waiting)
            else:
                by_loop[waiting.loop].append(waiting)
        for loop, answered in by_loop.items():
            try:
                loop.call_soon_threadsafe(_answer, answered)
            except RuntimeError:  # the loop has ended since, and whoever waited on it
                logger.warning("lane %s: nobody is left to hear of %d items", self.name, len(answered))
                for waiting in answered:
                    self._leave_alone(waiting)

    def _leave_alone(self, waiting: _Waiting[Item, Result]) -> None:
        """Nobody waits for this item any more. What came of it is discarded once, here or when it comes."""
        with self._quiet:
            was_left, waiting.is_left = waiting.is_left, True
        if not was_left:
            self._discard(waiting)

    def _discard(self, waiting: _Waiting[Item, Result]) -> None:
        result = waiting.result
        if self._unwanted is not None and result is not None and not isinstance(result, Exception):
            self._unwanted(waiting.item, result)


def _is_lost() -> bool:
    """Whether the connection of this thread is gone."""
    return connection.connection is None or not connection.is_usable()


def _unreachable() -> Unavailable:
    return Unavailable(
        "The ledger did not answer. Whether this was done is not known.",
        code=UNREACHABLE,
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


_lanes: weakref.WeakSet[Lane[Any, Any]] = weakref.WeakSet()


def _answer(answered: Sequence[_Waiting[Any, Any]]) -> None:
    """Tell who waits. Runs on their loop."""
    for waiting in answered:
        if waiting.answer is None or waiting.answer.done():
            continue  # cancelled: nobody waits any more
        if isinstance(waiting.result, Exception):
            waiting.answer.set_exception(waiting.result)
        else:
            waiting.answer.set_result(waiting.result)


def wait_until_idle(*, seconds: float) -> bool:
    """Wait until every lane of this process has done its work; whether they have."""
    until = time.monotonic() + seconds
    # Thrice: one lane gives work to another, as a grant that nobody wants to the settlement, and that to breakers.
    return all(lane.wait_until_idle(seconds=until - time.monotonic()) for lane in list(_lanes) * 3)


def _begin_anew() -> None:
    for lane in list(_lanes):
        lane._begin()


os.register_at_fork(after_in_child=_begin_anew)
# A server without `manage.py serve` around it: what was left to a lane as its loop ended is still done.
atexit.register(wait_until_idle, seconds=EXIT_SECONDS)
