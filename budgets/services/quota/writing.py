"""Writing what a delivery moves: a few statements on PostgreSQL, whatever its size."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F

from budgets.domain.quota import Parts
from budgets.models import Budget, Hold, HoldLine, LedgerEntry
from budgets.services.quota.many import among, as_array

ROWS_AT_ONCE = 10_000
_Row = tuple[UUID, *tuple[int, ...]]
INSERT_ENTRIES = """
INSERT INTO budgets_ledgerentry (budget_id, hold_id, kind, limit_delta, spent_delta, reserved_delta, overdraft_delta,
                                 tradeable_delta, at, actor, reason)
SELECT given.budget, given.hold, 'trade', given.lim, 0, given.reserved, 0, given.tradeable, %s, %s, %s
  FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[])
       AS given (budget, hold, lim, reserved, tradeable)
"""


class Booking(NamedTuple):
    """One ledger entry of a delivery. With a hold it is what one offer gave, else all else of a budget."""

    budget_id: UUID
    hold_id: UUID | None
    limit: int
    reserved: int
    tradeable: int


def write_budgets(deltas: Mapping[UUID, Parts], reserved: Mapping[UUID, int]) -> None:
    """Move locked budgets: parts of their limits, and what is reserved."""
    moved: list[_Row] = []
    for pk, delta in deltas.items():
        changes = (*delta.values(), reserved.get(pk, 0))
        if any(changes):
            moved.append((pk, *changes))
    _shift(Budget._meta.db_table, "id", ("limit", "bonus", "tradeable", "sold", "reserved"), moved)


def close_holds(hold_ids: Collection[UUID], *, now: datetime) -> None:
    """End locked holds of which everything was delivered. They show what they held at last."""
    if hold_ids:
        rows = among(Hold.objects.all(), "id", hold_ids)
        rows.update(status=Hold.Status.RELEASED, resolved_at=now, fence=F("fence") + 1)


def shrink_holds(taken: Mapping[UUID, int], column: str) -> None:
    """Take steps out of locked holds, and out of their lines at every level in that unit."""
    _shift(Hold._meta.db_table, "id", (column, "fence"), [(pk, -steps, 1) for pk, steps in taken.items()])
    rows: list[_Row] = [(pk, -steps) for pk, steps in taken.items()]
    _shift(HoldLine._meta.db_table, "hold_id", ("reserved",), rows, only="reserved > 0")


def write_entries(bookings: Collection[Booking], *, actor: str, reason: str, now: datetime) -> None:
    """Append to the ledger."""
    if not bookings:
        return
    if connection.vendor == "postgresql":
        columns = [as_array(column) for column in zip(*bookings, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(INSERT_ENTRIES, [now, actor, reason, *columns])
        return
    LedgerEntry.objects.bulk_create(
        (
            LedgerEntry(
                budget_id=each.budget_id,
                hold_id=each.hold_id,
                kind=LedgerEntry.Kind.TRADE,
                limit_delta=each.limit,
                reserved_delta=each.reserved,
                tradeable_delta=each.tradeable,
                at=now,
                actor=actor,
                reason=reason,
            )
            for each in bookings
        ),
        batch_size=ROWS_AT_ONCE,
    )


def _shift(table: str, key: str, columns: Sequence[str], rows: Sequence[_Row], only: str = "") -> None:
    """Add to columns of many rows: each row is a key and what is added to each column."""
    if not rows:
        return
    condition = f" AND {table}.{only}" if only else ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            changes = ", ".join(f'"{name}" = {table}."{name}" + given."{name}"' for name in columns)
            names = ", ".join(f'"{name}"' for name in (key, *columns))
            arrays = ", ".join(["%s::uuid[]", *["%s::bigint[]"] * len(columns)])
            cursor.execute(
                f"UPDATE {table} SET {changes} FROM unnest({arrays}) AS given ({names})"  # noqa: S608  # our own names
                f' WHERE {table}."{key}" = given."{key}"{condition}',
                [as_array(column) for column in zip(*rows, strict=True)],
            )
        else:
            changes = ", ".join(f'"{name}" = "{name}" + %s' for name in columns)
            cursor.executemany(
                f'UPDATE {table} SET {changes} WHERE "{key}" = %s{condition}',  # noqa: S608  # our own names
                [(*row[1:], row[0].hex) for row in rows],
            )
