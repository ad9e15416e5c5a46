"""Thousands of keys in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Model, QuerySet
from django.db.models.expressions import RawSQL

M = TypeVar("M", bound=Model)


def among(rows: QuerySet[M], column: str, values: Collection[UUID | str]) -> QuerySet[M]:
    """Those rows whose `column` has one of these values: on PostgreSQL one parameter, not thousands."""
    if connection.vendor != "postgresql":
        return rows.filter(**{f"{column}__in": values})
    condition = f'"{rows.model._meta.db_table}"."{column}" = ANY (%s::{_TYPES[column]}[])'
    return rows.filter(RawSQL(condition, [as_array(values)], output_field=BooleanField()))  # noqa: S611  # our own names


_TYPES = {"id": "uuid", "reference": "varchar"}


def as_array(values: Iterable[UUID | str | int | None]) -> str:
    """An array as PostgreSQL reads it: made in one go, which its driver does value by value."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: UUID | str | int | None) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return "NULL" if value is None else str(value)
