"""What every report reads and writes, in as few statements as the database allows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection

from config.kernel.raw import run
from sessions_app.models import Instance, Session, Usage
from sessions_app.selectors.statements import Table

COUNTED = ("tokens_used", "tokens_since_checkpoint")
SIZED = ("component_tokens", "context_tokens", "last_seen_at")
USAGES, SESSIONS, INSTANCES = Table(Usage), Table(Session), Table(Instance)

Statement = tuple[str, list[Any]]


def find_usage(session_id: UUID, call_id: str) -> Usage | None:
    """What was told of a call before."""
    return USAGES.find("session_id = %s AND call_id = %s", {"session_id": session_id, "call_id": call_id})


def store_usage(session: Session, instance: Instance, usage: dict[str, Any]) -> None:
    """Insert a report, and store the sums of its session and the sizes of its window as they are."""
    names = ", ".join(f'"{name}"' for name in usage)
    places = ", ".join(["%s"] * len(usage))
    statements = [
        (f'INSERT INTO "{USAGES.name}" ({names}) VALUES ({places})', USAGES.prepared(usage)),  # noqa: S608  # our own names
        _update(INSTANCES, instance, SIZED),
        _update(SESSIONS, session, COUNTED),
    ]
    if connection.vendor == "postgresql":
        (insert, _), (sizes, _), (sums, _) = statements
        sql = f"WITH told AS ({insert}), sized AS ({sizes}) {sums}"
        run(sql, [value for _, values in statements for value in values])
        return
    for sql, values in statements:
        run(sql, values)


def _update(table: Table[Any], row: Session | Instance, names: tuple[str, ...]) -> Statement:
    changes = ", ".join(f'"{name}" = %s' for name in names)
    values = {**{name: getattr(row, name) for name in names}, "id": row.pk}
    return f'UPDATE "{table.name}" SET {changes} WHERE id = %s', table.prepared(values)  # noqa: S608  # our own names
