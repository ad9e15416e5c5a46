"""Raw statements for paths where every millisecond counts: one text for PostgreSQL and SQLite.

For code that knows its tables and writes many rows at once. Everything else uses the ORM, which costs about a
millisecond a statement. Table and column names are the caller's own; values always go as parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from config.kernel.raw import Statement, is_postgresql, run, run_all

fetch = run
"""All rows of a query. SQLite gives identifiers and times as it stores them: see `identifier` and `moment`."""


def write(statements: Iterable[Statement]) -> None:
    """Run statements one after the other; on PostgreSQL in a single round trip. Call it in a transaction."""
    run_all(list(statements))


def insert(table: str, columns: Sequence[str], rows: Collection[Sequence[Any]], *, after: str = "") -> Statement:
    """One statement that inserts `rows`, at least one; `after` is what follows, such as ON CONFLICT."""
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks(rows)} {after}",  # noqa: S608  # names are our own
        [value for row in rows for value in row],
    )


def marks(rows: Collection[Sequence[Any]]) -> str:
    """Placeholders of rows: `(%s, %s), (%s, %s)`. As `VALUES` of an UPDATE their columns are column1, column2."""
    return ", ".join("(" + ", ".join(["%s"] * len(row)) + ")" for row in rows)


def some(count: int) -> str:
    """Placeholders of a list, for IN: `(%s, %s)`."""
    return "(" + ", ".join(["%s"] * count) + ")"


def locking(of: str = "") -> str:
    """What makes a query lock its rows against other changes; nothing on SQLite, where one writes at a time."""
    if not is_postgresql():
        return ""
    return f" FOR NO KEY UPDATE OF {of}" if of else " FOR NO KEY UPDATE"


def identifier(stored: Any) -> UUID:
    """A UUID as a raw query gave it."""
    return stored if isinstance(stored, UUID) else UUID(stored)


def moment(stored: Any) -> datetime | None:
    """A time as a raw query gave it; None stays None."""
    if stored is None:
        return None
    at = stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
