"""When a delivery is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_WAIT = timedelta(seconds=5)
GROWTH = 3
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=24)


def next_try(
    *, attempts: int, created_at: datetime, now: datetime, jitter: float, asked_seconds: float | None = None
) -> datetime | None:
    """When to try after `attempts` tries that failed; None once the time is over.

    Waits grow threefold from five seconds to four hours and are stretched or shortened by a quarter by `jitter`
    (0 to 1), so that many do not come back together. A receiver that asks for a longer wait gets it. The last try
    is at the end of the 24 hours.
    """
    ends_at = created_at + GIVE_UP_AFTER
    if now >= ends_at:
        return None
    grown = FIRST_WAIT * float(GROWTH ** min(attempts - 1, 20))
    wait = min(grown, LONGEST_WAIT) * (0.75 + jitter / 2)
    asked = timedelta(seconds=min(asked_seconds or 0.0, GIVE_UP_AFTER.total_seconds()))
    return min(now + max(wait, asked), ends_at)
