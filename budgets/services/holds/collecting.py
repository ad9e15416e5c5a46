"""Asks that wait on an event loop instead of in threads: as many as come, a few threads that commit.

The same batches as `batching`, for a door that has no thread for each of its callers.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from django.db import DataError, IntegrityError, connection

from accounts.services.idempotency import Answer
from budgets.domain.admission import Admitted, Refused
from budgets.services.holds.batching import MOST_IN_A_BATCH, Alone
from budgets.services.holds.commits import Outcome, Shared, commit, tell
from budgets.services.holds.direct import admit_directly
from budgets.services.holds.meter import Way
from budgets.services.holds.remedies import keep_block
from config.kernel.errors import Unavailable

logger = logging.getLogger(__name__)

COMMITTING_THREADS = 4
IDLE_SECONDS = 5.0
"""A connection that was quiet for longer is looked at before it is used again."""


@dataclass(slots=True)
class _Waiting:
    shared: Shared
    way: Way
    who: str
    answer: asyncio.Future[Outcome]


class Collector:
    """Commits asks of one event loop in batches, one batch of a queue at a time.

    `may_pass(who, count)` counts so many of one caller and says whether they are within the rate; those
    that are not come back as Alone, like all that the ordinary way must answer. What it must answer for
    another reason is handed to `take_back`, for there it is counted again.
    """

    def __init__(self, may_pass: Callable[[str, int], bool], *, take_back: Callable[[str, int], None]):
        self._may_pass = may_pass
        self._take_back = take_back
        self._queues: dict[UUID, deque[_Waiting]] = {}  # a queue is here while a thread works on it
        self._threads = ThreadPoolExecutor(COMMITTING_THREADS, thread_name_prefix="reserve")
        self._used = threading.local()

    async def ask(self, queue: UUID, shared: Shared, *, way: Way, who: str) -> Outcome:
        """The outcome of one ask. Alone: nothing was done, ask in the ordinary way."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(shared, way, who, loop.create_future())
        others = self._queues.get(queue)
        if others is None:
            self._queues[queue] = deque([waiting])
            loop.call_soon(self._send, queue, loop)
        else:
            others.append(waiting)
        return await waiting.answer

    def _send(self, queue: UUID, loop: asyncio.AbstractEventLoop) -> None:
        """Give what waits to a thread. Runs on the loop, as all that touches the queues."""
        waiting = self._queues[queue]
        if not waiting:
            del self._queues[queue]
            return
        batch = [waiting.popleft() for _ in range(min(MOST_IN_A_BATCH, len(waiting)))]
        work = loop.run_in_executor(self._threads, self._decide, batch)
        work.add_done_callback(lambda done: self._deliver(queue, batch, done.result(), loop))

    def _deliver(
        self, queue: UUID, batch: Sequence[_Waiting], outcomes: Sequence[Outcome], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._send(queue, loop)  # first: the next commit runs while these are answered
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if not waiting.answer.done():  # a caller may have gone
                waiting.answer.set_result(outcome)

    def _decide(self, batch: Sequence[_Waiting]) -> list[Outcome]:
        """One batch, in a thread. Never raises: whoever waits gets an outcome."""
        outcomes: list[Outcome] = [Alone()] * len(batch)
        passing: list[int] = []
        try:
            self._look_at_connection()
            passing = self._within_rate(batch)
            if passing:
                decided = admit_shared([batch[index].shared for index in passing])
                for index, outcome in zip(passing, decided, strict=True):
                    outcomes[index] = outcome
        except (IntegrityError, DataError):
            pass  # nothing was done: each by itself
        except Exception:
            logger.exception("a batch of reservations failed")
            connection.close()
            for index in passing:
                outcomes[index] = Unavailable("The ledger did not answer. Whether this was taken is not known.")
        self._uncount([batch[index].who for index in passing if not _is_final(outcomes[index])])
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Admitted):
                keep_block(waiting.shared.ask, outcome, waiting.way, now=waiting.shared.now)
        return outcomes

    def _within_rate(self, batch: Sequence[_Waiting]) -> list[int]:
        counts = Counter(waiting.who for waiting in batch)
        passing = {who for who, count in counts.items() if self._may_pass(who, count)}
        return [index for index, waiting in enumerate(batch) if waiting.who in passing]

    def _uncount(self, callers: Sequence[str]) -> None:
        for who, count in Counter(callers).items():
            try:
                self._take_back(who, count)
            except Exception:
                logger.exception("requests of a caller are counted twice")

    def _look_at_connection(self) -> None:
        at = time.monotonic()
        if at - getattr(self._used, "at", at) > IDLE_SECONDS:
            connection.close_if_unusable_or_obsolete()
        self._used.at = at


def _is_final(outcome: Outcome) -> bool:
    """Whether nobody need be asked again, as for all that was admitted or replayed, and where nothing is known."""
    return isinstance(outcome, Admitted | Answer | Unavailable)


def admit_shared(asks: Sequence[Shared]) -> Sequence[Outcome]:
    """Decide asks together; a single one without a key by the stored function, in one round trip."""
    if len(asks) > 1 or asks[0].once or connection.vendor != "postgresql":
        return commit(asks)
    verdict: Admitted | Refused = admit_directly(asks[0].ask, now=asks[0].now)
    if isinstance(verdict, Admitted):
        tell([verdict], now=asks[0].now)
    return [verdict]
