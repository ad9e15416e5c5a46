"""Work that owns its transaction, tried again where the database undid it in favour of somebody else's."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

MOST_TRIES = 6
FIRST_REST_SECONDS = 0.005  # doubled with each try; the real rest lies anywhere below
UNDONE = frozenset({"40001", "40P01"})
"""PostgreSQL: a serialisation failure, a deadlock. Nothing was done, and a new try may pass."""
LOCKED = ("database is locked", "database table is locked")
"""SQLite: somebody else has written for longer than the time-out."""

T = TypeVar("T")
P = ParamSpec("P")


def in_transaction(work: Callable[[], T]) -> T:
    """Run `work` in one transaction; again, after a rest, if the database undid it in favour of another.

    Inside a transaction it takes part in that one and is not tried again: only who began a
    transaction can begin it anew. `work` may run several times, so it keeps nothing of a try.
    """

    def once() -> T:
        with transaction.atomic():
            return work()

    return retried(once)


def retried(work: Callable[[], T]) -> T:
    """The same for work that commits by itself, such as one statement."""
    if connection.in_atomic_block:
        return work()
    for tries in range(1, MOST_TRIES):
        try:
            return work()
        except OperationalError as error:
            if not is_worth_another_try(error):
                raise
        # Jitter: two that undid each other must not meet again.
        time.sleep(random.uniform(0, FIRST_REST_SECONDS * 2**tries))  # noqa: S311  # no secret
    return work()


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the database undid the work for reasons that are over by the next try."""
    if getattr(error.__cause__, "sqlstate", None) in UNDONE:
        return True
    return any(words in str(error) for words in LOCKED)


def transactional(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, each call of it `in_transaction`."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return in_transaction(lambda: function(*args, **kwargs))

    return call
