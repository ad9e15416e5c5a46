"""The week that `replay.py` replays: grids with forecasts, regions with capacity, and work that arrives."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from climate.domain.distance import distance_km
from climate.domain.forecast import REACH_HOURS, Place, Prior, Trace, forecast_zone, replay
from climate.domain.forecast.wide_csv import parse_wide_csv, traces_of
from climate.domain.mix import zone_shares
from climate.domain.modelled import GridYear, HourModel
from market.domain.placement.expected import SHORT_WINDOW_HOURS, ArrivalKind, History
from market.domain.placement.problem import Flags, Floats, Indices, Ints

ROOT = Path(__file__).resolve().parent.parent
HOUR = timedelta(hours=1)
WEEK = 168
TAIL_HOURS = 48  # after the week nothing new comes, and what may wait is finished
PAST_HOURS = 90 * 24
MODEL_CLASS = "L"
WH_PER_1K_TOKENS = 0.6  # of this class, at IT level
NANO = 1e9
REACH_KM = {"interactive": 4000.0, "regional": 9000.0, "anywhere": float("inf")}
INTERACTIVE_SHARE, SHORT_SHARE = 0.40, 0.30
LONG_WINDOWS = (12, 18, 24, 36, 48)
DEFAULT_PUE = 1.15
WEATHER_LASTS, WEATHER_SWING = 0.97, 0.05
HOUR_OF_RATES = 8  # the rates were taken in China


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Sites with their PUE and place, and measured hours up to the end of the week; g CO2e/kWh."""

    sites: tuple[str, ...]
    pue: Floats
    places: tuple[Place, ...]
    traces: tuple[Trace, ...]
    week_at: int

    @property
    def first_hour(self) -> datetime:
        """The first hour of the week."""
        return self.traces[0].first_hour + self.week_at * HOUR


@dataclass(frozen=True, kw_only=True)
class Work:
    """Requests [N] in the order they arrive: slots from the beginning of the week (the week before is negative).

    A request may run in the slots from `slot` to `last`. `kind` is an index into the world's kinds.
    """

    slot: Indices
    last: Indices
    home: Indices
    kind: Indices
    tokens: Ints


@dataclass(frozen=True, kw_only=True)
class World:
    """All that a replay needs. Costs are nano-grams CO2e per token, sites S x hours H of the week.

    `forecast` [H, S, 100]: as issued at the beginning of each hour, from the hours before it.
    `set_of_kind`: the row of `is_eligible` [E, S] that a kind of arrival may use; `home_set` [S]: home alone.
    """

    first_hour: datetime
    sites: tuple[str, ...]
    actual: Floats
    forecast: Floats
    capacity: Ints
    is_eligible: Flags
    home_set: Indices
    kinds: tuple[ArrivalKind, ...]
    set_of_kind: Indices
    work: Work
    before: History


def build_world(
    grid: Grid, sizes: Ints, rates: Floats, *, requests: int, hours: int, seed: int, home_use: float = 0.65
) -> World:
    """A world of about so many requests a week; `rates` [families, hours] of two weeks, any unit.

    `home_use`: what a site's own population asks for on average, as a share of its capacity.
    """
    rng = np.random.default_rng(seed)
    kinds = _kinds(grid.sites)
    is_eligible, set_of_kind = _eligible(grid, kinds)
    both = _arrivals(grid, kinds, sizes, rates, requests=requests, rng=rng)
    past, work = _take(both, both.slot < 0), _take(both, (both.slot >= 0) & (both.slot < hours))
    mean = np.bincount(work.home, weights=work.tokens, minlength=len(grid.sites)) / hours
    hours += TAIL_HOURS
    capacity = np.repeat(np.ceil(mean / home_use).astype(np.int64)[:, None], hours, axis=1)
    per_kwh = grid.pue * WH_PER_1K_TOKENS / 1e6 * NANO
    values = np.array([trace.values[grid.week_at : grid.week_at + hours] for trace in grid.traces])
    return World(
        first_hour=grid.first_hour,
        sites=grid.sites,
        actual=values * per_kwh[:, None],
        forecast=_forecasts(grid, hours) * per_kwh[None, :, None],
        capacity=capacity,
        is_eligible=is_eligible,
        home_set=np.arange(len(grid.sites), dtype=np.int32),
        kinds=kinds,
        set_of_kind=set_of_kind,
        work=work,
        before=_history(grid, kinds, past),
    )


def read_grid(paths: Sequence[Path], first_hour: datetime) -> Grid:
    """Zones of the traces in which a region of the shipped list stands, with that region's PUE and place."""
    regions = {row["zone"]: row for row in reversed(_rows(ROOT / "climate/data/regions.csv"))}
    files = []
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            files.append(parse_wide_csv(lines, name=path.name))
    zones = sorted(set.intersection(*(set(columns) for _, columns in files)) & set(regions))
    places = {zone: _place(regions[zone]) for zone in zones}
    whole = traces_of(files, places)
    at = int((first_hour - whole[zones[0]].first_hour) / HOUR)
    begin = max(at - PAST_HOURS, 0)
    cut = [_filled(whole[zone].values[begin : at + WEEK + TAIL_HOURS]) for zone in zones]
    start = whole[zones[0]].first_hour + begin * HOUR
    return Grid(
        sites=tuple(zones),
        pue=np.array([float(regions[zone]["pue"] or DEFAULT_PUE) for zone in zones]),
        places=tuple(places.values()),
        traces=tuple(Trace(first_hour=start, values=v, place=places[z]) for z, v in zip(zones, cut, strict=True)),
        week_at=at - begin,
    )


def model_grid(zones: Sequence[str], first_hour: datetime, *, seed: int) -> Grid:
    """The modelled hour of zones under made-up weather that lasts: for replays without measured hours."""
    regions = {row["zone"]: row for row in reversed(_rows(ROOT / "climate/data/regions.csv"))}
    hours = [first_hour + index * HOUR for index in range(-PAST_HOURS, WEEK + TAIL_HOURS)]
    modelled = HourModel([_grid_year(zone, regions[zone]) for zone in zones]).at(hours).intensity_g_per_kwh
    rng = np.random.default_rng(seed)
    weather = np.zeros_like(modelled)
    for hour in range(1, len(hours)):
        weather[:, hour] = WEATHER_LASTS * weather[:, hour - 1] + rng.normal(0, WEATHER_SWING, len(zones))
    values = np.clip(modelled * np.exp(weather), 10, 1300)
    places = tuple(_place(regions[zone]) for zone in zones)
    return Grid(
        sites=tuple(zones),
        pue=np.array([float(regions[zone]["pue"] or DEFAULT_PUE) for zone in zones]),
        places=places,
        traces=tuple(Trace(first_hour=hours[0], values=v, place=p) for v, p in zip(values, places, strict=True)),
        week_at=PAST_HOURS,
    )


def read_sizes(folder: Path) -> Ints:
    """Input plus output tokens of the real requests of both traces."""
    found = []
    for name in ("azure_llm_2023", "mooncake_fast25"):
        with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8") as lines:
            found += [int(row["input_tokens"]) + int(row["output_tokens"]) for row in csv.DictReader(lines)]
    return np.array([size for size in found if size > 0], dtype=np.int64)


def read_rates(folder: Path) -> Floats:
    """Requests per second of the three families of language models, 14 days from midnight UTC."""
    rows = _rows(folder / "servegen_hourly_rate.csv")
    names = [name for name in rows[0] if name.startswith("language/")]
    rates = np.array([[float(row[name] or 0) for row in rows[: 2 * WEEK]] for name in names])
    return np.roll(rates, -HOUR_OF_RATES, axis=1)


def make_sizes(seed: int) -> Ints:
    """Made-up sizes: log-normal around two thousand tokens with a long tail."""
    drawn = np.random.default_rng(seed).lognormal(7.6, 1.4, 20_000)
    return np.clip(drawn, 10, 130_000).astype(np.int64)


def make_rates() -> Floats:
    """A made-up day, busiest in the afternoon, calmer at weekends (the first hour is a Monday's)."""
    hours = np.arange(2 * WEEK)
    day = 1 + 0.35 * np.sin((hours % 24 - 9) * np.pi / 12)
    rates: Floats = (day * np.where(hours // 24 % 7 >= 5, 0.75, 1.0))[None, :]
    return rates


def _kinds(sites: Sequence[str]) -> tuple[ArrivalKind, ...]:
    windows = [("interactive", 0)]
    windows += [(reach, w) for reach in ("regional", "anywhere") for w in (*range(2, 7), *LONG_WINDOWS)]
    return tuple(
        ArrivalKind(model_class=MODEL_CLASS, origin_code=site, latency_class=reach, window_hours=window)
        for site in sites
        for reach, window in windows
    )


def _eligible(grid: Grid, kinds: Sequence[ArrivalKind]) -> tuple[Flags, Indices]:
    """Home alone for each site, then each set of sites that some kind of arrival reaches."""
    places = grid.places
    km = np.array([[distance_km(a.latitude, a.longitude, b.latitude, b.longitude) for b in places] for a in places])
    row = {site: index for index, site in enumerate(grid.sites)}
    reached = np.array([km[row[kind.origin_code]] <= REACH_KM[kind.latency_class] for kind in kinds])
    sets, of_kind = np.unique(reached, axis=0, return_inverse=True)
    home = np.eye(len(places), dtype=np.bool_)
    return np.vstack([home, sets]), (of_kind.reshape(-1) + len(places)).astype(np.int32)


def _arrivals(
    grid: Grid,
    kinds: Sequence[ArrivalKind],
    sizes: Ints,
    rates: Floats,
    *,
    requests: int,
    rng: np.random.Generator,
) -> Work:
    """Two weeks of requests, the second of which is replayed; each origin follows its own clock and family."""
    counts = rng.poisson(_rates_of_origins(grid, rates, rng) * requests)
    home, hour = np.divmod(np.repeat(np.arange(counts.size), counts.reshape(-1)), 2 * WEEK)
    order = np.argsort(hour + rng.random(len(hour)), kind="stable")
    home, hour = home[order], hour[order]
    kind = home * (len(kinds) // len(grid.sites)) + _draw_kinds(len(kinds) // len(grid.sites), len(hour), rng)
    windows = np.array([each.window_hours for each in kinds])
    slot = hour - WEEK
    return Work(
        slot=slot.astype(np.int32),
        last=(slot + windows[kind]).astype(np.int32),
        home=home.astype(np.int32),
        kind=kind.astype(np.int32),
        tokens=rng.choice(sizes, len(hour)),
    )


def _rates_of_origins(grid: Grid, rates: Floats, rng: np.random.Generator) -> Floats:
    """Shares of the second week's requests, by origin and hour of both weeks."""
    origins = range(len(grid.sites))
    shift = [round(place.longitude / 15) for place in grid.places]
    local = np.stack([np.roll(rates[origin % len(rates)], -shift[origin]) for origin in origins])
    sized = local / local.mean(axis=1, keepdims=True) * rng.uniform(0.5, 2.0, len(origins))[:, None]
    shares: Floats = sized / sized[:, WEEK:].sum()
    return shares


def _draw_kinds(kind_count: int, count: int, rng: np.random.Generator) -> Ints:
    """Which of an origin's kinds each request is, in the shares of the docstring of `replay.py`."""
    half = (kind_count - 1) // 2  # windows of either reach, of which the last are the long ones
    shorts = half - len(LONG_WINDOWS)
    drawn = rng.random(count)
    short, long = rng.integers(0, shorts, count), rng.integers(shorts, half, count)
    far = rng.integers(0, 2, count) * half
    flexible = 1 + far + np.where(drawn < INTERACTIVE_SHARE + SHORT_SHARE, short, long)
    kind: Ints = np.where(drawn < INTERACTIVE_SHARE, 0, flexible)
    return kind


def _forecasts(grid: Grid, hours: int) -> NDArray[np.float64]:
    prior = Prior.of(json.loads((ROOT / "climate/data/forecast_prior.json").read_text(encoding="utf-8")))
    issued = np.empty((hours, len(grid.sites), REACH_HOURS))
    for site, trace in enumerate(grid.traces):
        known = Trace(first_hour=trace.first_hour, values=trace.values[: grid.week_at], place=trace.place)
        fit = replay(known, prior=prior).fit  # learned before the week began
        for hour in range(hours):
            issued[hour, site] = forecast_zone(trace, prior=prior, fit=fit, issue=grid.week_at + hour).central
    return issued


def _history(grid: Grid, kinds: tuple[ArrivalKind, ...], past: Work) -> History:
    """What was asked in the week before, as the program counts it."""
    tokens = np.zeros((len(kinds), WEEK))
    np.add.at(tokens, (past.kind, past.slot + WEEK), past.tokens)
    tokens[[kind.window_hours > SHORT_WINDOW_HOURS for kind in kinds]] = 0.0
    return History(
        first_hour=grid.first_hour - WEEK * HOUR, kinds=kinds, tokens=tokens, is_counted=np.ones(WEEK, dtype=np.bool_)
    )


def _take(work: Work, chosen: Flags) -> Work:
    return Work(**{name: values[chosen] for name, values in vars(work).items()})


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _place(row: dict[str, str]) -> Place:
    return Place(latitude=float(row["lat"]), longitude=float(row["lon"]))


def _filled(values: Floats) -> Floats:
    """Hours nobody measured between those somebody did."""
    known = np.flatnonzero(~np.isnan(values))
    filled: Floats = np.interp(np.arange(len(values)), known, values[known])
    return filled


def _grid_year(zone: str, region: dict[str, str]) -> GridYear:
    years = [row for row in _rows(ROOT / "climate/data/em_zones_yearly_2021_2025_ODbL.csv") if row["zone"] == zone]
    year = max(years, key=lambda row: row["year"])
    mixes = [row for row in _rows(ROOT / "climate/data/generation_mix.csv") if row["iso2"] == region["country"]]
    mix = {name[:-4]: float(value or 0) for name, value in mixes[0].items() if name.endswith("_twh")}
    return GridYear(
        latitude=float(region["lat"]),
        longitude=float(region["lon"]),
        shares=zone_shares(
            mix,
            renewable_share=float(year["renewable_pct"]) / 100,
            carbon_free_share=float(year["carbon_free_pct"]) / 100,
        ),
        yearly_g_per_kwh=float(year["carbon_intensity_g_per_kwh"]),
    )


def monday(text: str) -> datetime:
    """A date as the beginning of a week, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
