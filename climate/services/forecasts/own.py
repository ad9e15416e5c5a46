"""Commonwatt's own forecasts of all zones that are measured: made every hour, their weights every day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import numpy as np
from django.db import transaction
from django.db.models import F, Max, OuterRef, Subquery, Window
from django.db.models.functions import RowNumber

from climate.domain.collected import CollectedForecast
from climate.domain.forecast import REACH_HOURS, Forecast, Trace, ZoneFit, forecast_zone, is_long_enough, replay
from climate.domain.forecast.features import FEATURES, MONTH_DAYS, PROFILE_DAYS
from climate.domain.ladder import HOUR
from climate.domain.made_from import made_from_flag
from climate.domain.preference import rank
from climate.domain.signal import OWN_FORECAST_SOURCE, Kind, Scope
from climate.events import ReadingsCollected
from climate.models import CarbonForecast, ForecastWeights, GridZone
from climate.selectors.measured import Series, list_last_hours, list_traces
from climate.services.forecasts.keep import keep_forecasts
from climate.services.forecasts.prior import load_prior
from config.kernel.events import publish

HISTORY_DAYS = MONTH_DAYS + PROFILE_DAYS + 1
"""What a forecast looks back on."""
FIT_DAYS = 90
"""What weights are fitted on: older errors would hardly count."""
FIT_EVERY = timedelta(hours=23)
MOST_FITS = 60
"""In one run, oldest first, so that no run takes long; the next hour brings the next ones."""
KEPT_FITS = 30
ZONES_AT_ONCE = 20
"""Whose history is in memory together."""
DECIMALS = 2


def make_own_forecasts(*, now: datetime) -> int:
    """Forecast every zone of which a new hour was measured, to 96 hours ahead. Returns how many zones that were.

    A zone needs 48 measured hours in four weeks, and one that ended within the last two hours, of one source.
    """
    last_hours = list_last_hours(now=now)
    reached = _reached(now)
    due = sorted(
        {each.zone for each, last in last_hours.items() if reached.get(each.zone) != last + REACH_HOURS * HOUR}
    )
    made: list[str] = []
    for zones in _batches(due):
        traces = _preferred(list_traces(zones, last_hours=last_hours, days=HISTORY_DAYS, now=now))
        fits = _newest_fits(zones)
        forecasts = {
            series.zone: list(
                _hours(series, trace, forecast_zone(trace, prior=load_prior(), fit=fits.get(series.zone)))
            )
            for series, trace in traces.items()
        }
        made += _keep(forecasts, now)
    if made:
        publish(ReadingsCollected(source=OWN_FORECAST_SOURCE, zones=tuple(made), at=now))
    return len(made)


@transaction.atomic
def _keep(forecasts: Mapping[str, list[CollectedForecast]], now: datetime) -> list[str]:
    """Store what nobody else has stored since it was found due. Returns the zones."""
    # Two runs at once wait here for each other: in one order, so never in a circle.
    list(GridZone.objects.select_for_update(no_key=True).filter(pk__in=forecasts).order_by("pk").values_list("pk"))
    reached = _reached(now)
    new = {zone: hours for zone, hours in forecasts.items() if reached.get(zone) != hours[-1].starts_at}
    keep_forecasts(source=OWN_FORECAST_SOURCE, forecasts=[each for hours in new.values() for each in hours], now=now)
    return list(new)


def fit_own_forecasts(*, now: datetime) -> int:
    """Fit the weights of measured zones that were not fitted for a day. Returns how many zones that were."""
    last_hours = list_last_hours(now=now)
    fitted = dict(ForecastWeights.objects.values_list("zone_id").annotate(Max("fitted_at")).order_by())
    never = now - timedelta(days=36_500)
    zones = sorted({each.zone for each in last_hours}, key=lambda zone: (fitted.get(zone, never), zone))
    due = [zone for zone in zones if fitted.get(zone, never) <= now - FIT_EVERY][:MOST_FITS]
    done = 0
    for batch in _batches(due):
        traces = _preferred(list_traces(batch, last_hours=last_hours, days=FIT_DAYS, now=now))
        rows = [_fitted(series, trace, now) for series, trace in traces.items()]
        with transaction.atomic():
            ForecastWeights.objects.bulk_create(rows, ignore_conflicts=True)
            _forget_old_fits(batch)
        done += len(rows)
    return done


def _reached(now: datetime) -> dict[str, datetime]:
    """The last hour of each zone's newest own forecast."""
    far = CarbonForecast.objects.filter(
        source=OWN_FORECAST_SOURCE, superseded_at=None, starts_at__gt=now + (REACH_HOURS - 10) * HOUR
    )
    return dict(far.values_list("zone_id").annotate(Max("starts_at")).order_by())


def _preferred(traces: Mapping[Series, Trace]) -> dict[Series, Trace]:
    """Of each zone the trace of the most preferred source that is long enough to forecast from."""
    chosen: dict[str, Series] = {}
    for series in sorted(traces, key=lambda each: rank(each.source)):
        if is_long_enough(traces[series], len(traces[series].values)):
            chosen.setdefault(series.zone, series)
    return {series: traces[series] for series in chosen.values()}


def _hours(series: Series, trace: Trace, forecast: Forecast) -> Iterator[CollectedForecast]:
    first = trace.first_hour + len(trace.values) * HOUR
    bands = zip(forecast.low.tolist(), forecast.central.tolist(), forecast.high.tolist(), strict=True)
    for step, (low, central, high) in enumerate(bands):
        yield CollectedForecast(
            zone=series.zone,
            starts_at=first + step * HOUR,
            period_minutes=60,
            intensity_g_per_kwh=round(central, DECIMALS),
            low_g_per_kwh=round(low, DECIMALS),
            high_g_per_kwh=round(high, DECIMALS),
            kind=Kind.AVERAGE,
            scope=Scope.LIFECYCLE,
            flag=made_from_flag(series.source),
        )


def _newest_fits(zones: Sequence[str]) -> dict[str, ZoneFit]:
    """Weights by zone; those of another method are passed over."""
    newest = ForecastWeights.objects.filter(zone=OuterRef("zone")).order_by("-fitted_at").values("pk")[:1]
    rows = ForecastWeights.objects.filter(zone_id__in=zones, pk=Subquery(newest)).values_list("zone_id", "weights")
    return {zone: ZoneFit.of(numbers) for zone, numbers in rows if tuple(numbers["features"]) == FEATURES}


def _fitted(series: Series, trace: Trace, now: datetime) -> ForecastWeights:
    known = np.flatnonzero(~np.isnan(trace.values))
    return ForecastWeights(
        zone_id=series.zone,
        fitted_at=now,
        source=series.source,
        first_hour_at=trace.first_hour + int(known[0]) * HOUR,
        last_hour_at=trace.first_hour + int(known[-1]) * HOUR,
        hours=len(known),
        weights=replay(trace, prior=load_prior()).fit.numbers() | {"features": list(FEATURES)},
    )


def _forget_old_fits(zones: Sequence[str]) -> None:
    number = Window(RowNumber(), partition_by=F("zone_id"), order_by=F("fitted_at").desc())
    old = ForecastWeights.objects.filter(zone_id__in=zones).annotate(number=number).filter(number__gt=KEPT_FITS)
    ForecastWeights.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def _batches(zones: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(zones)
    while batch := list(islice(rest, ZONES_AT_ONCE)):
        yield batch
