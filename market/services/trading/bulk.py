"""Many rows in one statement on PostgreSQL, in few on SQLite. Part of the caller's transaction.

PostgreSQL gets rows and arrays as text that is made in one go: its driver would adapt value by value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Field, Model

ROWS_AT_ONCE = 10_000
Row = Sequence[Any]
ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
if TYPE_CHECKING:
    AnyField = Field[Any, Any]
else:
    AnyField = Field


def insert_rows(
    model: type[Model], names: Sequence[str], rows: Iterable[Row], *, constants: Mapping[str, Any] | None = None
) -> None:
    """Store rows of these columns; `constants` are columns that are the same in all. On PostgreSQL by COPY.

    Both together are all columns of the model but its key.
    """
    same = dict(constants or {})
    if connection.vendor != "postgresql":
        made = (model(**same, **dict(zip(names, row, strict=True))) for row in rows)
        model._default_manager.bulk_create(made, batch_size=ROWS_AT_ONCE)
        return
    columns = ", ".join(f'"{_field(model, name).column}"' for name in (*names, *same))
    tail = "".join(f"\t{_text(value)}" for value in same.values()) + "\n"
    lines = ("\t".join(map(_text, row)) + tail for row in rows)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        while chunk := "".join(islice(lines, ROWS_AT_ONCE)):
            copy.write(chunk)


def update_rows(
    model: type[Model], names: Sequence[str], rows: Sequence[Sequence[int]], *, constants: Mapping[str, Any]
) -> None:
    """Set columns of whole numbers of many rows, and `constants` in all of them. The first name is the key."""
    if not rows:
        return
    table = model._meta.db_table
    key, *columns = [_field(model, name).column for name in names]
    same = [f'"{_field(model, name).column}" = %s' for name in constants]
    values = list(constants.values())
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            settings = ", ".join([*same, *(f'"{each}" = %s' for each in columns)])
            cursor.executemany(
                f'UPDATE "{table}" SET {settings} WHERE "{key}" = %s',  # noqa: S608  # names of our own columns
                [(*map(_plain, values), *row[1:], row[0]) for row in rows],
            )
            return
        settings = ", ".join([*same, *(f'"{each}" = given."{each}"' for each in columns)])
        arrays = ", ".join(["%s::bigint[]"] * len(names))
        given = ", ".join(f'"{each}"' for each in (key, *columns))
        cursor.execute(
            f'UPDATE "{table}" SET {settings} FROM unnest({arrays}) AS given ({given})'  # noqa: S608
            f' WHERE "{table}"."{key}" = given."{key}"',
            [*values, *(_array(each) for each in zip(*rows, strict=True))],
        )


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _text(value: Any) -> str:
    """A value as the text format of COPY has it."""
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.translate(ESCAPED)
    return str(value)


def _field(model: type[Model], name: str) -> AnyField:
    found = next((each for each in model._meta.concrete_fields if each.attname == name), None)
    if found is None:
        raise ValueError(f"{model.__name__} has no column {name}.")
    return found


def _plain(value: Any) -> Any:
    """A moment as SQLite's adapter stores it."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
