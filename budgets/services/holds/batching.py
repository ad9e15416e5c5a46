"""Several threads of one process, one commit: whoever comes while a commit runs shares the next one.

Nobody waits for company: who finds no commit running leads one at once, alone if need be. Nobody
hangs: a batch that the database refuses sends everyone on alone, a leader that fails otherwise
tells its followers, and who hears nothing for too long stops waiting.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from django.db import DataError, IntegrityError

from config.kernel.errors import Unavailable

MOST_IN_A_BATCH = 128
LONGEST_WAIT_SECONDS = 30.0

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class Alone(Exception):
    """The batch did not come about and left nothing behind: ask again by yourself."""


class _Place(Generic[Ask, Answer]):
    """One ask in the queue. Its gate opens once it has an outcome, or must lead."""

    __slots__ = ("ask", "error", "gate", "has_outcome", "is_taken", "leads", "outcome")

    def __init__(self, ask: Ask):
        self.ask = ask
        self.gate = threading.Lock()
        self.gate.acquire()
        self.outcome: Answer | None = None
        self.error: BaseException | None = None
        self.has_outcome = False
        self.is_taken = False
        self.leads = False


class Batcher(Generic[Ask, Answer]):
    """Collects asks by queue and commits them together with `commit`, one batch of a queue at a time."""

    def __init__(
        self,
        commit: Callable[[Sequence[Ask]], Sequence[Answer]],
        *,
        most: int = MOST_IN_A_BATCH,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ):
        self._commit = commit
        self._most = most
        self._longest_wait_seconds = longest_wait_seconds
        self._lock = threading.Lock()
        self._waiting: dict[UUID, deque[_Place[Ask, Answer]]] = {}  # a queue is here while somebody leads it

    def ask(self, queue: UUID, ask: Ask) -> Answer:
        """The outcome of an ask. Raises Alone if it is to be tried by itself, Unavailable if nothing is known of it."""
        place: _Place[Ask, Answer] = _Place(ask)
        with self._lock:
            others = self._waiting.get(queue)
            if others is None:
                self._waiting[queue] = deque([place])
            else:
                others.append(place)
        if others is None:
            self._lead(queue)
        else:
            self._follow(queue, place)
        if place.error is not None:
            raise place.error
        return place.outcome  # type: ignore[return-value]  # set with has_outcome

    def _follow(self, queue: UUID, place: _Place[Ask, Answer]) -> None:
        place.gate.acquire(timeout=self._longest_wait_seconds)
        with self._lock:
            if not (place.has_outcome or place.leads):
                self._give_up(queue, place)
        if place.leads:
            self._lead(queue)

    def _give_up(self, queue: UUID, place: _Place[Ask, Answer]) -> None:
        """Nothing was heard for too long. An ask that nobody took yet can safely be made alone."""
        if place.is_taken:
            place.error = Unavailable("The ledger is slow to answer. Whether this was taken is not known yet.")
        else:
            self._waiting[queue].remove(place)
            place.error = Alone()

    def _lead(self, queue: UUID) -> None:
        """Commit a batch with the leader's own ask in it, then hand the lead to the next in the queue."""
        with self._lock:
            waiting = self._waiting[queue]
            batch = [waiting.popleft() for _ in range(min(self._most, len(waiting)))]
            for place in batch:
                place.is_taken = True
        try:
            outcomes = self._commit([place.ask for place in batch])
            for place, outcome in zip(batch, outcomes, strict=True):
                place.outcome = outcome
        except (IntegrityError, DataError):
            # Nothing was done. One ask that the database refuses must not cost the others theirs.
            for place in batch:
                place.error = Alone()
        except BaseException:
            # It may even be committed, where the connection broke in the last moment.
            for place in batch[1:]:
                place.error = Unavailable("The ledger did not answer. Whether this was taken is not known.")
            raise
        finally:
            self._hand_over(queue, batch)

    def _hand_over(self, queue: UUID, batch: Sequence[_Place[Ask, Answer]]) -> None:
        with self._lock:
            for place in batch:
                place.has_outcome = True
            waiting = self._waiting[queue]
            if waiting:
                waiting[0].leads = True
                waiting[0].gate.release()
            else:
                del self._waiting[queue]
        for place in batch:
            place.gate.release()
