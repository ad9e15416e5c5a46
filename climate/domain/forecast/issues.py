"""Which issues of a forecast are kept, and how far ahead of its hour an issue was.

The newest issue of a series is the one in use. To tell later how wrong a source was a day ahead,
the first issue of every six hours stays as well; every other one goes where a newer one covers
the same hours.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil

SLOT_HOURS = 6
HOUR = timedelta(hours=1)
LEADS = ("1", "2-24", "25-48", "49-96")
_LAST_HOUR_OF_LEAD = ((1, "1"), (24, "2-24"), (48, "25-48"), (96, "49-96"))


def slot_of(issued_at: datetime) -> datetime:
    """The beginning of the six hours (from 00, 06, 12 or 18 UTC) that hold an issue."""
    at = issued_at.astimezone(UTC)
    return at.replace(hour=at.hour - at.hour % SLOT_HOURS, minute=0, second=0, microsecond=0)


def first_of_slots(issues: Iterable[datetime]) -> set[datetime]:
    """Of these issues the first of every slot."""
    first: dict[datetime, datetime] = {}
    for issued_at in issues:
        slot = slot_of(issued_at)
        first[slot] = min(issued_at, first.get(slot, issued_at))
    return set(first.values())


def lead_of(*, issued_at: datetime, starts_at: datetime) -> str | None:
    """The class of the whole hours between issue and hour, begun ones counted; None beyond 96 hours.

    An hour that had already begun belongs to the first class.
    """
    hours = max(1, ceil((starts_at - issued_at) / HOUR))
    return next((lead for last, lead in _LAST_HOUR_OF_LEAD if hours <= last), None)
