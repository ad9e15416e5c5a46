"""How far regions are from countries, for rules about latency."""

from __future__ import annotations

from collections.abc import Collection

from climate.domain.distance import distance_km
from climate.domain.latency import Band, reach_km
from climate.models import Country, LatencyBand, LatencyFigure, Region


def list_reach_km(country_codes: Collection[str]) -> dict[tuple[str, str], float | None]:
    """Of each (country, region): great-circle km, or the km that a round-trip time somebody entered stands for.

    None where the country's place is unknown and no time was entered. Active and inactive regions.
    Three queries.
    """
    countries = Country.objects.filter(pk__in=set(country_codes)).values_list("code", "latitude", "longitude")
    regions = list(Region.objects.order_by("code").values_list("code", "latitude", "longitude"))
    reach: dict[tuple[str, str], float | None] = {
        (country, region): _km(latitude, longitude, region_latitude, region_longitude)
        for country, latitude, longitude in countries
        for region, region_latitude, region_longitude in regions
    }
    return {**reach, **list_entered_reach_km(country_codes)}


def list_entered_reach_km(country_codes: Collection[str]) -> dict[tuple[str, str], float]:
    """The pairs whose round-trip time somebody entered, as the km it stands for. One query, two if there are any."""
    entered = LatencyFigure.objects.filter(country__in=set(country_codes))
    figures = list(entered.values_list("country_id", "region_id", "round_trip_ms"))
    if not figures:
        return {}
    rows = LatencyBand.objects.order_by("distance_km").values_list("distance_km", "round_trip_ms")
    bands = [Band(distance_km=km, round_trip_ms=ms) for km, ms in rows]
    found = {(country, region): reach_km(ms, bands) for country, region, ms in figures}
    return {pair: round(km, 1) for pair, km in found.items() if km is not None}


def _km(
    latitude: float | None, longitude: float | None, region_latitude: float, region_longitude: float
) -> float | None:
    if latitude is None or longitude is None:
        return None
    return round(distance_km(latitude, longitude, region_latitude, region_longitude), 1)
