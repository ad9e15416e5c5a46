"""Statements on this thread's connection without the detours of Django's cursors, which cost more than most statements.

PostgreSQL binds the values itself, and several statements go in one round trip. Where somebody listens to statements,
as a test that counts them, they take Django's way. Errors are Django's in any case.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections

Statement = tuple[str, Sequence[Any]]
"""Text with `%s`, and its values."""
Rows = list[tuple[Any, ...]]

TIMES_BEFORE_A_PLAN = 3
MOST_PLANS = 300
"""Of a connection. The text of a statement depends on how many calls a batch has; what is rare is planned each time."""

_mine = threading.local()


@cache
def is_postgresql() -> bool:
    """Which of the two databases this process works with."""
    return bool(connection.vendor == "postgresql")


def run(text: str, values: Sequence[Any] = ()) -> Rows:
    """Execute a statement; the rows that it returns. SQLite gives identifiers and times as it stores them."""
    here = _here()
    if not is_postgresql():
        values = [ADAPTED[type(value)](value) if type(value) in ADAPTED else value for value in values]
    if here.execute_wrappers or here.force_debug_cursor:
        return _in_the_open(here, text, values)
    with here.wrap_database_errors:
        if is_postgresql():
            return _rows(_cursor(here).execute(text, values))
        return list(here.connection.execute(_with_question_marks(text), values).fetchall())


def run_all(statements: Sequence[Statement]) -> list[Rows]:
    """Execute statements one after the other, in one round trip on PostgreSQL; what each returns."""
    if len(statements) < 2 or not is_postgresql():
        return [run(text, values) for text, values in statements]
    here = _here()
    if here.execute_wrappers or here.force_debug_cursor:
        return [_in_the_open(here, text, values) for text, values in statements]
    with here.wrap_database_errors:
        with here.connection.pipeline():
            cursors = [_cursor(here).execute(text, values) for text, values in statements]
        return [_rows(cursor) for cursor in cursors]


def _here() -> Any:
    """This thread's connection, open and fit for another statement."""
    here = connections[DEFAULT_DB_ALIAS]
    if here.connection is None:
        here.ensure_connection()
    if here.needs_rollback:
        here.validate_no_broken_transaction()
    return here


def _in_the_open(here: Any, text: str, values: Sequence[Any]) -> Rows:
    """Where somebody listens to statements: as Django has them."""
    with here.cursor() as cursor:
        cursor.execute(text, values)
        return list(cursor.fetchall()) if cursor.description else []


def _cursor(here: Any) -> Any:
    """A cursor of PostgreSQL that binds on the server."""
    from psycopg import Cursor

    if getattr(_mine, "connection", None) is not here.connection:
        _prepare(here)
        _mine.connection = here.connection
    return Cursor(here.connection)


def _prepare(here: Any) -> None:
    """Have a new connection bind all numbers alike, and keep the plans of what it is asked again and again.

    Behind a pooler that changes the connection between transactions, which this setting tells, no plan is kept.
    """
    from psycopg.types.numeric import Int8Dumper

    here.connection.adapters.register_dumper(int, Int8Dumper)
    if not here.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        here.connection.prepare_threshold = TIMES_BEFORE_A_PLAN
        here.connection.prepared_max = MOST_PLANS


def _rows(cursor: Any) -> Rows:
    return list(cursor.fetchall()) if cursor.description else []


@lru_cache(maxsize=1024)
def _with_question_marks(text: str) -> str:
    return text.replace("%s", "?").replace("%%", "%")


@lru_cache(maxsize=256)
def _at(moment: datetime) -> str:
    """As SQLite keeps a time; a transaction writes the same one a dozen times."""
    return str(connection.ops.adapt_datetimefield_value(moment))


ADAPTED: dict[type, Any] = {UUID: lambda value: value.hex, datetime: _at}
