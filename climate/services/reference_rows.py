"""The rows of `climate/data` as unsaved models, cleaned: implausible is unknown and flagged."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from climate.connectors.registry import CONNECTORS
from climate.domain.signal import HIGHEST_PLAUSIBLE_G_PER_KWH, LOWEST_PLAUSIBLE_G_PER_KWH
from climate.models import Country, DataSource, GridZone, LatencyBand, Region, RegionCapacity, ZoneYear

DATA = Path(__file__).resolve().parent.parent / "data"
OWID = "Our World in Data from Ember (CC BY 4.0), via codecarbon 3.3.2"
WORLD_BANK = "World Bank income groups, fiscal year 2024 (CC BY 4.0)"
ELECTRICITY_MAPS = "Electricity Maps yearly data (ODbL 1.0), via @tgwf/co2 0.19.0"
MODEL_CLASS_COLUMNS = {name: f"tokens_per_hour_{name.lower()}" for name in ("S", "M", "L", "XL", "XXL")}
INCOME_GROUPS = {"Low": "low", "Lower middle": "lower_middle", "Upper middle": "upper_middle", "High": "high"}


def _read(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        # The csv module knows no missing values, so the zone `NA` (Namibia) stays a code.
        yield from csv.DictReader(file)


def _by_code(name: str, column: str = "iso2") -> dict[str, dict[str, str]]:
    return {row[column]: row for row in _read(name)}


def _number(text: str) -> float | None:
    return float(text) if text else None


def countries() -> Iterator[Country]:
    """Every country of either list: 249 of ISO 3166-1, and Kosovo."""
    groups, grids, places = _by_code("country_groups.csv"), _by_code("countries.csv"), _by_code("country_places.csv")
    doubts, mixes = _by_code("country_doubts.csv"), _by_code("generation_mix.csv")
    members: dict[str, set[str]] = {"ldc": set(), "sids": set()}
    list_sources: dict[str, str] = {}
    for row in _read("country_lists.csv"):
        members[row["list"]].add(row["iso2"])
        list_sources[row["list"]] = f"{row['source'].split(':')[0]}, {row['list_date']}"
    for code in sorted(groups.keys() | grids.keys() | places.keys()):
        group = groups.get(code, {})
        place = grids.get(code) or places[code]
        country = Country(
            code=code,
            iso3=place["iso3"],
            iso_numeric=place["iso_numeric"],
            name=group.get("name") or place["name"],
            latitude=float(place["lat"]),
            longitude=float(place["lon"]),
            region_name=group.get("m49_region", ""),
            income_group=INCOME_GROUPS.get(group.get("wb_income_fy24", ""), ""),
            is_global_south=group.get("global_south_unctad") == "1",
            is_ldc=code in members["ldc"],
            is_sids=code in members["sids"],
            lists_source="; ".join(list_sources.values()),
        )
        country.income_group_source = WORLD_BANK if country.income_group else ""
        _add_intensity(country, grids.get(code), doubts.get(code, {}).get("reason", ""))
        _add_mix(country, mixes.get(code))
        yield country


def _add_intensity(country: Country, grid: dict[str, str] | None, doubt: str) -> None:
    if grid is None or not grid["carbon_intensity_g_per_kwh"]:
        return
    published = float(grid["carbon_intensity_g_per_kwh"])
    value, flag = believed(published)
    country.intensity_g_per_kwh = None if doubt else value
    country.intensity_flag = doubt or flag
    country.intensity_year = int(grid["year"])
    country.intensity_source = OWID


def _add_mix(country: Country, mix: dict[str, str] | None) -> None:
    if mix is None:
        return
    by_source = {name.removesuffix("_twh"): float(mix[name]) for name in mix if name.endswith("_twh")}
    if sum(by_source.values()) > 0:
        country.generation_twh = by_source
        country.generation_year = int(mix["year"])
        country.generation_source = OWID


def believed(published: float) -> tuple[float | None, str]:
    """A published intensity and no flag, or None and why it is not believed."""
    if LOWEST_PLAUSIBLE_G_PER_KWH <= published <= HIGHEST_PLAUSIBLE_G_PER_KWH:
        return published, ""
    bounds = f"{LOWEST_PLAUSIBLE_G_PER_KWH:.0f}-{HIGHEST_PLAUSIBLE_G_PER_KWH:.0f}"
    return None, f"Published {published:g} g/kWh is outside the plausible {bounds}."


def zones() -> Iterator[GridZone]:
    """All zones, and the regions of Great Britain. A code begins with its country's; `NA` is Namibia."""
    own_places = _by_code("zone_places.csv", "zone")
    country_places = _by_code("countries.csv") | _by_code("country_places.csv")
    for code, row in _by_code("em_zones_yearly_2021_2025_ODbL.csv", "zone").items():
        country_code = code.split("-")[0]
        place = own_places.get(code) or country_places[country_code]
        yield GridZone(
            code=code,
            name=row["zone_name"],
            country_id=country_code,
            latitude=float(place["lat"]),
            longitude=float(place["lon"]),
        )
    # Parts of a zone that a source forecasts by themselves; no yearly value of them is published.
    for row in _read("gb_regions.csv"):
        yield GridZone(
            code=row["zone"],
            name=row["name"],
            country_id=row["zone"].split("-")[0],
            latitude=float(row["lat"]),
            longitude=float(row["lon"]),
        )


def zone_years() -> Iterator[ZoneYear]:
    """Yearly means of every zone; percentages become shares."""
    for row in _read("em_zones_yearly_2021_2025_ODbL.csv"):
        published = _number(row["carbon_intensity_g_per_kwh"])
        value, flag = (None, "") if published is None else believed(published)
        yield ZoneYear(
            zone_id=row["zone"],
            year=int(row["year"]),
            intensity_g_per_kwh=value,
            renewable_share=_share(row["renewable_pct"]),
            carbon_free_share=_share(row["carbon_free_pct"]),
            source=ELECTRICITY_MAPS,
            flag=flag,
        )


def _share(percentage: str) -> float | None:
    number = _number(percentage)
    return None if number is None else round(number / 100, 4)


def regions() -> Iterator[Region]:
    """Cloud regions and example sites."""
    for row in _read("regions.csv"):
        yield Region(
            code=row["code"],
            provider=row["provider"],
            name=row["name"],
            city=row["city"],
            country_id=row["country"],
            zone_id=row["zone"],
            latitude=float(row["lat"]),
            longitude=float(row["lon"]),
            pue=_number(row["pue"]),
            pue_source=row["pue_source"],
            contracted_cfe_share=_number(row["contracted_cfe_share"]),
            contracted_cfe_source=row["contracted_cfe_source"],
            # The example sites show how an own site is entered; no work goes to a site that does not exist.
            is_active=row["provider"] != "own",
        )


def latency_bands() -> Iterator[LatencyBand]:
    """Round-trip times to expect by distance."""
    for row in _read("latency_bands.csv"):
        yield LatencyBand(
            distance_km=float(row["distance_km"]),
            round_trip_ms=float(row["round_trip_ms"]),
            source=row["source"],
            note=row["note"],
        )


def capacities() -> Iterator[RegionCapacity]:
    """Assumed capacities of every region and model class."""
    for row in _read("regions.csv"):
        for model_class, column in MODEL_CLASS_COLUMNS.items():
            yield RegionCapacity(
                region_id=row["code"],
                model_class=model_class,
                tokens_per_hour=int(row[column]),
                source=row["capacity_source"],
            )


def sources() -> Iterator[DataSource]:
    """Every provider there is a connector for."""
    for each in CONNECTORS.values():
        yield DataSource(name=each.provider.name, title=each.provider.title, interval_minutes=each.interval_minutes)
