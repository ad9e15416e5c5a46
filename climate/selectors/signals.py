"""The intensity of a zone in an hour, by the ladder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from climate.domain.ladder import HOUR, Heard, Known, climb, floor_hour
from climate.domain.observations import Expectation, Modelled, YearValue
from climate.domain.signal import DEFAULT_MAXIMUM_AGE_MINUTES, Kind, Scope, Signal
from climate.models import CarbonForecast
from climate.selectors.atlas import Atlas, ZoneGrid, get_atlas
from climate.selectors.readings import list_readings_by_zone
from config.kernel.errors import NotFound

LONGEST_PERIOD = timedelta(hours=1)
EXPECTED = (
    *("source", "starts_at", "period_minutes", "intensity_g_per_kwh", "low_g_per_kwh", "high_g_per_kwh"),
    *("issued_at", "flag"),
)
"""What a forecast and an Expectation have in common."""


def get_signal(
    zone_code: str, *, at: datetime, now: datetime, maximum_age_minutes: float = DEFAULT_MAXIMUM_AGE_MINUTES
) -> Signal:
    """The best that is known of the hour that holds `at`. Raises NotFound for an unknown zone."""
    found = list_signals(zone_codes=[zone_code], hours=[at], now=now, maximum_age_minutes=maximum_age_minutes)
    if not found:
        raise NotFound(f"There is no grid zone {zone_code!r}.")
    return found[zone_code, at]


def list_signals(
    *,
    zone_codes: Collection[str],
    hours: Collection[datetime],
    now: datetime,
    maximum_age_minutes: float = DEFAULT_MAXIMUM_AGE_MINUTES,
) -> dict[tuple[str, datetime], Signal]:
    """The best that is known of every zone in every hour, keyed as asked; unknown zones are left out.

    Three queries, whatever the number of zones and hours (six after reference data changed), and
    one more for hours that are so old that readings may have become means.
    Nothing received after `now` is used.
    """
    atlas = get_atlas()
    zones = [atlas.zones[code] for code in dict.fromkeys(zone_codes) if code in atlas.zones]
    beginnings = {hour: floor_hour(hour.astimezone(UTC)) for hour in hours}
    if not zones or not beginnings:
        return {}
    codes = [zone.code for zone in zones]
    first, last = min(beginnings.values()), max(beginnings.values())
    oldest = min(first, now - timedelta(minutes=maximum_age_minutes) - LONGEST_PERIOD)
    readings = list_readings_by_zone(codes, start=oldest, end=last + HOUR, now=now)
    expectations, other_scopes = _expectations(codes, first, last + HOUR, now)
    modelled = atlas.model_hours(codes, sorted(set(beginnings.values())))
    found: dict[tuple[str, datetime], Signal] = {}
    for zone in zones:
        heard = Heard(readings.get(zone.code, ()), expectations.get(zone.code, ()))
        for hour in set(beginnings.values()):
            known = _known(
                atlas, zone, hour, heard, modelled.get((zone.code, hour)), other_scopes.get(zone.code, frozenset())
            )
            found[zone.code, hour] = climb(zone.code, hour, known, now=now, maximum_age_minutes=maximum_age_minutes)
    return {(code, asked): found[code, hour] for code in codes for asked, hour in beginnings.items()}


def _known(
    atlas: Atlas, zone: ZoneGrid, hour: datetime, heard: Heard, modelled: Modelled | None, other_scopes: frozenset[str]
) -> Known:
    return Known(
        heard=heard,
        modelled=modelled,
        not_modelled_because="" if modelled else atlas.why_not_modelled(zone, hour.year),
        zone_year=zone.value_for(hour.year),
        country_year=_country_year(atlas, zone),
        other_scopes=other_scopes,
    )


def _country_year(atlas: Atlas, zone: ZoneGrid) -> YearValue | None:
    country = atlas.countries.get(zone.country_code or "")
    return country.year if country else None


def _expectations(
    codes: Sequence[str], start: datetime, end: datetime, now: datetime
) -> tuple[dict[str, list[Expectation]], dict[str, frozenset[str]]]:
    """Lifecycle forecasts by zone, and which other scopes are forecast instead."""
    rows = CarbonForecast.objects.filter(
        Q(superseded_at=None) | Q(superseded_at__gt=now),
        zone_id__in=codes,
        kind=Kind.AVERAGE,
        starts_at__gte=start,
        starts_at__lt=end,
        issued_at__lte=now,
    )
    found: dict[str, list[Expectation]] = defaultdict(list)
    others: dict[str, frozenset[str]] = {}
    for zone, scope, *said in rows.values_list("zone_id", "scope", *EXPECTED):
        if scope == Scope.LIFECYCLE:
            found[zone].append(Expectation(**dict(zip(EXPECTED, said, strict=True))))
        else:
            others[zone] = others.get(zone, frozenset()) | {scope}
    return found, others
