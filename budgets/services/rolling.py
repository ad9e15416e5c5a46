"""Rolling windows: spending counts until the slice of time it belongs to is older than the window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min, Sum

from budgets.domain.periods import bucket_seconds, leaves_at, window_start
from budgets.models import Budget, LedgerEntry, SpendBucket
from budgets.services.buckets import add_spent
from budgets.services.ledger import entry

Counted = tuple[int, datetime | None]
"""Steps that count in a window, and the start of the oldest slice among them."""
NOTHING: Counted = (0, None)


def roll_windows(rows: Sequence[Budget], *, now: datetime) -> None:
    """Take out of locked rolling budgets what no longer counts, and pay what was overdrawn from the room.

    What is paid counts from now on. The start of a period moves by whole windows, so that each
    threshold can be passed again, at most once in a window.
    """
    by_window: dict[int, list[Budget]] = defaultdict(list)
    for row in rows:
        by_window[row.window_hours or 0].append(row)  # a rolling budget has a window: the database says so
    for window_hours, members in by_window.items():
        counted = counted_spending([row.pk for row in members], window_hours=window_hours, now=now)
        _roll(members, window_hours, counted, now=now)


def counted_spending(budget_ids: Collection[UUID], *, window_hours: int, now: datetime) -> dict[UUID, Counted]:
    """What counts for each budget in a window of so many hours; those for which nothing does are left out."""
    left_before = now - timedelta(hours=window_hours, seconds=bucket_seconds(window_hours))
    slices = SpendBucket.objects.filter(budget__in=budget_ids, starts_at__gt=left_before, spent__gt=0)
    sums = slices.order_by().values_list("budget").annotate(Sum("spent"), Min("starts_at"))
    return {budget_id: (int(total), oldest) for budget_id, total, oldest in sums}


def _roll(rows: Sequence[Budget], window_hours: int, counted: dict[UUID, Counted], *, now: datetime) -> None:
    entries, payments = [], []
    groups: dict[tuple[tuple[str, Any], ...], list[UUID]] = defaultdict(list)
    for row in rows:
        still, oldest = counted.get(row.pk, NOTHING)
        paid = min(row.overdraft, row.limit - row.reserved - still)
        columns = {
            "spent": still + paid,
            "overdraft": row.overdraft - paid,
            "period_starts_at": window_start(row.period_starts_at, now, window_hours=window_hours),
            "period_ends_at": oldest and leaves_at(oldest, window_hours=window_hours),
        }
        groups[tuple(columns.items())].append(row.pk)
        payments.append((row, paid))
        entries.append(_entry(row, spent=still + paid, paid=paid, now=now))
    for changes, budget_ids in groups.items():
        Budget.objects.filter(pk__in=budget_ids).update(**dict(changes))
    LedgerEntry.objects.bulk_create(each for each in entries if each.spent_delta or each.overdraft_delta)
    add_spent(payments, now=now)


def _entry(row: Budget, *, spent: int, paid: int, now: datetime) -> LedgerEntry:
    return entry(
        row.pk,
        LedgerEntry.Kind.PERIOD,
        now=now,
        actor="calendar",
        reason=f"what is older than {row.window_hours} hours stops counting",
        spent_delta=spent - row.spent,
        overdraft_delta=-paid,
    )
