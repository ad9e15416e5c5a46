"""Rows without the detours of an object mapper, for what every change of a session waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from config.kernel.raw import run

M = TypeVar("M", bound=Model)
Row = Sequence[Any]


def here() -> BaseDatabaseWrapper:
    """This thread's connection itself: each use of Django's `connection` looks it up again."""
    return connections[DEFAULT_DB_ALIAS]


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
