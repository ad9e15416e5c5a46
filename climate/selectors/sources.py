"""How each provider of data does."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from climate.domain.providers import PROVIDERS
from climate.domain.signal import DEFAULT_MAXIMUM_AGE_MINUTES
from climate.domain.sources import (
    LEASE,
    LONGEST_NOT_BEFORE,
    QUOTA_WINDOW,
    SourceState,
    Standing,
    breaker,
    known,
    next_due_at,
    requests_in_hour,
)
from climate.models import DataSource

KEY_DIGEST_CHARACTERS = 16
HALF_A_SWEEP = timedelta(seconds=30)
"""Sources are looked over every minute, and an asking is noted just after: an interval of one would become two."""


def list_sources(*, now: datetime) -> list[SourceState]:
    """Every data source, by name. One query."""
    return [state_of(source, now=now) for source in DataSource.objects.all()]


def list_due_sources(*, now: datetime) -> list[str]:
    """Names of the sources that are switched on, have what they need, are not being asked and are due to be."""
    return [each.name for each in list_sources(now=now) if each.name in PROVIDERS and is_due(each, now=now)]


def is_due(state: SourceState, *, now: datetime) -> bool:
    """Whether the schedule asks this source now: half a sweep early rather than half a sweep late.

    Never early where the source itself asked us to wait.
    """
    early = timedelta(0) if state.not_before else HALF_A_SWEEP
    is_time = state.next_due_at is None or state.next_due_at <= now + early
    return state.is_asked and not state.is_running and is_time


def find_source(name: str, *, now: datetime) -> SourceState | None:
    """One source of a provider that there is."""
    source = DataSource.objects.filter(pk=name).first()
    return state_of(source, now=now) if source and name in PROVIDERS else None


def missing_settings(name: str) -> tuple[str, ...]:
    """Environment variables without which the source cannot be asked, and which are not set."""
    given = settings.CLIMATE_SOURCES.get(name)
    needs = PROVIDERS[name].needs if name in PROVIDERS else ()
    return tuple(each for each in needs if given is None or not given.secrets.get(each))


def key_digest_of(name: str) -> str:
    """What tells one key of a source from another without being of use to anybody."""
    secrets = sorted(settings.CLIMATE_SOURCES[name].secrets.items())
    return salted_hmac("climate.source-key", repr(secrets), algorithm="sha256").hexdigest()[:KEY_DIGEST_CHARACTERS]


def standing_of(source: DataSource, *, now: datetime) -> Standing:
    """What the last askings with the present key decide about the next one.

    A new key starts afresh. So does a source that a person resumed, but for the pause it asked for.
    """
    asked_to_wait = known(source.not_before, now=now, ahead=LONGEST_NOT_BEFORE)
    if source.key_digest == key_digest_of(source.name):
        return Standing(
            interval_minutes=source.interval_minutes,
            last_attempt_at=known(source.last_attempt_at, now=now),
            consecutive_failures=source.consecutive_failures,
            is_refused=source.state == DataSource.State.REFUSED,
            not_before=asked_to_wait,
        )
    not_before = None if source.key_digest else asked_to_wait
    return Standing(interval_minutes=source.interval_minutes, not_before=not_before)


def state_of(source: DataSource, *, now: datetime) -> SourceState:
    """The row with what its provider and the deployment's settings say of it. No query."""
    provider = PROVIDERS.get(source.name)
    standing = standing_of(source, now=now) if provider else Standing(interval_minutes=source.interval_minutes)
    needs = missing_settings(source.name)
    is_asked = source.is_enabled and not needs and provider is not None
    answered_at = known(source.last_success_at, now=now)
    not_before = known(source.not_before, now=now, ahead=LONGEST_NOT_BEFORE)
    leased_until = known(source.leased_until, now=now, ahead=LEASE)
    age_minutes = max(0.0, (now - answered_at).total_seconds() / 60) if answered_at else None
    return SourceState(
        name=source.name,
        title=source.title,
        home=provider.home if provider else "",
        licence=provider.licence if provider else "",
        state="unconfigured" if needs else source.state,
        is_enabled=source.is_enabled,
        is_stale=is_asked and (age_minutes is None or age_minutes > DEFAULT_MAXIMUM_AGE_MINUTES),
        is_running=leased_until is not None and leased_until > now,
        age_minutes=None if age_minutes is None else round(age_minutes, 1),
        interval_minutes=source.interval_minutes,
        last_attempt_at=known(source.last_attempt_at, now=now),
        last_success_at=answered_at,
        latest_period_at=known(source.latest_period_at, now=now),
        next_due_at=next_due_at(standing) if is_asked else None,
        not_before=not_before if not_before and not_before > now else None,
        consecutive_failures=source.consecutive_failures,
        breaker=breaker(standing, now=now),
        requests_in_hour=requests_in_hour(made=source.requests_in_hour, hour_at=source.request_hour_at, now=now),
        requests_per_hour=provider.requests_per_hour if provider else 0,
        needs=needs,
        last_error=_needed(needs) or source.last_error,
        limit_ends_at=_limit_ends_at(source, per_hour=provider.requests_per_hour if provider else 0, now=now),
    )


def _limit_ends_at(source: DataSource, *, per_hour: int, now: datetime) -> datetime | None:
    """When the hour is over whose requests are used up; None if some are left, or if none of them was answered."""
    began_at, answered_at = known(source.request_hour_at, now=now), known(source.last_success_at, now=now)
    if began_at is None or answered_at is None or answered_at < began_at or source.requests_in_hour < per_hour:
        return None
    return began_at + QUOTA_WINDOW


def _needed(needs: tuple[str, ...]) -> str:
    return f"not asked: {' and '.join(needs)} must be set" if needs else ""
