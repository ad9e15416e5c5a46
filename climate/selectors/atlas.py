"""The slow facts of all zones and countries, kept in the process and renewed when a row changes.

Intensities are asked for on every request; the facts behind the lower rungs of the ladder change a
few times a year. One small query tells whether they did.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial

import numpy as np
from django.db import connection

from climate.domain.mix import zone_shares
from climate.domain.modelled import GridYear, HourModel
from climate.domain.observations import Modelled, YearValue
from climate.models import Country, GridZone, ZoneYear

# Rows changed without history (an update by hand) are seen after this long at the latest.
LONGEST_TRUST_SECONDS = 30.0
# The last year, this one and the next are asked for all the time; callers may ask for any.
MOST_MODELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryGrid:
    """A country's yearly grid figures; `mix_words` names the source of its generation."""

    code: str
    iso_numeric: str
    name: str
    generation_twh: dict[str, float]
    mix_words: str
    year: YearValue | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneGrid:
    """A zone's place and yearly values, newest year first."""

    code: str
    country_code: str | None
    latitude: float | None
    longitude: float | None
    years: tuple[YearValue, ...]

    def value_for(self, year: int) -> YearValue | None:
        """The newest yearly value not after `year`; before the first, the first."""
        return next((value for value in self.years if value.year <= year), self.years[-1] if self.years else None)


@dataclass(slots=True)
class Atlas:
    """All zones and countries at one moment, with the models of their hours."""

    countries: dict[str, CountryGrid]
    zones: dict[str, ZoneGrid]
    _model_of: Callable[[int], _YearModel] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._model_of = lru_cache(maxsize=MOST_MODELS)(partial(_YearModel, self))

    def model_hours(self, zone_codes: Sequence[str], hours: Sequence[datetime]) -> dict[tuple[str, datetime], Modelled]:
        """The modelled hours of those zones that can be modelled."""
        found: dict[tuple[str, datetime], Modelled] = {}
        for year in sorted({hour.year for hour in hours}):
            found |= self._model_of(year).at(zone_codes, [hour for hour in hours if hour.year == year])
        return found

    def why_not_modelled(self, zone: ZoneGrid, year: int) -> str:
        """What the model lacks for a zone, in words."""
        return _inputs(self, zone, year)[1]

    def says_the_same_as(self, other: Atlas) -> bool:
        """Whether both hold equal facts."""
        return self.countries == other.countries and self.zones == other.zones


@dataclass(frozen=True, slots=True)
class _Inputs:
    grid: GridYear
    value: YearValue
    words: str


def _inputs(atlas: Atlas, zone: ZoneGrid, year: int) -> tuple[_Inputs | None, str]:
    """What the model of a zone is made from, or why there is none."""
    value = zone.value_for(year)
    if value is None or value.intensity_g_per_kwh is None:
        return None, "the zone has no yearly value to scale to"
    if zone.latitude is None or zone.longitude is None:
        return None, "the place of the zone is not known"
    country = atlas.countries.get(zone.country_code or "")
    if country is None or not country.generation_twh:
        return None, "the yearly mix of the country is not known"
    shares = zone_shares(
        country.generation_twh, renewable_share=value.renewable_share, carbon_free_share=value.carbon_free_share
    )
    grid = GridYear(
        latitude=zone.latitude,
        longitude=zone.longitude,
        shares=shares,
        yearly_g_per_kwh=value.intensity_g_per_kwh,
    )
    return _Inputs(grid, value, f"modelled from {value.source} and {country.mix_words}"), ""


class _YearModel:
    """One model of all zones that can be modelled, for the hours of one year."""

    def __init__(self, atlas: Atlas, year: int):
        found = {code: inputs for code, zone in atlas.zones.items() if (inputs := _inputs(atlas, zone, year)[0])}
        self._inputs = list(found.values())
        self._rows = {code: row for row, code in enumerate(found)}
        self._model = HourModel([each.grid for each in self._inputs]) if found else None

    def at(self, zone_codes: Sequence[str], hours: Sequence[datetime]) -> dict[tuple[str, datetime], Modelled]:
        codes = [code for code in zone_codes if code in self._rows]
        if not codes or self._model is None:
            return {}
        rows = [self._rows[code] for code in codes]
        modelled = self._model.at(hours, rows=np.array(rows))
        intensity = modelled.intensity_g_per_kwh.tolist()
        renewable, carbon_free = modelled.renewable_share.tolist(), modelled.carbon_free_share.tolist()
        return {
            (code, hour): Modelled(
                intensity_g_per_kwh=intensity[i][j],
                renewable_share=renewable[i][j],
                carbon_free_share=carbon_free[i][j],
                source=self._inputs[rows[i]].words,
                known_since=self._inputs[rows[i]].value.known_since,
            )
            for i, code in enumerate(codes)
            for j, hour in enumerate(hours)
        }


@dataclass(slots=True)
class _Kept:
    version: tuple[object, ...]
    read_at: float
    atlas: Atlas


_kept: list[_Kept] = []


def get_atlas() -> Atlas:
    """The facts of all zones and countries: one query, or four when they may have changed."""
    version = _version()
    kept = _kept[0] if _kept else None
    if kept and kept.version == version and time.monotonic() - kept.read_at < LONGEST_TRUST_SECONDS:
        return kept.atlas
    atlas = _read()
    if kept and kept.atlas.says_the_same_as(atlas):
        atlas = kept.atlas  # its models are calibrated already
    _kept[:] = [_Kept(version, time.monotonic(), atlas)]
    return atlas


def _version() -> tuple[object, ...]:
    """Changes with every row added, removed or edited through a model (which writes history).

    Entries are counted, for their dates come from more than one clock: a newer one may be dated earlier.
    """
    questions = []
    for model in (Country, GridZone, ZoneYear):
        table, history = model._meta.db_table, model.history.model._meta.db_table
        # Table names come from the models, never from outside.
        questions += [f"(SELECT COUNT(*) FROM {name})" for name in (table, history)]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(questions))
        return tuple(cursor.fetchone())


def _read() -> Atlas:
    years: dict[str, list[YearValue]] = defaultdict(list)
    for row in ZoneYear.objects.order_by("-year"):
        years[row.zone_id].append(
            YearValue(
                year=row.year,
                intensity_g_per_kwh=row.intensity_g_per_kwh,
                renewable_share=row.renewable_share,
                carbon_free_share=row.carbon_free_share,
                source=f"{_short(row.source)} {row.year}",
                flag=row.flag,
            )
        )
    zones = {
        zone.code: ZoneGrid(
            code=zone.code,
            country_code=zone.country_id,
            latitude=zone.latitude,
            longitude=zone.longitude,
            years=tuple(years[zone.code]),
        )
        for zone in GridZone.objects.all()
    }
    return Atlas(countries={each.code: _country(each) for each in Country.objects.all()}, zones=zones)


def _country(country: Country) -> CountryGrid:
    year = None
    if country.intensity_year is not None:
        year = YearValue(
            year=country.intensity_year,
            intensity_g_per_kwh=country.intensity_g_per_kwh,
            renewable_share=None,
            carbon_free_share=None,
            source=f"{_short(country.intensity_source)} {country.intensity_year}",
            flag=country.intensity_flag,
        )
    return CountryGrid(
        code=country.code,
        iso_numeric=country.iso_numeric,
        name=country.name,
        generation_twh=country.generation_twh,
        mix_words=f"the mix of {country.generation_year} ({_short(country.generation_source)})",
        year=year,
    )


def _short(source: str) -> str:
    """A source without its licence and route, which the methodology gives."""
    return source.split(" (")[0]
