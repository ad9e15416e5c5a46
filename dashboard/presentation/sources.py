"""Data sources in plain words: how each does, when it is asked next, and why it is not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from climate.domain.providers import brings_intensity
from climate.domain.sources import SourceState
from dashboard.domain.figures import moment
from dashboard.presentation.notices import state_words

Row = dict[str, Any]

_BREAKERS = {
    "closed": "closed",
    "open": "open",
    "half_open": "half open",
}


def source_story(source: SourceState, *, now: datetime, may_change: bool, quarantined: int) -> Row:
    """Everything the page of sources says of one source."""
    word, tone = state_words(source, now=now)
    return {
        "key": source.name,
        "title": source.title,
        "brings": "carbon intensity" if brings_intensity(source.name) else "disaster alerts",
        "state": word,
        "tone": tone,
        "is_stale": source.is_stale and source.is_enabled and source.state == "ok",
        "last_success_at": source.last_success_at.isoformat() if source.last_success_at else "",
        "period": moment(source.latest_period_at) if source.latest_period_at else "none yet",
        "interval": f"every {source.interval_minutes} minutes",
        "next": next_words(source, now=now),
        "breaker": _breaker_words(source),
        "quota": f"{source.requests_in_hour:,} of {source.requests_per_hour:,} requests this hour",
        "why_not": why_not_asked(source, now=now),
        "problem": source.last_error if not source.needs else "",
        "is_problem": source.state in ("failing", "refused"),
        "is_set_up": not source.needs,
        "licence": source.licence,
        "home": source.home if source.home.startswith(("https://", "http://")) else "",
        "quarantined": f"{quarantined:,} {'value' if quarantined == 1 else 'values'}",
        "admin_url": reverse("admin:climate_datasource_change", args=[source.name]) if may_change else "",
    }


def next_words(source: SourceState, *, now: datetime) -> str:
    """When the source is asked next."""
    if not source.is_enabled or source.state == "unconfigured":
        return "not planned"
    if source.is_running:
        return "being asked now"
    if source.next_due_at is None or source.next_due_at <= now:
        return "due now"
    return moment(source.next_due_at)


def why_not_asked(source: SourceState, *, now: datetime) -> str:
    """Why the source is not asked, or only later; empty where it is asked as usual."""
    if not source.is_enabled:
        return "Paused by an administrator."
    if source.needs:
        return f"Not asked: needs {_listed(source.needs)} in the environment."
    if source.not_before is not None and source.not_before > now:
        return f"The source asked to wait until {moment(source.not_before)}."
    if source.state == "refused":
        return "The source does not let us in. A new key starts afresh."
    if source.breaker == "open":
        return "Left alone after repeated failures; one trial follows at the next run."
    return ""


def _breaker_words(source: SourceState) -> str:
    words = _BREAKERS.get(source.breaker, source.breaker)
    if not source.consecutive_failures:
        return words
    return f"{words}, {source.consecutive_failures} {'failure' if source.consecutive_failures == 1 else 'failures'}"


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
