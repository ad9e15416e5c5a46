"""Rolling windows: spending counts until the slice of time it belongs to is older than the window."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Min, Sum

from budgets.domain.periods import bucket_seconds, leaves_at, window_start
from budgets.models import Budget, LedgerEntry, SpendBucket
from budgets.services.buckets import add_spent
from budgets.services.ledger import entry


def roll(row: Budget, *, now: datetime) -> None:
    """Take out of a locked rolling budget what no longer counts, and pay what was overdrawn from the room.

    What is paid counts from now on. The start of its period moves by whole windows, so that each
    threshold can be passed again, at most once in a window.
    """
    window_hours = row.window_hours or 0  # a rolling budget has one: the database says so
    counted, oldest = counted_spending(row, now=now)
    paid = min(row.overdraft, row.limit - row.reserved - counted)
    Budget.objects.filter(pk=row.pk).update(
        spent=counted + paid,
        overdraft=row.overdraft - paid,
        period_starts_at=window_start(row.period_starts_at, now, window_hours=window_hours),
        period_ends_at=oldest and leaves_at(oldest, window_hours=window_hours),
    )
    add_spent([(row, paid)], now=now)
    if counted + paid != row.spent or paid:
        entry(
            row.pk,
            LedgerEntry.Kind.PERIOD,
            now=now,
            actor="calendar",
            reason=f"what is older than {window_hours} hours stops counting",
            spent_delta=counted + paid - row.spent,
            overdraft_delta=-paid,
        ).save()


def counted_spending(row: Budget, *, now: datetime, window_hours: int | None = None) -> tuple[int, datetime | None]:
    """Steps that count in a rolling window, and the start of the oldest slice among them."""
    hours = window_hours or row.window_hours or 0
    left_before = now - timedelta(hours=hours, seconds=bucket_seconds(hours))
    slices = SpendBucket.objects.filter(budget=row, starts_at__gt=left_before, spent__gt=0)
    found = slices.aggregate(total=Sum("spent"), oldest=Min("starts_at"))
    return int(found["total"] or 0), found["oldest"]
