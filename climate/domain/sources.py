"""How a provider of climate data does, and when it is asked next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FAILURES_BEFORE_OPEN = 3
LONGEST_PAUSE_MINUTES = 60
REFUSED_PAUSE = timedelta(hours=24)
QUOTA_WINDOW = timedelta(hours=1)
LEASE = timedelta(minutes=10)
"""Longer than an asking may take (`Limits.asking_seconds`), so that only a dead run loses it."""
LONGEST_NOT_BEFORE = timedelta(hours=24)
"""A source that asks us to wait longer is asked again after this."""
CLOCKS_DIFFER_BY = timedelta(minutes=5)


class Breaker(StrEnum):
    """CLOSED: asked on its interval. OPEN: left alone. HALF_OPEN: the pause is over, one trial decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A data source now. Ages in minutes since its last good answer; None: it never gave one.

    `state` is never, ok, failing, refused or unconfigured: then `needs` are the settings that are missing.
    `is_stale`: asked, yet its last good answer is older than an hour's reading may be.
    `requests_in_hour` of at most `requests_per_hour`. `not_before`: the source asked us to wait until then.
    `limit_ends_at`: when the hour ends, or ended, whose requests were used up though the source answered.
    """

    name: str
    title: str
    home: str
    licence: str
    state: str
    is_enabled: bool
    is_stale: bool
    is_running: bool
    age_minutes: float | None
    interval_minutes: int
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    latest_period_at: datetime | None
    next_due_at: datetime | None
    not_before: datetime | None
    consecutive_failures: int
    breaker: str
    requests_in_hour: int
    requests_per_hour: int
    needs: tuple[str, ...]
    last_error: str
    limit_ends_at: datetime | None = None

    @property
    def is_asked(self) -> bool:
        """Switched on, and with all that it needs."""
        return self.is_enabled and not self.needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is stored of the last askings with a key, as far as it decides about the next one."""

    interval_minutes: int
    last_attempt_at: datetime | None = None
    consecutive_failures: int = 0
    is_refused: bool = False
    not_before: datetime | None = None


def known(moment: datetime | None, *, now: datetime, ahead: timedelta = timedelta(0)) -> datetime | None:
    """The time as it was noted; None if it lies further `ahead` than it can: then the clock was wrong that noted it."""
    return moment if moment is not None and moment <= now + ahead + CLOCKS_DIFFER_BY else None


def pause_after(standing: Standing) -> timedelta:
    """Between the last asking and the next: the interval, doubled from the third failure on, at most an hour.

    A day for a source that does not let us in.
    """
    if standing.is_refused:
        return REFUSED_PAUSE
    slowed = max(0, standing.consecutive_failures - FAILURES_BEFORE_OPEN + 1)
    doubled: int = standing.interval_minutes * 2 ** min(slowed, 10)
    return timedelta(minutes=min(doubled, max(LONGEST_PAUSE_MINUTES, standing.interval_minutes)))


def next_due_at(standing: Standing) -> datetime | None:
    """When the source is to be asked again; None: at once."""
    times = [standing.not_before] if standing.not_before else []
    if standing.last_attempt_at is not None:
        times.append(standing.last_attempt_at + pause_after(standing))
    return max(times, default=None)


def breaker(standing: Standing, *, now: datetime) -> Breaker:
    """Whether the source is being left alone."""
    if standing.consecutive_failures < FAILURES_BEFORE_OPEN and not standing.is_refused:
        return Breaker.CLOSED
    due = next_due_at(standing)
    return Breaker.OPEN if due is not None and due > now else Breaker.HALF_OPEN


def requests_left(*, per_hour: int, made: int, hour_at: datetime | None, now: datetime) -> int:
    """How many requests may still be made in the running hour, which begins with its first request."""
    return max(0, per_hour - requests_in_hour(made=made, hour_at=hour_at, now=now))


def requests_in_hour(*, made: int, hour_at: datetime | None, now: datetime) -> int:
    """Requests of the running hour."""
    began_at = known(hour_at, now=now)
    return made if began_at is not None and now - began_at < QUOTA_WINDOW else 0
