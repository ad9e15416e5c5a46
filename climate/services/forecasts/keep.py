"""Keeping what a source expects: the newest issue for use, one issue of every six hours for scoring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet

from climate.domain.collected import CollectedForecast
from climate.domain.forecast.issues import first_of_slots
from climate.models import CarbonForecast, GridZone

BATCH = 500


class Series(NamedTuple):
    """What a source forecasts as one curve."""

    zone: str
    kind: str
    scope: str


class Issue(NamedTuple):
    """One curve, said at one time."""

    series: Series
    issued_at: datetime
    hours: tuple[CollectedForecast, ...]

    @property
    def first(self) -> datetime:
        """Beginning of its first period."""
        return min(each.starts_at for each in self.hours)

    @property
    def last(self) -> datetime:
        """Beginning of its last period."""
        return max(each.starts_at for each in self.hours)


@transaction.atomic
def keep_forecasts(*, source: str, forecasts: Sequence[CollectedForecast], now: datetime) -> int:
    """Store what a source expects and return the number of rows written.

    Zones not known are left out, and so are periods that were over when it was said.
    The issue time is when the source said it: its own `issued_at` (never later than `now`), else
    `now`. A source that gives no issue time and repeats its newest issue value for value only
    confirms it: nothing is written and the older time stays, because that is since when it was
    said. An issue older than the newest one stored is ignored; one with the same time replaces
    its values. Where a newer issue covers the same hours older ones go, but for the first of every
    six hours, which stays to be scored.
    """
    known = set(GridZone.objects.values_list("pk", flat=True))
    issues = _issues([each for each in forecasts if each.zone in known], now)
    if not issues:
        return 0
    stored = _stored_issues(source, issues)
    newest = {series: max(issued) for series, issued in stored.items()}
    issues = [each for each in issues if each.issued_at >= newest.get(each.series, each.issued_at)]
    repeated = _repeated(source, issues, newest)
    issues = [each for each in issues if each.series not in repeated]
    _supersede(source, issues, stored, now)
    return _write(source, issues)


def _issues(forecasts: Sequence[CollectedForecast], now: datetime) -> list[Issue]:
    """One issue of every series: the newest that was brought."""
    curves: dict[Series, dict[datetime, list[CollectedForecast]]] = defaultdict(lambda: defaultdict(list))
    for each in forecasts:
        issued_at = min(each.issued_at or now, now)
        if each.starts_at + timedelta(minutes=each.period_minutes) <= issued_at:
            continue  # What was over when it was said was not foreseen, and must not push out what was.
        curves[Series(each.zone, each.kind, each.scope)][issued_at].append(each)
    return [
        Issue(series, max(by_time), tuple({each.starts_at: each for each in by_time[max(by_time)]}.values()))
        for series, by_time in curves.items()
    ]


def _of(source: str, issues: Sequence[Issue]) -> QuerySet[CarbonForecast]:
    return CarbonForecast.objects.filter(source=source, zone_id__in={each.series.zone for each in issues})


def _stored_issues(source: str, issues: Sequence[Issue]) -> dict[Series, set[datetime]]:
    """When stored issues were said that reach into the hours of the new ones."""
    found: dict[Series, set[datetime]] = defaultdict(set)
    rows = _of(source, issues).filter(starts_at__gte=min(each.first for each in issues))
    for zone, kind, scope, issued_at in rows.values_list("zone_id", "kind", "scope", "issued_at").distinct():
        found[Series(zone, kind, scope)].add(issued_at)
    return found


def _repeated(source: str, issues: Sequence[Issue], newest: dict[Series, datetime]) -> set[Series]:
    """Series without an issue time of the source's own whose newest stored issue says all of it already."""
    candidates = [each for each in issues if each.series in newest and each.hours[0].issued_at is None]
    if not candidates:
        return set()
    said: dict[Series, dict[datetime, tuple[float | None, ...]]] = defaultdict(dict)
    rows = _of(source, candidates).filter(issued_at__in={newest[each.series] for each in candidates})
    for zone, kind, scope, issued_at, starts_at, *values in rows.values_list(
        "zone_id", "kind", "scope", "issued_at", "starts_at", "intensity_g_per_kwh", "low_g_per_kwh", "high_g_per_kwh"
    ):
        series = Series(zone, kind, scope)
        if newest.get(series) == issued_at:
            said[series][starts_at] = tuple(values)
    return {
        each.series
        for each in candidates
        if all(
            said[each.series].get(hour.starts_at) == (hour.intensity_g_per_kwh, hour.low_g_per_kwh, hour.high_g_per_kwh)
            for hour in each.hours
        )
    }


def _supersede(source: str, issues: Sequence[Issue], stored: dict[Series, set[datetime]], now: datetime) -> None:
    """Older issues of the same hours: the first of every six hours is marked, the others go."""
    # Most zones of a source share their times: one statement for all that do.
    zones_of: dict[tuple[str, str, frozenset[datetime], datetime, datetime, datetime], list[str]] = defaultdict(list)
    for issue in issues:
        older = stored.get(issue.series, set()) - {issue.issued_at}
        if older:
            going = frozenset(older - first_of_slots(older | {issue.issued_at}))
            _, kind, scope = issue.series
            zones_of[kind, scope, going, issue.issued_at, issue.first, issue.last].append(issue.series.zone)
    for (kind, scope, going, issued_at, first, last), zones in zones_of.items():
        same_hours = CarbonForecast.objects.filter(
            zone_id__in=zones, source=source, kind=kind, scope=scope, starts_at__gte=first, starts_at__lte=last
        )
        if going:
            same_hours.filter(issued_at__in=going).delete()
        same_hours.filter(issued_at__lt=issued_at, superseded_at=None).update(superseded_at=now)


def _write(source: str, issues: Sequence[Issue]) -> int:
    rows = [
        CarbonForecast(
            zone_id=issue.series.zone,
            source=source,
            kind=issue.series.kind,
            scope=issue.series.scope,
            issued_at=issue.issued_at,
            starts_at=hour.starts_at,
            period_minutes=hour.period_minutes,
            intensity_g_per_kwh=hour.intensity_g_per_kwh,
            low_g_per_kwh=hour.low_g_per_kwh,
            high_g_per_kwh=hour.high_g_per_kwh,
            flag=hour.flag,
        )
        for issue in issues
        for hour in issue.hours
    ]
    CarbonForecast.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["zone", "source", "kind", "scope", "issued_at", "starts_at"],
        update_fields=["period_minutes", "intensity_g_per_kwh", "low_g_per_kwh", "high_g_per_kwh", "flag"],
        batch_size=BATCH,
    )
    return len(rows)
