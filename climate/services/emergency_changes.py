"""Storing a change of an emergency with its reason, and telling of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from climate.events import EmergencyChanged
from climate.models import Emergency
from config.kernel.events import publish

LONGEST_HISTORY_REASON = 100  # the column of django-simple-history


def save_emergency(emergency: Emergency, *, why: str, now: datetime, fields: Collection[str] | None = None) -> None:
    """Save (only `fields`, if named), keep `why` in the history and tell the apps above once it is committed."""
    # Both are read by simple-history.
    emergency._change_reason = why[:LONGEST_HISTORY_REASON]  # type: ignore[attr-defined]
    emergency._history_date = now  # type: ignore[attr-defined]
    emergency.save(update_fields=fields)
    publish(EmergencyChanged(emergency_id=emergency.pk, at=now))


def just_after(starts_at: datetime, now: datetime) -> datetime:
    """`now` as an end: an emergency that ends in the moment it began still has an end after its start."""
    return max(now, starts_at + timedelta(microseconds=1))
