"""Whether the sources of intensities are all down, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from climate.domain.providers import brings_intensity
from climate.domain.sources import SourceState

LONGEST_RUN = timedelta(minutes=5)
"""How long an answer may be under way after it was due, before a source counts as down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Every source of intensities that is asked is down. `since` the last good answer of any; None: there was none."""

    since: datetime | None
    sources: int


def find_outage(states: Iterable[SourceState], *, now: datetime) -> Outage | None:
    """The outage at `now`, or None while any source of intensities answers on its interval.

    With nothing to ask (all switched off or without their keys) that is an outage too, of no source.
    """
    asked = [each for each in states if brings_intensity(each.name) and each.is_asked]
    if any(not is_down(each, now=now) for each in asked):
        return None
    answers = [each.last_success_at for each in asked if each.last_success_at is not None]
    return Outage(since=max(answers, default=None), sources=len(asked))


def is_down(source: SourceState, *, now: datetime) -> bool:
    """Whether its last asking failed, or its next answer is overdue: nobody may be asking any more.

    No answer is due while the source has answered all that we may ask in an hour.
    """
    if source.state in ("failing", "refused") or source.last_success_at is None:
        return True
    interval = timedelta(minutes=source.interval_minutes)
    due_at = source.last_success_at + interval
    if source.limit_ends_at is not None:
        due_at = max(due_at, source.limit_ends_at)
    return now - due_at > min(interval, LONGEST_RUN)
