"""What a source is asked for: from when on, and which zone first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, zip_longest
from math import gcd

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

OVERLAP = timedelta(hours=6)
"""Asked for again each time: sources revise what they said lately. The figure is ours."""

REVISIONS_EVERY = timedelta(hours=6)
"""How often a source that revises for longer is asked as far back as it does: four times a day, from midnight UTC."""

GAPS_HOURLY_WITHIN = timedelta(hours=48)
"""A gap of this age is asked for every hour, an older one once a day: most of what did not come by then never does."""


def earliest_of(now: datetime, look_back: timedelta) -> datetime:
    """The first whole hour that a source still answers for."""
    return _begin(now - look_back, HOUR) + HOUR


def gaps_wanted_from(*, earliest: datetime, last: datetime | None, now: datetime) -> datetime | None:
    """From when on gaps are asked for; None: not this time. `last` is when the source last answered.

    The first asking of a day asks for all, that of an hour for the younger ones: a period that the source
    never had would otherwise make every asking a long one.
    """
    if last is None or _begin(last, DAY) != _begin(now, DAY):
        return earliest
    if _begin(last, HOUR) != _begin(now, HOUR):
        return max(earliest, _begin(now - GAPS_HOURLY_WITHIN, HOUR))
    return None


def revisions_wanted_from(*, last: datetime, now: datetime, revised_within: timedelta) -> datetime:
    """From when on a source may have revised what it said, since it was asked for that.

    Counted back from its last answer, not from now: sources revise during an outage too. The first asking of
    a quarter of a day goes as far back as the source revises; the one before it came after that quarter began.
    """
    is_first = _begin(last, REVISIONS_EVERY) != _begin(now, REVISIONS_EVERY)
    if is_first and revised_within > OVERLAP:
        return _begin(last, REVISIONS_EVERY) - revised_within
    return last - min(OVERLAP, revised_within)


def asking_order(zones: Sequence[str], had_at: Mapping[str, datetime], *, now: datetime) -> tuple[str, ...]:
    """The zones, those first of which nothing new came for longest: where the hour's requests do not reach for all,
    each asking goes on where the last one stopped.

    Every second place goes to zones of which nothing came lately (not in `had_at`), in turn, and then to those
    had last: zones that cannot be had never stand side by side in front of all others.
    """
    had = sorted((zone for zone in zones if zone in had_at), key=lambda zone: had_at[zone])
    others = in_turn([zone for zone in zones if zone not in had_at], now)
    pairs = zip_longest(had, (*others, *reversed(had)))
    return tuple(dict.fromkeys(zone for zone in chain.from_iterable(pairs) if zone is not None))


def in_turn(names: Sequence[str], now: datetime) -> tuple[str, ...]:
    """The names, beginning some further every quarter of an hour: none is always the last to be asked."""
    if not names:
        return ()
    step = next(step for step in (5, 7, 11, 1) if gcd(step, len(names)) == 1)
    first = int(now.timestamp()) // 900 * step % len(names)
    return (*names[first:], *names[:first])


def _begin(moment: datetime, length: timedelta) -> datetime:
    """Of the hour, quarter of a day or day of UTC that a moment lies in."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment - (moment - midnight) % length
