"""How a provider of climate data does, as a value that crosses a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES_BEFORE_SLOWING = 3
LONGEST_PAUSE_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A data source now. Ages in minutes since its last good answer; None: it never gave one.

    `is_stale`: switched on, yet its last good answer is older than an hour's reading may be.
    `breaker` is "open" while repeated failures make us ask less often, else "closed".
    """

    name: str
    title: str
    state: str
    is_enabled: bool
    is_stale: bool
    age_minutes: float | None
    interval_minutes: int
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    latest_period_at: datetime | None
    next_due_at: datetime | None
    consecutive_failures: int
    breaker: str
    last_error: str


def pause_minutes(*, interval_minutes: int, consecutive_failures: int) -> int:
    """Minutes between two askings: the interval, doubled for each failure past the third, at most an hour."""
    slowed = max(0, consecutive_failures - FAILURES_BEFORE_SLOWING + 1)
    doubled: int = interval_minutes * 2 ** min(slowed, 10)
    return min(doubled, max(LONGEST_PAUSE_MINUTES, interval_minutes))


def next_due_at(
    *, last_attempt_at: datetime | None, interval_minutes: int, consecutive_failures: int
) -> datetime | None:
    """When the source is to be asked again; None: at once, it never was."""
    if last_attempt_at is None:
        return None
    pause = pause_minutes(interval_minutes=interval_minutes, consecutive_failures=consecutive_failures)
    return last_attempt_at + timedelta(minutes=pause)
