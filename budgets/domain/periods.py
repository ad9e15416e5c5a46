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


_LENGTHS = {Period.HOUR: timedelta(hours=1), Period.DAY: timedelta(days=1), Period.WEEK: timedelta(days=7)}


def bounds(period: Period, at: datetime) -> tuple[datetime, datetime | None]:
    """Start and end of the period that holds `at`.

    A one-off starts then and never ends; a rolling period starts then and nothing counts in it yet.
    """
    if period in (Period.ONE_OFF, Period.ROLLING):
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


def leaves_at(starts_at: datetime, *, window_hours: int) -> datetime:
    """When a slice of a rolling window stops counting: as soon as all of it is older than the window.

    Until then the whole slice counts, so what counts is never less than what was truly spent
    within the window, and at most a sixtieth of a window more is counted.
    """
    return starts_at + timedelta(hours=window_hours, seconds=bucket_seconds(window_hours))


def window_start(starts_at: datetime, now: datetime, *, window_hours: int) -> datetime:
    """`starts_at` moved on by the whole windows that have passed since."""
    window = timedelta(hours=window_hours)
    return starts_at + max(0, (now - starts_at) // window) * window


def periods_missed(period: Period, ended_at: datetime, now: datetime) -> int:
    """How many whole calendar periods went by between the end of one and the start of that of `now`."""
    starts_at, _ = bounds(period, now)
    if period == Period.MONTH:
        return (starts_at.year - ended_at.year) * 12 + starts_at.month - ended_at.month
    return int((starts_at - ended_at) / _LENGTHS[period])
