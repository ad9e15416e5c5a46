"""The connection to the database is lost on COMMIT: whoever asked does not learn whether it was stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.db import OperationalError, connection


@contextmanager
def losing_commit(number: int, *, is_stored: bool) -> Iterator[list[int]]:
    """Lose the connection on the given COMMIT of a block, counted from 1: after it was stored, or before.

    Yields the commits that were asked for; more than `number` of them cannot come where the error is passed on.
    """
    asked: list[int] = []
    real = connection._commit

    def commit() -> None:
        asked.append(len(asked) + 1)
        if len(asked) != number:
            real()
            return
        if is_stored:
            real()
        connection.connection.close()
        raise OperationalError("server closed the connection unexpectedly")

    with mock.patch.object(connection, "_commit", commit):
        yield asked
