"""Periods that one source told more than once: every minute counts once, as it was told last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

MINUTE = timedelta(minutes=1)


class Told(NamedTuple):
    """A period, and when the source told it."""

    starts_at: datetime
    ends_at: datetime
    received_at: datetime


def counted_minutes(periods: Sequence[Told]) -> list[float]:
    """How many minutes of each period count, in the order given. Of one source.

    Where periods overlap, the one received last counts, and of those received together the shorter one.
    """
    minutes = [(each.ends_at - each.starts_at) / MINUTE for each in periods]
    for together in _overlapping(periods):
        taken: list[tuple[datetime, datetime]] = []
        for index in sorted(together, key=lambda each: (-periods[each].received_at.timestamp(), minutes[each])):
            free = _free(periods[index], taken)
            minutes[index] = sum((end - start) / MINUTE for start, end in free)
            taken += free
    return minutes


def _overlapping(periods: Sequence[Told]) -> Iterator[list[int]]:
    """Places of periods that overlap each other, each group apart."""
    group: list[int] = []
    group_ends_at = None
    for index in sorted(range(len(periods)), key=lambda each: periods[each].starts_at):
        period = periods[index]
        if group_ends_at is None or period.starts_at >= group_ends_at:
            if len(group) > 1:
                yield group
            group, group_ends_at = [index], period.ends_at
        else:
            group.append(index)
            group_ends_at = max(group_ends_at, period.ends_at)
    if len(group) > 1:
        yield group


def _free(period: Told, taken: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The parts of a period that are not taken."""
    free: list[tuple[datetime, datetime]] = []
    at = period.starts_at
    for start, end in sorted(taken):
        if start >= period.ends_at:
            break
        if start > at:
            free.append((at, start))
        at = max(at, end)
    if at < period.ends_at:
        free.append((at, period.ends_at))
    return free
