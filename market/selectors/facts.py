"""Gathering what a verdict is computed from: regions, signals, capacity, need, emergencies, Fund."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.core.cache import cache
from django.db.models import F, FloatField, Sum
from django.db.models.functions import Cast

from climate import selectors as climate
from climate.domain.distance import distance_km
from climate.domain.ladder import HOUR, floor_hour
from climate.domain.outages import OutageFacts, tokens_left
from climate.domain.places import CountryFacts, RegionFacts
from climate.domain.signal import Basis, Signal
from market.domain.asks import WhatIf
from market.domain.facts import Candidate, DecisionFacts
from market.domain.justice import emergency_multiplier
from market.domain.policy import PolicyTerms
from market.domain.verdict import keep_best
from market.models import AllocationRequest, RegionHour, Settlement
from market.selectors.figures import get_fund_available
from market.selectors.policies import PurposeFacts

MOST_CANDIDATES = 60  # kept per decision; more would make every stored decision large and explain nothing
MEAN_SCORE_SECONDS = 10  # how long the period's mean need score may lag


def gather_facts(
    request: AllocationRequest,
    *,
    purpose: PurposeFacts,
    terms: PolicyTerms,
    hours: Sequence[datetime],
    window_hours: float,
    now: datetime,
) -> DecisionFacts:
    """All inputs of a verdict on `request` for the given hours, as of `now`."""
    origin = climate.get_country(request.origin_code)
    scored = origin if request.scored_code == origin.code else climate.get_country(request.scored_code)
    what_if = WhatIf(**request.carbon_override) if request.carbon_override else None
    regions = [each for each in climate.list_regions() if each.capacity_tokens_per_hour.get(request.model_class)]
    zones = {region.zone for region in regions} | ({origin.code} if terms.home_grid_bonus else set())
    this_hour = floor_hour(now)
    signals = climate.list_signals(
        zone_codes=sorted(zones),
        hours=sorted({this_hour, *hours}),
        now=now,
        maximum_age_minutes=terms.maximum_age_minutes,
    )
    if what_if:
        signals = {key: _supposed(signal, what_if, now) for key, signal in signals.items()}
    promised = _promised(request.model_class, hours)
    outages = climate.list_outages(start=min(hours), end=max(hours) + HOUR) if hours else []
    entered = climate.list_entered_reach_km([origin.code])
    candidates = [
        candidate_of(
            region,
            hour,
            signals[region.zone, hour],
            origin,
            terms,
            capacity_tokens=capacity_of(region, hour, request.model_class, outages),
            promised_tokens=promised.get((region.code, hour), 0),
            reach_km=entered.get((origin.code, region.code)),
        )
        for region in regions
        for hour in hours
    ]
    home = nearest_region(regions, origin)
    home_signal = signals.get((origin.code, this_hour))
    facts = DecisionFacts(
        made_at=now,
        tokens=request.tokens,
        input_tokens=request.input_tokens,
        tokens_basis=request.tokens_basis,
        model_class=request.model_class,
        latency_class=request.latency_class,
        latency_km=terms.latency_km[request.latency_class],
        earliest_at=request.earliest_at,
        window_hours=window_hours,
        price_cap_micro_usd=request.price_cap_micro_usd,
        eligible_regions=tuple(request.eligible_regions) if request.eligible_regions is not None else None,
        residency=tuple(request.residency) if request.residency is not None else None,
        min_cfe_share=request.min_cfe_share,
        purpose=purpose.name,
        purpose_title=purpose.title,
        priority=purpose.priority,
        origin=origin,
        scored_country=scored,
        mean_need_score=get_mean_need_score(now) if terms.justice.kind == "feebate" else None,
        home_renewable_share=home_signal.renewable_share if home_signal else None,
        emergency_multiplier=emergency_multiplier(
            origin=origin.code, purpose=purpose.name, emergencies=climate.list_active_emergencies(now=now)
        ),
        fund_available_micro_usd=get_fund_available(),
        candidates=tuple(candidates),
        left_out=0,
        home=candidate_of(
            home,
            this_hour,
            signals[home.zone, this_hour],
            origin,
            terms,
            capacity_tokens=home.capacity_tokens_per_hour[request.model_class],
        )
        if home
        else None,
        is_simulated=request.is_simulated,
    )
    return keep_best(facts, MOST_CANDIDATES)


def candidate_of(
    region: RegionFacts,
    hour: datetime,
    signal: Signal,
    origin: CountryFacts,
    terms: PolicyTerms,
    *,
    capacity_tokens: int,
    promised_tokens: int = 0,
    reach_km: float | None = None,
) -> Candidate:
    """A region in one hour, as verdicts look at it."""
    return Candidate(
        code=region.code,
        city=region.city or region.name,
        zone=region.zone,
        starts_at=hour,
        distance_km=_distance_km(region, origin),
        pue=region.pue if region.pue is not None else terms.default_pue,
        pue_is_assumed=region.pue is None,
        capacity_tokens=capacity_tokens,
        promised_tokens=promised_tokens,
        intensity_g_per_kwh=signal.intensity_g_per_kwh,
        low_g_per_kwh=signal.low_g_per_kwh,
        high_g_per_kwh=signal.high_g_per_kwh,
        renewable_share=signal.renewable_share,
        contracted_cfe_share=region.contracted_cfe_share,
        basis=signal.basis,
        source=signal.source,
        as_of=signal.as_of,
        kind=signal.kind,
        scope=signal.scope,
        country=region.country_code,
        reach_km=reach_km,
        carbon_free_share=signal.carbon_free_share,
    )


def capacity_of(region: RegionFacts, hour: datetime, model_class: str, outages: Sequence[OutageFacts]) -> int:
    """What outages leave of a region's hour."""
    whole = region.capacity_tokens_per_hour[model_class]
    return tokens_left(whole, outages, region=region.code, model_class=model_class, hour=hour)


def _supposed(signal: Signal, what_if: WhatIf, now: datetime) -> Signal:
    return replace(
        signal,
        intensity_g_per_kwh=what_if.intensity_g_per_kwh,
        renewable_share=what_if.renewable_share,
        carbon_free_share=what_if.renewable_share,  # nothing is said of nuclear power: the least it can be
        low_g_per_kwh=None,
        high_g_per_kwh=None,
        basis=Basis.SIMULATED,
        source="what-if of the caller",
        as_of=now,
        measured_until=None,
    )


def nearest_region(regions: Sequence[RegionFacts], origin: CountryFacts) -> RegionFacts | None:
    """The home region of work from `origin`: the nearest in that country, else of all; None where nothing is known."""
    located = [(distance, each) for each in regions if (distance := _distance_km(each, origin)) is not None]
    at_home = [(distance, each) for distance, each in located if each.country_code == origin.code]
    return min(at_home or located, key=lambda pair: (pair[0], pair[1].code))[1] if located else None


def _distance_km(region: RegionFacts, origin: CountryFacts) -> float | None:
    if origin.latitude is None or origin.longitude is None:
        return None
    return round(distance_km(origin.latitude, origin.longitude, region.latitude, region.longitude), 1)


def _promised(model_class: str, hours: Sequence[datetime]) -> dict[tuple[str, datetime], int]:
    """Tokens that are not free any more, by region and hour: promised, or kept by the plan for work that waits."""
    rows = RegionHour.objects.filter(model_class=model_class, starts_at__in=hours)
    taken = rows.annotate(taken=F("promised_tokens") + F("planned_tokens"))
    return {(code, hour): tokens for code, hour, tokens in taken.values_list("region", "starts_at", "taken")}


def get_mean_need_score(now: datetime) -> float | None:
    """Spend-weighted mean need score of what was settled this month; None before the first settlement."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    key = f"mean-need-score:{month:%Y-%m}"
    known = cache.get(key)
    if known is None:
        scored = Settlement.objects.filter(settled_at__gte=month, need_score__isnull=False, request__is_simulated=False)
        sums = scored.aggregate(
            spend=Sum(Cast("service_micro_usd", FloatField())), weighted=Sum(F("service_micro_usd") * F("need_score"))
        )
        known = (sums["weighted"] / sums["spend"],) if sums["spend"] else (None,)
        cache.set(key, known, MEAN_SCORE_SECONDS)
    mean: float | None = known[0]
    return mean
