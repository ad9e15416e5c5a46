"""Grid zones, what their sources said, and which sources speak of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from climate.domain.ladder import floor_hour
from climate.domain.signal import Basis, Kind, Scope, Signal
from climate.domain.zones import StoredReading, ZoneFacts, ZoneSource
from climate.models import CarbonForecast, CarbonReading, GridZone
from climate.selectors.readings import YOUNGEST_MEAN, Row, means_left
from climate.selectors.signals import list_signals
from config.kernel.errors import NotFound


def list_zones(*, now: datetime) -> list[ZoneFacts]:
    """Every grid zone with its intensity in this hour, by code. Four queries."""
    return _zones(None, now)


def get_zone(code: str, *, now: datetime) -> ZoneFacts:
    """One grid zone with its intensity in this hour. Raises NotFound."""
    found = _zones([code], now)
    if not found:
        raise NotFound(f"There is no grid zone {code!r}.")
    return found[0]


def list_zone_hours(zone: str, *, hours: Sequence[datetime], now: datetime) -> list[Signal]:
    """The best that is known of each hour, in the order of `hours`. Raises NotFound for an unknown zone."""
    signals = list_signals(zone_codes=[zone], hours=hours, now=now)
    if not signals:
        raise NotFound(f"There is no grid zone {zone!r}.")
    return [signals[zone, hour] for hour in hours]


def list_stored_readings(
    zone: str,
    *,
    since: datetime,
    until: datetime,
    kind: Kind = Kind.AVERAGE,
    scope: Scope | None = None,
    source: str | None = None,
    now: datetime,
) -> list[StoredReading]:
    """What sources reported of a zone from `since` (included) to `until`, as they say it now, oldest first.

    Where readings have gone to the archive, the means of their hours, and before that of their days.
    One kind only: kinds are never mixed. Nothing received after `now`; who asks bounds the time.
    Raises NotFound for an unknown zone.
    """
    which = {"zone_id": zone, "kind": kind, "starts_at__gte": since, "starts_at__lt": until, "received_at__lte": now}
    which |= {name: value for name, value in (("scope", scope), ("source", source)) if value is not None}
    columns = [name for name in StoredReading.__slots__ if name not in ("zone", "basis")]
    found = CarbonReading.objects.filter(**which).order_by("starts_at", "source", "scope").values(*columns)
    readings = [StoredReading(zone=zone, basis=Basis.LIVE, **row) for row in found]
    if since < now - YOUNGEST_MEAN:
        known = [(each.source, each.scope, each.starts_at) for each in readings]
        readings += [_as_stored(mean, kind) for mean in means_left(which, known)]
        readings.sort(key=lambda each: (each.starts_at, each.source, each.scope))
    if not readings and not GridZone.objects.filter(pk=zone).exists():
        raise NotFound(f"There is no grid zone {zone!r}.")
    return readings


def _as_stored(mean: Row, kind: Kind) -> StoredReading:
    return StoredReading(
        zone=mean.zone_id,
        source=mean.source,
        kind=kind,
        scope=mean.scope,
        starts_at=mean.starts_at,
        period_minutes=mean.whole_minutes,
        intensity_g_per_kwh=mean.intensity_g_per_kwh,
        renewable_share=mean.renewable_share,
        carbon_free_share=mean.carbon_free_share,
        flag="; ".join(mean.remarks),
        received_at=mean.received_at,
        basis=Basis.LIVE,  # means are made of readings
        revision=0,
    )


def list_zone_sources(zone: str, *, since: datetime, now: datetime) -> list[ZoneSource]:
    """The sources that have said anything of a zone's periods since `since`, by name. Two queries."""
    key = ("source", "kind", "scope")
    recent = {"zone_id": zone, "starts_at__gte": since}
    # Ordered by nothing: a model's own order would split the groups.
    reported = CarbonReading.objects.filter(**recent, received_at__lte=now).order_by().values_list(*key)
    expected = CarbonForecast.objects.filter(**recent, issued_at__lte=now).order_by().values_list(*key)
    newest_reading = {row[:3]: row[3] for row in reported.annotate(newest=Max("starts_at"))}
    newest_expected = {row[:3]: row[3] for row in expected.annotate(newest=Max("starts_at"))}
    return [
        ZoneSource(
            source=source,
            kind=kind,
            scope=scope,
            newest_reading_at=newest_reading.get((source, kind, scope)),
            newest_expected_at=newest_expected.get((source, kind, scope)),
        )
        for source, kind, scope in sorted(newest_reading.keys() | newest_expected.keys())
    ]


def _zones(codes: Sequence[str] | None, now: datetime) -> list[ZoneFacts]:
    rows = GridZone.objects.order_by("code")
    columns = ("code", "name", "country_id", "country__name", "latitude", "longitude")
    found = list((rows if codes is None else rows.filter(pk__in=codes)).values_list(*columns))
    hour = floor_hour(now)
    signals = list_signals(zone_codes=[row[0] for row in found], hours=[hour], now=now)
    return [
        ZoneFacts(
            code=code,
            name=name,
            country_code=country,
            country_name=country_name or "",
            latitude=latitude,
            longitude=longitude,
            signal=signals[code, hour],
        )
        for code, name, country, country_name, latitude, longitude in found
        # A zone added this very moment may not be in the process's atlas yet.
        if (code, hour) in signals
    ]
