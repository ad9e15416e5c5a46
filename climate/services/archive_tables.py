"""The tables whose old rows go to the archive, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import DateTimeField, Q

from climate.models import (
    CarbonForecast,
    CarbonReading,
    CarbonReadingMean,
    CarbonReadingRevision,
    ForecastScore,
    QuarantinedValue,
    RetentionPolicy,
)

UNSCORED_GRACE = timedelta(days=7)
Tier = CarbonReadingMean.Tier
SERIES = ("zone_id", "source", "kind", "scope")
SAID = ("period_minutes", "intensity_g_per_kwh", "renewable_share", "carbon_free_share", "flag", "received_at")
KEPT = (
    *("covered_minutes", "intensity_g_per_kwh", "lowest_g_per_kwh", "highest_g_per_kwh"),
    *("renewable_share", "carbon_free_share", "flag", "received_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedTable:
    """A table whose old rows leave: its columns in the file, its order, and which rows are due.

    `moment` is the column that says how old a row is, a time or a UTC day. `due` is a condition besides
    the age. `becomes` is the tier whose means its rows leave behind.
    """

    name: str
    model: Any
    columns: tuple[str, ...]
    order: tuple[str, ...]
    moment: str = "starts_at"
    stays: Callable[[RetentionPolicy], timedelta]
    due: Callable[[datetime], Q] = field(default=lambda _cutoff: Q())
    becomes: Tier | None = None

    def before(self, policy: RetentionPolicy, now: datetime) -> datetime:
        """The end of the last UTC day that is old enough."""
        return midnight((now - self.stays(policy)).astimezone(UTC).date())

    def rows(self, cutoff: datetime) -> Any:
        """What leaves."""
        return self.model.objects.filter(self.due(cutoff), **{f"{self.moment}__lt": self.age_of(cutoff)})

    def age_of(self, at: datetime) -> date:
        """A time as the column that says how old a row is has it."""
        is_day = not isinstance(self.model._meta.get_field(self.moment), DateTimeField)
        return at.astimezone(UTC).date() if is_day else at


def _scored_or_given_up(cutoff: datetime) -> Q:
    return Q(scored_at__isnull=False) | Q(starts_at__lt=cutoff - UNSCORED_GRACE)


MEAN_COLUMNS = (*SERIES, "tier", "starts_at", *KEPT)
TABLES = (
    ArchivedTable(
        name="readings",
        model=CarbonReading,
        columns=(*SERIES, "starts_at", *SAID, "revision"),
        order=(*SERIES, "starts_at"),
        stays=lambda policy: timedelta(days=policy.raw_days),
        becomes=Tier.HOUR,
    ),
    ArchivedTable(
        name="revisions",
        model=CarbonReadingRevision,
        columns=(*SERIES, "starts_at", *SAID, "revision", "replaced_at"),
        order=(*SERIES, "starts_at", "revision"),
        stays=lambda policy: timedelta(days=policy.raw_days),
    ),
    ArchivedTable(
        name="hourly_means",
        model=CarbonReadingMean,
        columns=MEAN_COLUMNS,
        order=(*SERIES, "starts_at"),
        stays=lambda policy: timedelta(days=policy.hourly_days),
        due=lambda _cutoff: Q(tier=Tier.HOUR),
        becomes=Tier.DAY,
    ),
    ArchivedTable(
        name="daily_means",
        model=CarbonReadingMean,
        columns=MEAN_COLUMNS,
        order=(*SERIES, "starts_at"),
        stays=lambda policy: timedelta(days=policy.daily_days),
        due=lambda _cutoff: Q(tier=Tier.DAY),
    ),
    ArchivedTable(
        name="forecasts",
        model=CarbonForecast,
        columns=(
            *(*SERIES, "issued_at", "starts_at", "period_minutes"),
            *("intensity_g_per_kwh", "low_g_per_kwh", "high_g_per_kwh", "flag", "scored_at"),
        ),
        order=(*SERIES, "issued_at", "starts_at"),
        stays=lambda policy: timedelta(days=policy.forecast_days),
        due=_scored_or_given_up,
    ),
    ArchivedTable(
        name="forecast_scores",
        model=ForecastScore,
        columns=(
            *(*SERIES, "lead", "day", "hours", "absolute_error_sum_g_per_kwh", "relative_error_sum"),
            *("banded_hours", "covered_hours"),
        ),
        order=(*SERIES, "lead"),
        moment="day",
        stays=lambda policy: timedelta(days=policy.raw_days),
    ),
    ArchivedTable(
        name="quarantined_values",
        model=QuarantinedValue,
        columns=(
            *("fingerprint", "source", "what", "zone_code", "kind", "scope", "starts_at", "value", "reason"),
            *("first_seen_at", "last_seen_at", "times_seen"),
        ),
        order=("source", "fingerprint"),
        moment="last_seen_at",
        stays=lambda policy: timedelta(days=policy.quarantine_days),
    ),
)


def midnight(day: date) -> datetime:
    """The beginning of a UTC day."""
    return datetime.combine(day, time(), tzinfo=UTC)
