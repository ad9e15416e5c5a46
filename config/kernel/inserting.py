"""Many rows in one INSERT, without an instance of a model for each: for the paths where that is most of the cost.

PostgreSQL gets all rows as one JSON value: one parameter and one text of the statement, however many there are.
SQLite gets them value by value. Nothing checks the values but the database, and nothing is told of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from config.kernel.raw import Statement, is_postgresql, run


def insert_rows(
    model: type[models.Model], rows: Sequence[Mapping[str, Any]], *, returning: str = ""
) -> list[tuple[Any, ...]]:
    """Insert `rows`, each with values by attribute; the column `returning` of each in their order, if asked for.

    What a row leaves out has its field's default, or NULL. An unknown attribute raises KeyError. Keys that the
    database gives out are left to it.
    """
    return run(*insert_of(model, rows, returning=returning)) if rows else []


def insert_of(model: type[models.Model], rows: Sequence[Mapping[str, Any]], *, returning: str = "") -> Statement:
    """The statement of `insert_rows`, to go with others; at least one row."""
    unsaid = _defaults(model)
    for row in rows:
        if unknown := row.keys() - unsaid.keys():
            raise KeyError(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    whole = [{**unsaid, **row} for row in rows]
    if is_postgresql():
        return _from_json(model, returning), [json.dumps(whole, default=_plain)]
    for row in whole:
        for name in _written_as_json(model):
            row[name] = None if row[name] is None else json.dumps(row[name])
    return _from_values(model, len(rows), returning), [value for row in whole for value in row.values()]


@cache
def _defaults(model: type[models.Model]) -> dict[str, Any]:
    """What each attribute that is written has where nobody says it."""
    return {each.attname: _default(each) for each in _written(model)}


def _default(field: Any) -> Any:
    if not field.has_default():
        return "" if field.empty_strings_allowed and not field.null and not field.remote_field else None
    return None if callable(field.default) else getattr(field.default, "value", field.default)


def _written(model: type[models.Model]) -> list[Any]:
    return [each for each in model._meta.concrete_fields if not isinstance(each, models.AutoField)]


@cache
def _from_json(model: type[models.Model], returning: str) -> str:
    """An INSERT out of one JSON array of objects, whose keys are attributes."""
    fields = _written(model)
    columns = ", ".join(f'"{each.column}"' for each in fields)
    names = ", ".join(f'"{each.attname}"' for each in fields)
    kinds = ", ".join(f'"{each.attname}" {_stored_as(each).rel_db_type(connection)}' for each in fields)
    rows = f"jsonb_to_recordset(%s::jsonb) AS given ({kinds})"
    insert = f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {names} FROM {rows}'  # noqa: S608  # names of a model
    return f"{insert}{_ending(returning)}"


@lru_cache(maxsize=1024)
def _from_values(model: type[models.Model], count: int, returning: str) -> str:
    fields = _written(model)
    columns = ", ".join(f'"{each.column}"' for each in fields)
    marks = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * count)
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES {marks}{_ending(returning)}'  # noqa: S608  # names of a model


def _ending(returning: str) -> str:
    return f" RETURNING {returning}" if returning else ""


@cache
def _written_as_json(model: type[models.Model]) -> tuple[str, ...]:
    """Attributes that SQLite keeps as text of JSON."""
    return tuple(each.attname for each in _written(model) if isinstance(_stored_as(each), models.JSONField))


def _stored_as(field: Any) -> Any:
    """The field whose kind of column it is: that of the key it refers to."""
    return _stored_as(field.target_field) if field.remote_field else field


def _plain(value: Any) -> str:
    """What JSON has no word for, as PostgreSQL reads it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a value of a row.")
