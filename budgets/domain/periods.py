"""The calendar of budgets, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Period(StrEnum):
    """How long a limit lasts before it is whole again. The names are part of the API."""

    ONE_OFF = "one_off"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ROLLING = "rolling"


def bounds(period: Period, at: datetime) -> tuple[datetime, datetime | None]:
    """Start and end of the period that holds `at`; a one-off starts then and never ends."""
    if period == Period.ONE_OFF:
        return at, None
    hour = at.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    if period == Period.HOUR:
        return hour, hour + timedelta(hours=1)
    if period == Period.DAY:
        return day, day + timedelta(days=1)
    if period == Period.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def bucket_seconds(window_hours: int | None) -> int:
    """Length of a slice of spending: an hour, or a sixtieth of a rolling window."""
    return window_hours * 60 if window_hours else 3600


def bucket_of(at: datetime, *, window_hours: int | None) -> datetime:
    """Start of the slice in which spending at `at` is counted. Slices are counted from 1970, in UTC."""
    seconds = bucket_seconds(window_hours)
    since = int(at.timestamp())
    return datetime.fromtimestamp(since - since % seconds, tz=UTC)
