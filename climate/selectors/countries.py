"""One intensity per country, for the map."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import fsum

from climate.domain.ladder import Known, climb, floor_hour
from climate.domain.signal import DEFAULT_MAXIMUM_AGE_MINUTES, Basis, Signal
from climate.selectors.atlas import CountryGrid, get_atlas
from climate.selectors.signals import list_signals

_RUNGS = list(Basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountrySignal:
    """A country's intensity in an hour; `signal` None: nothing is known of it."""

    iso_numeric: str
    code: str
    name: str
    signal: Signal | None


def list_country_signals(
    *, at: datetime, now: datetime, maximum_age_minutes: float = DEFAULT_MAXIMUM_AGE_MINUTES
) -> list[CountrySignal]:
    """Every country in the hour that holds `at`, by name.

    The country's own zone where it exists; else the plain mean of its zones, labelled so; else its
    yearly value; else nothing (the world's mean says nothing about a country).
    """
    atlas = get_atlas()
    found = list_signals(zone_codes=atlas.zones, hours=[at], now=now, maximum_age_minutes=maximum_age_minutes)
    by_country: dict[str, list[Signal]] = defaultdict(list)
    for (zone, _), signal in found.items():
        by_country[atlas.zones[zone].country_code or ""].append(signal)
    return [
        CountrySignal(
            iso_numeric=country.iso_numeric,
            code=country.code,
            name=country.name,
            signal=_signal_of(country, by_country[country.code], at, now),
        )
        for country in sorted(atlas.countries.values(), key=lambda each: each.name)
    ]


def _signal_of(country: CountryGrid, of_zones: list[Signal], at: datetime, now: datetime) -> Signal | None:
    own = next((signal for signal in of_zones if signal.zone == country.code), None)
    if own or of_zones:
        return own or _mean_of(country.code, of_zones)
    if country.year is None or country.year.intensity_g_per_kwh is None:
        return None
    known = Known(country_year=country.year, not_modelled_because="the country has no grid zone of its own")
    hour = floor_hour(at.astimezone(UTC))
    return climb(country.code, hour, known, now=now, maximum_age_minutes=DEFAULT_MAXIMUM_AGE_MINUTES)


def _mean_of(code: str, signals: list[Signal]) -> Signal:
    """The unweighted mean of zones, on the worst of their rungs."""
    worst = max(signals, key=lambda signal: _RUNGS.index(signal.basis))
    if len(signals) == 1:
        return replace(worst, zone=code)
    return replace(
        worst,
        zone=code,
        intensity_g_per_kwh=fsum(signal.intensity_g_per_kwh for signal in signals) / len(signals),
        source=f"mean of {len(signals)} zones, {worst.source}",
        as_of=min(signal.as_of for signal in signals),
        measured_until=min(signal.dated_at for signal in signals) if worst.measured_until else None,
        low_g_per_kwh=None,
        high_g_per_kwh=None,
        renewable_share=_mean([signal.renewable_share for signal in signals]),
        carbon_free_share=_mean([signal.carbon_free_share for signal in signals]),
        flags=("plain mean of the country's zones, not weighted by consumption",),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if len(known) == len(values) else None
