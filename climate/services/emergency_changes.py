"""Storing a change of an emergency with its reason, and telling of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from climate.events import EmergencyChanged
from climate.models import Emergency
from config.kernel.events import publish

ROWS_AT_ONCE = 500
LONGEST_HISTORY_REASON = 100  # the column of django-simple-history


def save_emergency(emergency: Emergency, *, why: str, now: datetime, fields: Collection[str] | None = None) -> None:
    """Save (only `fields`, if named), keep `why` in the history and tell the apps above once it is committed."""
    note_change(emergency, why=why, now=now)
    emergency.save(update_fields=fields)
    publish(EmergencyChanged(emergency_id=emergency.pk, at=now))


def note_change(emergency: Emergency, *, why: str, now: datetime) -> None:
    """Give the next saving its reason and time for the history. simple-history reads both."""
    emergency._change_reason = why[:LONGEST_HISTORY_REASON]  # type: ignore[attr-defined]
    emergency._history_date = now  # type: ignore[attr-defined]


def save_emergencies(emergencies: Sequence[Emergency], *, now: datetime) -> None:
    """Save many whose change was noted, and tell of each. Two queries for every 500 new ones and as many for others."""
    known, new = [[each for each in emergencies if each._state.adding is adding] for adding in (False, True)]
    columns = [each.name for each in Emergency._meta.concrete_fields if not each.primary_key]
    # Known ones are written over by their key.
    Emergency.objects.bulk_create(
        known, update_conflicts=True, unique_fields=["id"], update_fields=columns, batch_size=ROWS_AT_ONCE
    )
    Emergency.objects.bulk_create(new, batch_size=ROWS_AT_ONCE)
    for rows, is_update in ((known, True), (new, False)):
        Emergency.history.bulk_history_create(rows, batch_size=ROWS_AT_ONCE, update=is_update)
    for each in emergencies:
        publish(EmergencyChanged(emergency_id=each.pk, at=now))


def just_after(starts_at: datetime, now: datetime) -> datetime:
    """`now` as an end: an emergency that ends in the moment it began still has an end after its start."""
    return max(now, starts_at + timedelta(microseconds=1))
