"""Rows that many tests begin with: made by the services once in each process, and put back as they were afterwards.

Reference data is thousands of rows with their history. To make them again for every test took more time than the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

COUNT_AT_ONCE = 100  # SQLite takes no more parts in one statement than some hundreds


@dataclass(frozen=True, slots=True)
class _Rows:
    """All rows of a table as its database hands them out and takes them back, and the columns that it numbers."""

    table: str
    columns: tuple[str, ...]
    content: Any
    numbered: tuple[str, ...]


_known: dict[str, list[_Rows]] = {}


def put_rows(name: str, load: Callable[[], None]) -> None:
    """Have the database hold what `load` adds to an empty one.

    Where one of its tables has rows already, `load` says what is missing. What it published or kept in memory the
    first time does not happen again.
    """
    known = _known.get(name)
    if known is not None and not _counts(each.table for each in known):
        with transaction.atomic():
            for rows in known:
                _PUT[connection.vendor](rows)
        return
    before = _counts(_tables()) if known is None else {}
    load()
    if known is None:
        grown = {table for table, count in _counts(_tables()).items() if count != before.get(table, 0)}
        if not grown & before.keys():
            _known[name] = [_taken(table) for table in sorted(grown)]


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        return [each.name for each in connection.introspection.get_table_list(cursor) if each.type == "t"]


def _counts(tables: Iterable[str]) -> dict[str, int]:
    """How many rows tables have, those left out that have none."""
    found, names = {}, list(tables)
    for start in range(0, len(names), COUNT_AT_ONCE):
        parts = [f"SELECT '{each}', count(*) FROM \"{each}\"" for each in names[start : start + COUNT_AT_ONCE]]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts))
            found.update({table: count for table, count in cursor.fetchall() if count})
    return found


def _taken(table: str) -> _Rows:
    with connection.cursor() as cursor:
        columns = tuple(each.name for each in connection.introspection.get_table_description(cursor, table))
        numbered = tuple(each["column"] for each in connection.introspection.get_sequences(cursor, table))
    content = _TAKE[connection.vendor](table, columns)
    return _Rows(table=table, columns=columns, content=content, numbered=numbered)


def _take_from_sqlite(table: str, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    # With a plus before it a column has no declared type, so that nothing is converted.
    names = ", ".join(f'+"{each}"' for each in columns)
    return list(connection.connection.execute(f'SELECT {names} FROM "{table}"'))


def _put_into_sqlite(rows: _Rows) -> None:
    places = ", ".join("?" * len(rows.columns))
    names = ", ".join(f'"{each}"' for each in rows.columns)
    connection.connection.executemany(f'INSERT INTO "{rows.table}" ({names}) VALUES ({places})', rows.content)


def _take_from_postgresql(table: str, columns: tuple[str, ...]) -> bytes:
    names = ", ".join(f'"{each}"' for each in columns)
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) TO STDOUT') as copy:
        return b"".join(copy)


def _put_into_postgresql(rows: _Rows) -> None:
    names = ", ".join(f'"{each}"' for each in rows.columns)
    with connection.cursor() as cursor:
        with cursor.copy(f'COPY "{rows.table}" ({names}) FROM STDIN') as copy:
            copy.write(rows.content)
        for column in rows.numbered:
            # The next row gets a number that none had: what a process remembers of a row goes by its number.
            highest = (
                "SELECT setval(numbers, greatest(highest, pg_sequence_last_value(numbers))) FROM "
                "CAST(pg_get_serial_sequence(%s, %s) AS regclass) AS numbers, "
                f'(SELECT max("{column}") AS highest FROM "{rows.table}") AS found'
            )
            cursor.execute(highest, [rows.table, column])


_TAKE: dict[str, Callable[[str, tuple[str, ...]], Any]] = {
    "sqlite": _take_from_sqlite,
    "postgresql": _take_from_postgresql,
}
_PUT: dict[str, Callable[[_Rows], None]] = {"sqlite": _put_into_sqlite, "postgresql": _put_into_postgresql}
