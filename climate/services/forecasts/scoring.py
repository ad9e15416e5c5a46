"""Scoring what was forecast, hour by hour, once it was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from climate.domain.forecast.issues import lead_of
from climate.domain.ladder import HOUR
from climate.domain.made_from import made_from_source
from climate.domain.observations import Reading
from climate.domain.scores import LAST_CHANCE, HourScore, measured_in, score
from climate.models import CarbonForecast, CarbonReading, ForecastScore, GridZone

LOOKS_BACK = LAST_CHANCE + timedelta(days=1)
SUMS = ("hours", "absolute_error_sum_g_per_kwh", "relative_error_sum", "banded_hours", "covered_hours")


class _Key(NamedTuple):
    """One row of scores."""

    zone_id: str
    source: str
    kind: str
    scope: str
    lead: str
    day: date


class _Series(NamedTuple):
    zone_id: str
    kind: str
    scope: str


@dataclass(slots=True)
class _Sums:
    hours: int = 0
    absolute_error_sum_g_per_kwh: float = 0.0
    relative_error_sum: float = 0.0
    banded_hours: int = 0
    covered_hours: int = 0

    def add(self, hour: HourScore) -> None:
        self.hours += 1
        self.absolute_error_sum_g_per_kwh += hour.absolute_error_g_per_kwh
        self.relative_error_sum += hour.relative_error
        self.banded_hours += hour.is_covered is not None
        self.covered_hours += bool(hour.is_covered)


@dataclass(slots=True)
class _Outcome:
    """Of the forecasts of one period."""

    done: list[int] = field(default_factory=list)
    sums: dict[_Key, _Sums] = field(default_factory=lambda: defaultdict(_Sums))


def score_forecasts(*, now: datetime) -> int:
    """Score every kept forecast whose period was measured; returns how many forecasts that were.

    An own forecast is held against the source that it was made from, another one against the preferred source.
    Each is scored exactly once, however many do this at the same time. One whose period was not
    measured within a week is marked as done and scored nowhere.
    """
    waiting = CarbonForecast.objects.filter(scored_at=None, starts_at__lt=now, starts_at__gte=now - LOOKS_BACK)
    measured = _measured(waiting, now)
    waiting.filter(starts_at__lte=now - LAST_CHANCE).exclude(measured).update(scored_at=now)
    periods = waiting.filter(measured).order_by("starts_at").values_list("starts_at", flat=True).distinct()
    return sum(_score_period(starts_at, measured, now) for starts_at in periods)


def _measured(waiting: QuerySet[CarbonForecast], now: datetime) -> Q:
    """Which forecasts are of series that have any reading at all in the time looked back on.

    The others need not be looked at every hour of a week: some are forecast and never measured.
    """
    zones_of: dict[tuple[str, str], list[str]] = defaultdict(list)
    for zone, kind, scope in waiting.order_by().values_list("zone_id", "kind", "scope").distinct():
        zones_of[kind, scope].append(zone)
    found = Q(pk__in=())
    for (kind, scope), zones in zones_of.items():
        readings = CarbonReading.objects.filter(
            zone=OuterRef("pk"), kind=kind, scope=scope, starts_at__gte=now - LOOKS_BACK - HOUR
        )
        known = GridZone.objects.filter(Exists(readings), pk__in=zones).values_list("pk", flat=True)
        found |= Q(kind=kind, scope=scope, zone_id__in=list(known))
    return found


@transaction.atomic
def _score_period(starts_at: datetime, measured: Q, now: datetime) -> int:
    rows = CarbonForecast.objects.filter(measured, scored_at=None, starts_at=starts_at).order_by("pk")
    locked = list(rows.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked))
    outcome = _outcome(locked, _readings(locked, starts_at, now), now)
    if not outcome.done:
        return 0
    CarbonForecast.objects.filter(pk__in=outcome.done).update(scored_at=now)
    _add(outcome.sums)
    return sum(each.hours for each in outcome.sums.values())


def _outcome(forecasts: Iterable[CarbonForecast], readings: dict[_Series, list[Reading]], now: datetime) -> _Outcome:
    outcome = _Outcome()
    measured: dict[tuple[_Series, int, str | None], float | None] = {}
    for each in forecasts:
        series = _Series(each.zone_id, each.kind, each.scope)
        if each.starts_at + each.period_minutes * HOUR / 60 > now:
            continue
        source = made_from_source(source=each.source, flag=each.flag)
        key = (series, each.period_minutes, source)
        if key not in measured:
            told = [one for one in readings.get(series, ()) if source in (None, one.source)]
            measured[key] = measured_in(told, starts_at=each.starts_at, period_minutes=each.period_minutes, now=now)
        value = measured[key]
        if value is None and now < each.starts_at + LAST_CHANCE:
            continue
        outcome.done.append(each.pk)
        if value is not None:
            _score(each, value, outcome)
    return outcome


def _score(forecast: CarbonForecast, measured_g_per_kwh: float, outcome: _Outcome) -> None:
    lead = lead_of(issued_at=forecast.issued_at, starts_at=forecast.starts_at)
    found = score(
        expected_g_per_kwh=forecast.intensity_g_per_kwh,
        low_g_per_kwh=forecast.low_g_per_kwh,
        high_g_per_kwh=forecast.high_g_per_kwh,
        measured_g_per_kwh=measured_g_per_kwh,
    )
    if found is not None and lead is not None:
        day = forecast.starts_at.astimezone(UTC).date()
        outcome.sums[_Key(forecast.zone_id, forecast.source, forecast.kind, forecast.scope, lead, day)].add(found)


def _readings(forecasts: Sequence[CarbonForecast], starts_at: datetime, now: datetime) -> dict[_Series, list[Reading]]:
    """What was measured around a period, by zone, kind and scope."""
    if not forecasts:
        return {}
    longest = max(each.period_minutes for each in forecasts) * HOUR / 60
    rows = CarbonReading.objects.filter(
        zone_id__in={each.zone_id for each in forecasts},
        kind__in={each.kind for each in forecasts},
        scope__in={each.scope for each in forecasts},
        starts_at__gt=starts_at - HOUR,
        starts_at__lt=starts_at + longest,
        received_at__lte=now,
    )
    found: dict[_Series, list[Reading]] = defaultdict(list)
    for row in rows:
        found[_Series(row.zone_id, row.kind, row.scope)].append(
            Reading(
                source=row.source,
                starts_at=row.starts_at,
                period_minutes=row.period_minutes,
                intensity_g_per_kwh=row.intensity_g_per_kwh,
                renewable_share=None,
                carbon_free_share=None,
                flag="",
                received_at=row.received_at,
            )
        )
    return found


def _add(sums: dict[_Key, _Sums]) -> None:
    """Add to the rows of scores, in one order, so that two who do this never wait for each other in a circle."""
    keys = sorted(sums)
    ForecastScore.objects.bulk_create(
        [ForecastScore(**key._asdict(), **dict.fromkeys(SUMS, 0)) for key in keys], ignore_conflicts=True
    )
    rows = ForecastScore.objects.filter(
        zone_id__in={key.zone_id for key in keys}, day__in={key.day for key in keys}
    ).order_by("pk")
    changed = []
    for row in rows.select_for_update():
        added = sums.get(_Key(row.zone_id, row.source, row.kind, row.scope, row.lead, row.day))
        if added is not None:
            for name in SUMS:
                setattr(row, name, getattr(row, name) + getattr(added, name))
            changed.append(row)
    ForecastScore.objects.bulk_update(changed, SUMS, batch_size=500)
