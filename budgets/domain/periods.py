"""The calendar of budgets, in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class Period(StrEnum):
    """How long a limit lasts before it is whole again. The names are part of the API."""

    ONE_OFF = "one_off"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


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
