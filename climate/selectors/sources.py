"""How each provider of data does."""

from __future__ import annotations

from datetime import datetime

from climate.domain.signal import DEFAULT_MAXIMUM_AGE_MINUTES
from climate.domain.sources import FAILURES_BEFORE_SLOWING, SourceState, next_due_at
from climate.models import DataSource


def list_sources(*, now: datetime) -> list[SourceState]:
    """Every data source, by name. One query."""
    return [_state(source, now) for source in DataSource.objects.all()]


def list_due_sources(*, now: datetime) -> list[str]:
    """Names of the sources that are switched on and due to be asked."""
    states = list_sources(now=now)
    return [each.name for each in states if each.is_enabled and (each.next_due_at is None or each.next_due_at <= now)]


def _state(source: DataSource, now: datetime) -> SourceState:
    age_minutes = (now - source.last_success_at).total_seconds() / 60 if source.last_success_at else None
    is_stale = source.is_enabled and (age_minutes is None or age_minutes > DEFAULT_MAXIMUM_AGE_MINUTES)
    return SourceState(
        name=source.name,
        title=source.title,
        state=source.state,
        is_enabled=source.is_enabled,
        is_stale=is_stale,
        age_minutes=None if age_minutes is None else round(age_minutes, 1),
        interval_minutes=source.interval_minutes,
        last_attempt_at=source.last_attempt_at,
        last_success_at=source.last_success_at,
        latest_period_at=source.latest_period_at,
        next_due_at=next_due_at(
            last_attempt_at=source.last_attempt_at,
            interval_minutes=source.interval_minutes,
            consecutive_failures=source.consecutive_failures,
        ),
        consecutive_failures=source.consecutive_failures,
        breaker="open" if source.consecutive_failures >= FAILURES_BEFORE_SLOWING else "closed",
        last_error=source.last_error,
    )
