"""Storing a change of an emergency with its reason, and telling of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from climate.events import EmergencyChanged
from climate.models import Emergency
from config.kernel.events import publish

LONGEST_HISTORY_REASON = 100  # the column of django-simple-history


def save_emergency(emergency: Emergency, *, why: str, now: datetime) -> None:
    """Save, keep `why` in the history and tell the apps above once it is committed."""
    # Both are read by simple-history.
    emergency._change_reason = why[:LONGEST_HISTORY_REASON]  # type: ignore[attr-defined]
    emergency._history_date = now  # type: ignore[attr-defined]
    emergency.save()
    tell_emergency_changed(emergency_id=emergency.pk, now=now)


def tell_emergency_changed(*, emergency_id: int, now: datetime) -> None:
    """Let the apps above know, once the change has been committed."""
    publish(EmergencyChanged(emergency_id=emergency_id, at=now))


def just_after(starts_at: datetime, now: datetime) -> datetime:
    """`now` as an end: an emergency that ends in the moment it began still has an end after its start."""
    return max(now, starts_at + timedelta(microseconds=1))
