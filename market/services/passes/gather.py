"""Everything a plan is made from but the requests: sites, signals, room, weights. A draft of the run's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from climate import selectors as climate
from climate.domain.ladder import HOUR, floor_hour
from climate.domain.model_classes import MODEL_CLASSES
from climate.domain.outages import tokens_left
from climate.domain.places import CountryFacts, EmergencyFacts, RegionFacts
from climate.domain.signal import Kind, Scope, Signal
from market.domain.placement.columns import RequestColumns
from market.domain.placement.plan import PlanInputs, Site
from market.domain.placement.problem import Ints
from market.domain.policy import PolicyTerms
from market.models import FUND_NAME, AllocationRun, Fund, RegionHour
from market.selectors.facts import get_mean_need_score
from market.selectors.policies import PurposeFacts, get_policy_in_force, get_policy_version, get_purpose_of
from market.services.grant import HORIZON_HOURS

NANOGRAMS = 1_000_000_000
WH_PER_KWH = 1000
NOBODY = ""
"""The purpose of work that nobody asked for yet."""
SIGNAL_COLUMNS = ("intensity_g_per_kwh", "low_g_per_kwh", "high_g_per_kwh", "renewable_share", "carbon_free_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """`draft` has no parties, levels or prices yet. Terms by policy id; `terms[draft.terms_policy_id]` is plan-wide."""

    draft: PlanInputs
    terms: dict[int, PolicyTerms]
    countries: dict[str, CountryFacts]
    purposes: dict[str, PurposeFacts]
    emergencies: tuple[EmergencyFacts, ...]

    @property
    def plan_terms(self) -> PolicyTerms:
        """The terms of what concerns everybody: floors, room kept, the carbon budget."""
        return self.terms[self.draft.terms_policy_id]


def gather(columns: RequestColumns, *, now: datetime, supposed: Sequence[EmergencyFacts] = ()) -> Gathered:
    """What is known at `now` of the hours to come; `supposed` emergencies count as if they were in force."""
    policy = get_policy_in_force()
    policy_ids = {kind.policy_id for kind in columns.kinds} - {policy.id}
    terms = {policy.id: policy.terms, **{each: get_policy_version(each).terms for each in sorted(policy_ids)}}
    origins = sorted({kind.origin for kind in columns.kinds})
    codes = {*origins, *(kind.scored for kind in columns.kinds)}
    countries = {country.code: country for country in climate.list_countries() if country.code in codes}
    emergencies = (*climate.list_active_emergencies(now=now), *supposed)
    regions, sites = _sites(sorted({kind.model_class for kind in columns.kinds}), policy.terms)
    lifts_all = bool(policy.terms.home_grid_bonus)
    bonus_origins = {kind.origin for kind in columns.kinds if lifts_all or terms[kind.policy_id].home_grid_bonus}
    first_hour = floor_hour(now)
    hours = [first_hour + index * HOUR for index in range(HORIZON_HOURS)]
    bases, sources, zones, arrays = _signals(
        sorted({site.zone for site in sites} | bonus_origins), hours, now=now, terms=policy.terms
    )
    arrays |= _room(sites, regions, hours)
    arrays["cost_ng_per_token"] = _costs(sites, zones, arrays["intensity_g_per_kwh"])
    codes_of_regions = sorted({site.region for site in sites})
    reach = _reach(origins, codes_of_regions)
    draft = PlanInputs(
        made_at=now,
        first_hour=first_hour,
        hour_count=HORIZON_HOURS,
        sites=sites,
        zones=zones,
        regions=tuple(codes_of_regions),
        bases=bases,
        sources=sources,
        parties=(),
        levels=(),
        emergencies=tuple(_plain(each) for each in emergencies),
        countries=tuple(countries.values()),
        home_of_origin=_homes(origins, codes_of_regions, reach, {each.code: each.country_code for each in regions}),
        reach_km=reach,
        mean_need_score=get_mean_need_score(now),
        fund_available_micro_usd=_fund_available(),
        floor_scale=1.0,
        caps_are_rounded=False,
        terms_policy_id=policy.id,
        kind=Kind.AVERAGE,
        scope=Scope.LIFECYCLE,
        arrays=arrays,
    )
    names = sorted({kind.purpose for kind in columns.kinds if kind.purpose != NOBODY})
    purposes = {name: get_purpose_of(name) for name in names}
    return Gathered(draft=draft, terms=terms, countries=countries, purposes=purposes, emergencies=emergencies)


def _sites(classes: Sequence[str], terms: PolicyTerms) -> tuple[list[RegionFacts], tuple[Site, ...]]:
    regions = [each for each in climate.list_regions() if any(each.capacity_tokens_per_hour.get(c) for c in classes)]
    sites = tuple(
        Site(
            region=region.code,
            city=region.city or region.name,
            zone=region.zone,
            country=region.country_code,
            model_class=model_class,
            pue=region.pue if region.pue is not None else terms.default_pue,
            pue_is_assumed=region.pue is None,
            contracted_cfe_share=region.contracted_cfe_share,
            latitude=region.latitude,
            longitude=region.longitude,
        )
        for model_class in classes
        for region in regions
        if region.capacity_tokens_per_hour.get(model_class)
    )
    return regions, sites


def _signals(
    zones: Sequence[str], hours: Sequence[datetime], *, now: datetime, terms: PolicyTerms
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], dict[str, Any]]:
    """Bases, sources, the zones there are signals of, and arrays by zone and hour. The ladder always says something."""
    found = climate.list_signals(zone_codes=zones, hours=hours, now=now, maximum_age_minutes=terms.maximum_age_minutes)
    known = tuple(zone for zone in zones if (zone, hours[0]) in found)
    rows: list[list[Signal]] = [[found[zone, hour] for hour in hours] for zone in known]
    bases = tuple(sorted({str(each.basis) for row in rows for each in row}))
    sources = tuple(sorted({each.source for row in rows for each in row}))
    shape = (len(known), len(hours))
    arrays: dict[str, Any] = {name: _floats(rows, name, shape) for name in SIGNAL_COLUMNS}
    place = {name: index for index, name in enumerate(bases)}
    arrays["basis"] = np.array([[place[each.basis] for each in row] for row in rows], dtype=np.int16).reshape(shape)
    place = {name: index for index, name in enumerate(sources)}
    arrays["source"] = np.array([[place[each.source] for each in row] for row in rows], dtype=np.int16).reshape(shape)
    arrays["as_of_s"] = np.array([[each.as_of.timestamp() for each in row] for row in rows], dtype=np.float64).reshape(
        shape
    )
    return bases, sources, known, arrays


def _floats(rows: list[list[Signal]], name: str, shape: tuple[int, int]) -> Any:
    values = [[getattr(each, name) for each in row] for row in rows]
    return np.array([[np.nan if each is None else each for each in row] for row in values]).reshape(shape)


def _room(sites: Sequence[Site], regions: Sequence[RegionFacts], hours: Sequence[datetime]) -> dict[str, Ints]:
    """Capacity less outages, and what is promised of it, by site and hour.

    What the plan before planned is free again.
    """
    of_region = {each.code: each.capacity_tokens_per_hour for each in regions}
    whole = np.array([of_region[site.region][site.model_class] for site in sites], dtype=np.int64)
    capacity = np.repeat(whole[:, None], len(hours), axis=1)
    outages = climate.list_outages(start=hours[0], end=hours[-1] + HOUR)
    touched = {each.region for each in outages}
    for index, site in enumerate(sites):
        if site.region in touched:
            capacity[index] = [
                tokens_left(int(whole[index]), outages, region=site.region, model_class=site.model_class, hour=hour)
                for hour in hours
            ]
    promised = np.zeros_like(capacity)
    place = {(site.region, site.model_class): index for index, site in enumerate(sites)}
    rows = RegionHour.objects.filter(starts_at__gte=hours[0], starts_at__lte=hours[-1], promised_tokens__gt=0)
    for region, model_class, starts_at, tokens in rows.values_list(
        "region_id", "model_class", "starts_at", "promised_tokens"
    ):
        if (region, model_class) in place:
            promised[place[region, model_class], int((starts_at - hours[0]) / HOUR)] = tokens
    return {
        "capacity_tokens": capacity,
        "promised_tokens": promised,
        "kept_tokens": np.zeros_like(promised),
    }


def _costs(sites: Sequence[Site], zones: Sequence[str], intensity: Any) -> Ints:
    """Nano-grams CO2e per token, all of them output: intensity x PUE x the class's central Wh per token."""
    wh = np.array([MODEL_CLASSES[site.model_class].output_wh_per_1k.central / 1000 for site in sites])
    pue = np.array([site.pue for site in sites])
    zone = [zones.index(site.zone) for site in sites]
    costs: Ints = np.rint(intensity[zone] * (pue * wh / WH_PER_KWH * NANOGRAMS)[:, None]).astype(np.int64)
    return costs


def _reach(origins: Sequence[str], regions: Sequence[str]) -> dict[str, list[float | None]]:
    known = climate.list_reach_km(origins)
    return {origin: [known.get((origin, region)) for region in regions] for origin in origins}


def _homes(
    origins: Sequence[str],
    regions: Sequence[str],
    reach: Mapping[str, Sequence[float | None]],
    country_of: Mapping[str, str],
) -> dict[str, str]:
    """The nearest region of each origin, one in its own country first; an origin of unknown place has none."""
    homes = {}
    for origin in origins:
        near = [(away, code) for away, code in zip(reach[origin], regions, strict=True) if away is not None]
        at_home = [(away, code) for away, code in near if country_of[code] == origin]
        if near:
            homes[origin] = min(at_home or near)[1]
    return homes


def _fund_available() -> int:
    """What the Fund can promise, with what it keeps for the plan that this one replaces."""
    fund = Fund.objects.filter(name=FUND_NAME).first()
    if fund is None:
        return 0
    kept = AllocationRun.objects.filter(is_current=True).values_list("fund_promised_micro_usd", flat=True).first()
    return fund.balance_micro_usd - fund.reserved_micro_usd + (kept or 0)


def _plain(emergency: EmergencyFacts) -> dict[str, Any]:
    """As it comes back from storage."""
    stored = asdict(emergency)
    for name, value in stored.items():
        if isinstance(value, datetime):
            stored[name] = value.isoformat()
        elif isinstance(value, tuple):
            stored[name] = list(value)
    return stored
