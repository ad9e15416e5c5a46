"""Many rows in one statement on PostgreSQL, in few on SQLite. Part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Field, Model

ROWS_AT_ONCE = 10_000
Row = Sequence[Any]
if TYPE_CHECKING:
    AnyField = Field[Any, Any]
else:
    AnyField = Field


def insert_rows(model: type[Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Store rows of these columns, which are all of the model but its key. On PostgreSQL by COPY."""
    if connection.vendor != "postgresql":
        made = (model(**dict(zip(names, row, strict=True))) for row in rows)
        model._default_manager.bulk_create(made, batch_size=ROWS_AT_ONCE)
        return
    columns = ", ".join(f'"{_field(model, name).column}"' for name in names)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)


def update_rows(model: type[Model], names: Sequence[str], rows: Sequence[Row]) -> None:
    """Set columns of many rows; the first name is the key by which they are found."""
    if not rows:
        return
    table = model._meta.db_table
    key, *columns = [_field(model, name).column for name in names]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            settings = ", ".join(f'"{each}" = %s' for each in columns)
            cursor.executemany(
                f'UPDATE "{table}" SET {settings} WHERE "{key}" = %s',  # noqa: S608  # names of our own columns
                [(*_plain(row[1:]), row[0]) for row in rows],
            )
            return
        settings = ", ".join(f'"{each}" = given."{each}"' for each in columns)
        arrays = ", ".join(f"%s::{_type(model, name)}[]" for name in names)
        given = ", ".join(f'"{each}"' for each in (key, *columns))
        cursor.execute(
            f'UPDATE "{table}" SET {settings} FROM unnest({arrays}) AS given ({given})'  # noqa: S608
            f' WHERE "{table}"."{key}" = given."{key}"',
            [list(each) for each in zip(*rows, strict=True)],
        )


def _field(model: type[Model], name: str) -> AnyField:
    found = next((each for each in model._meta.concrete_fields if each.attname == name), None)
    if found is None:
        raise ValueError(f"{model.__name__} has no column {name}.")
    return found


def _type(model: type[Model], name: str) -> str:
    kind = _field(model, name).rel_db_type(connection)
    return "bigint" if kind in ("integer", "smallint") else str(kind)


def _plain(row: Row) -> list[Any]:
    """Moments as SQLite's adapter stores them."""
    return [connection.ops.adapt_datetimefield_value(each) if hasattr(each, "tzinfo") else each for each in row]
