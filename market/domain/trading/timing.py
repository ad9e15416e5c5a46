"""When calls close, and when their last minute begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def call_after(moment: datetime, *, call_minutes: int) -> datetime:
    """The first call that closes after a moment: calls close at whole multiples of their distance since 1970, UTC."""
    step = timedelta(minutes=call_minutes)
    return EPOCH + ((moment - EPOCH) // step + 1) * step


def lock_begins(closes_at: datetime, *, lock_seconds: int) -> datetime:
    """From this moment on orders of a call can only be improved, and new ones count for the call after it."""
    return closes_at - timedelta(seconds=lock_seconds)


def taken_until(closed_at: datetime, *, call_minutes: int, lock_seconds: int) -> datetime:
    """Up to when an order was placed that was in a call. One that was closed by hand between two had no lock."""
    is_scheduled = (closed_at - EPOCH) % timedelta(minutes=call_minutes) == timedelta()
    return lock_begins(closed_at, lock_seconds=lock_seconds) if is_scheduled else closed_at
