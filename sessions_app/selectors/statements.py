"""Statements without the detours of an object mapper, for what every change of a session waits for.

The text is the same on both databases. PostgreSQL keeps the plan of each from its second use on, per connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

MOST_PLANS = 200
MOST_VALUES = 80
"""Plans that a connection keeps. A statement that comes after, or has more values, is planned each time."""

M = TypeVar("M", bound=Model)
Row = Sequence[Any]
_plans: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def here() -> BaseDatabaseWrapper:
    """This thread's connection itself: each use of Django's `connection` looks it up again."""
    return connections[DEFAULT_DB_ALIAS]


def run(sql: str, values: Sequence[Any]) -> list[Row]:
    """Execute a statement whose values stand at `%s`; the rows that it returns."""
    database = here()
    with database.cursor() as cursor:
        if len(values) <= MOST_VALUES and _keeps_plans(database):
            sql = _planned(database.connection, cursor, sql, len(values))
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def _keeps_plans(database: BaseDatabaseWrapper) -> bool:
    """Behind a pooler that changes the connection between transactions, which this setting tells, nothing is kept."""
    return database.vendor == "postgresql" and not database.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


def _planned(server: Any, cursor: Any, sql: str, count: int) -> str:
    known = _plans.setdefault(server, set())
    prepare, execute, name = _texts(sql, count)
    if name not in known:
        if len(known) >= MOST_PLANS:
            return sql
        cursor.execute(prepare)
        known.add(name)
    return execute


@lru_cache(maxsize=2 * MOST_PLANS)
def _texts(sql: str, count: int) -> tuple[str, str, str]:
    name = f"cw_{sha256(sql.encode()).hexdigest()[:24]}"
    numbered = sql % tuple(f"${number}" for number in range(1, count + 1))
    values = ", ".join(["%s"] * count)
    return f"PREPARE {name} AS {numbered}", f"EXECUTE {name} ({values})", name


class Table(Generic[M]):
    """A model's table, or some columns of it: rows become instances, values become what the database takes."""

    def __init__(self, model: type[M], *only: str):
        self.model = model
        self.name = model._meta.db_table
        fields = {field.attname: field for field in model._meta.concrete_fields}
        self.fields = {name: field for name, field in fields.items() if name in only or not only}
        self.columns = ", ".join(f'"{self.name}"."{field.column}"' for field in self.fields.values())
        self._converters: dict[str, list[tuple[int, list[Callable[..., Any]], Any]]] = {}

    def find(self, where: str, values: dict[str, Any], *, ending: str = "") -> M | None:
        """The first instance for which a condition on columns is true; `values` are its, by column."""
        sql = f'SELECT {self.columns} FROM "{self.name}" WHERE {where} {ending}'  # noqa: S608  # our own names
        rows = run(sql, self.prepared(values))
        return self.instance(rows[0]) if rows else None

    def prepared(self, values: dict[str, Any]) -> list[Any]:
        """Values by attribute, as the database takes them."""
        database = here()
        return [self.fields[name].get_db_prep_save(value, database) for name, value in values.items()]

    def instance(self, row: Row) -> M:
        """A row of these columns; columns that it has not are read when they are asked for."""
        database, values = here(), list(row)
        for index, converters, expression in self._converters_of(database):
            for convert in converters:
                values[index] = convert(values[index], expression, database)
        return self.model.from_db(DEFAULT_DB_ALIAS, list(self.fields), values)

    def _converters_of(self, database: BaseDatabaseWrapper) -> list[tuple[int, list[Callable[..., Any]], Any]]:
        if database.vendor not in self._converters:
            columns = [field.get_col(self.name) for field in self.fields.values()]
            found = [
                (index, database.ops.get_db_converters(column) + column.get_db_converters(database), column)
                for index, column in enumerate(columns)
            ]
            self._converters[database.vendor] = [each for each in found if each[1]]
        return self._converters[database.vendor]
