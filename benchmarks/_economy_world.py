"""The teams of the simulated week, and what they ask for: rows of real traces, taken in turn without any draw."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import cycle
from math import gcd
from pathlib import Path

import numpy as np
from _replay_world import WEEK, Grid

from climate.domain.distance import distance_km
from climate.domain.places import CountryFacts
from market.domain.placement.problem import Floats, Ints
from market.domain.trading.simulation.inputs import PATTERN, Inputs, SimulatedTeam

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "climate/data"
CAST = {
    "low": ("ET", "UG", "MZ", "MW", "RW") * 2,
    "lower_middle": ("IN", "BD", "KE", "NG", "PH", "VN", "PK", "GH", "IN", "BD", "TZ", "SN"),
    "upper_middle": ("BR", "ZA", "CO", "ID", "PE", "MX", "TH", "BR", "ZA", "MX"),
    "high": ("US", "DE", "GB", "FR", "US", "ES", "CA", "JP", "US", "KR", "AU", "SG", "US", "CL", "DE", "JP"),
}
"""Countries of the teams by income group of the World Bank, one team each time."""
REQUESTS_AN_HOUR = (16, 24, 32)
HOUR_KM = 15  # degrees of longitude in an hour


def build_inputs(grid: Grid, sizes: Ints, rates: Floats) -> Inputs:
    """Teams at the site of the grid nearest to their country; `rates` [families, 336 hours], the week before first."""
    teams = _teams(grid)
    counts = _requests(rates, [_longitude(grid, team) for team in teams])
    asked, mood = _take_rows(counts[:, WEEK:], sizes)
    expected = counts[:, :WEEK] * float(sizes.mean())
    week = expected.sum(axis=1)
    turn = cycle(PATTERN)
    percent = np.array([next(turn) for _ in teams])
    site = [grid.sites.index(team.zone) for team in teams]
    values = np.array([trace.values[grid.week_at : grid.week_at + WEEK] for trace in grid.traces])
    return Inputs(
        starts_at=grid.first_hour,
        teams=teams,
        asked=asked,
        mood=mood,
        expected_week=week,
        expected_share=expected / week[:, None],
        intensity=values[site],
        quota=(week * percent / 100).astype(np.int64) // 100 * 100,
        requests=int(counts[:, WEEK:].sum()),
    )


def _teams(grid: Grid) -> tuple[SimulatedTeam, ...]:
    countries, clean, homes = _countries(), _carbon_free(grid), _zones_by_country(grid)
    tiers = cycle(("essential", "public", "research", "commercial"))
    seen: dict[str, int] = {}
    teams = []
    for group, codes in CAST.items():
        for code in codes:
            country, turn = countries[code], seen.get(code, 0)
            assert country.income_group == group, f"{code} is not of income group {group}"
            seen[code] = turn + 1
            at = _home(grid, country, homes.get(code, []), turn)
            teams.append(
                SimulatedTeam(
                    name=f"{country.name} {turn + 1}",
                    country=country,
                    tier=next(tiers),
                    zone=grid.sites[at],
                    pue=float(grid.pue[at]),
                    cfe_share=clean[grid.sites[at]],
                )
            )
    return tuple(teams)


def _home(grid: Grid, country: CountryFacts, own: Sequence[int], turn: int) -> int:
    """The sites of the country in turn, or the nearest one."""
    if own:
        return own[turn % len(own)]
    latitude, longitude = country.latitude or 0.0, country.longitude or 0.0
    away = [distance_km(latitude, longitude, place.latitude, place.longitude) for place in grid.places]
    return int(np.argmin(away))


def _longitude(grid: Grid, team: SimulatedTeam) -> float:
    return grid.places[grid.sites.index(team.zone)].longitude


def _requests(rates: Floats, longitudes: Sequence[float]) -> Ints:
    """Requests [T, 336]: a family's rates by the clock of the home site, scaled to so many an hour."""
    rows = []
    for index, longitude in enumerate(longitudes):
        local = np.roll(rates[index % len(rates)], -round(longitude / HOUR_KM))
        rows.append(np.round(local / local.mean() * REQUESTS_AN_HOUR[index % len(REQUESTS_AN_HOUR)]))
    return np.array(rows, dtype=np.int64)


def _take_rows(counts: Ints, sizes: Ints) -> tuple[Ints, Floats]:
    """Tokens by team and hour, each team reading on from a place of its own; and the rank of the hour's first row.

    Rows are taken a golden section apart, so that every team meets both traces as they are in the whole.
    """
    sizes = sizes[np.arange(len(sizes)) * _stride(len(sizes)) % len(sizes)]
    ranks = np.searchsorted(np.sort(sizes), sizes) / len(sizes)
    asked, mood = np.zeros(counts.shape, dtype=np.int64), np.zeros(counts.shape)
    for team, row in enumerate(counts):
        at = team * len(sizes) // len(counts)
        for hour, count in enumerate(row):
            rows = np.arange(at, at + count) % len(sizes)
            asked[team, hour], mood[team, hour] = sizes[rows].sum(), ranks[at % len(sizes)]
            at += int(count)
    return asked, mood


def _stride(count: int) -> int:
    stride = round(count * 0.618)
    while gcd(stride, count) != 1:
        stride += 1
    return stride


def _countries() -> dict[str, CountryFacts]:
    places = {row["iso2"]: row for name in ("country_places", "countries") for row in _rows(f"{name}.csv")}
    members: dict[str, set[str]] = {"ldc": set(), "sids": set()}
    for row in _rows("country_lists.csv"):
        members[row["list"]].add(row["iso2"])
    return {
        row["iso2"]: CountryFacts(
            code=row["iso2"],
            name=row["name"],
            latitude=float(places[row["iso2"]]["lat"]),
            longitude=float(places[row["iso2"]]["lon"]),
            income_group=row["wb_income_fy24"].lower().replace(" ", "_"),
            is_global_south=row["global_south_unctad"] == "1",
            is_ldc=row["iso2"] in members["ldc"],
            is_sids=row["iso2"] in members["sids"],
        )
        for row in _rows("country_groups.csv")
        if row["iso2"] in places
    }


def _carbon_free(grid: Grid) -> dict[str, float]:
    """The yearly carbon-free share 0..1 of each site's zone: of the year, or the newest that is shipped."""
    shares: dict[str, float] = {}
    for row in sorted(_rows("em_zones_yearly_2021_2025_ODbL.csv"), key=lambda row: row["year"]):
        if row["zone"] in grid.sites and (int(row["year"]) <= grid.first_hour.year or row["zone"] not in shares):
            shares[row["zone"]] = float(row["carbon_free_pct"]) / 100
    return shares


def _zones_by_country(grid: Grid) -> dict[str, list[int]]:
    country = {row["zone"]: row["country"] for row in _rows("regions.csv")}
    found: dict[str, list[int]] = {}
    for index, zone in enumerate(grid.sites):
        found.setdefault(country[zone], []).append(index)
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def policy_bodies() -> dict[str, object]:
    """The bodies of the policies that are shipped."""
    rows = json.loads((ROOT / "market/data/policies.json").read_text(encoding="utf-8"))
    return {name: row["body"] for name, row in rows.items()}
