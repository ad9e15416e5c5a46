"""Grid zones, what their sources said, and which sources speak of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from climate.domain.ladder import floor_hour
from climate.domain.signal import Kind, Scope
from climate.domain.zones import StoredReading, ZoneFacts, ZoneSource
from climate.models import CarbonForecast, CarbonReading, GridZone
from climate.selectors.signals import list_signals
from config.kernel.errors import NotFound

MOST_STORED_READINGS = 10_000
"""A month of five-minute readings of one source, and some."""


def list_zones(*, now: datetime) -> list[ZoneFacts]:
    """Every grid zone with its intensity in this hour, by code. Four queries."""
    return _zones(None, now)


def get_zone(code: str, *, now: datetime) -> ZoneFacts:
    """One grid zone with its intensity in this hour. Raises NotFound."""
    found = _zones([code], now)
    if not found:
        raise NotFound(f"There is no grid zone {code!r}.")
    return found[0]


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

    One kind only: kinds are never mixed. At most 10,000 of them; nothing received after `now`.
    Raises NotFound for an unknown zone.
    """
    rows = CarbonReading.objects.filter(
        zone_id=zone, kind=kind, starts_at__gte=since, starts_at__lt=until, received_at__lte=now
    )
    rows = rows.filter(scope=scope) if scope is not None else rows
    rows = rows.filter(source=source) if source is not None else rows
    columns = [name for name in StoredReading.__slots__ if name != "zone"]
    found = rows.order_by("starts_at", "source", "scope").values(*columns)[:MOST_STORED_READINGS]
    readings = [StoredReading(zone=zone, **row) for row in found]
    if not readings and not GridZone.objects.filter(pk=zone).exists():
        raise NotFound(f"There is no grid zone {zone!r}.")
    return readings


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
