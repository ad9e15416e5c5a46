"""The facts of one placement, so that `market.domain.verdict.decide` comes to what the plan came to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from climate.domain.places import CountryFacts
from market.domain.asks import hours_of_window, window_hours
from market.domain.facts import Candidate, DecisionFacts
from market.domain.placement.columns import home_site, reach_km_of
from market.domain.placement.plan import PlanInputs
from market.domain.policy import PolicyTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """A waiting request as it was asked. Money in micro-USD; None is not stated."""

    tokens: int
    input_tokens: int | None
    tokens_basis: str
    model_class: str
    latency_class: str
    earliest_at: datetime
    latest_at: datetime
    created_at: datetime
    price_cap_micro_usd: int | None
    eligible_regions: tuple[str, ...] | None
    residency: tuple[str, ...] | None
    min_cfe_share: float | None
    purpose: str
    purpose_title: str
    origin: CountryFacts
    scored_country: CountryFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementFacts:
    """One row of a plan that grants something; indices into the run's inputs."""

    site: int
    hour: int
    party: int
    tokens: int
    from_fund_micro_usd: int


def facts_of(
    inputs: PlanInputs, request: RequestFacts, placement: PlacementFacts, *, terms: PolicyTerms
) -> DecisionFacts:
    """Facts with the placement's region-hour as the only candidate, as the plan knew it.

    `decide(terms, facts)` grants exactly its tokens at exactly its price and carbon. `terms` are
    those of the request's own policy. One part of a split request is one placement: its verdict is
    "partial", and whether all parts make up the whole is the caller's to say.
    """
    factors = dict(inputs.parties[placement.party].factors)
    hours = hours_of_window(request.earliest_at, request.latest_at, inputs.made_at, at_most=inputs.hour_count)
    site_count = sum(site.model_class == request.model_class for site in inputs.sites)
    home = home_site(inputs, request.origin.code, request.model_class)
    return DecisionFacts(
        made_at=inputs.made_at,
        tokens=request.tokens,
        input_tokens=request.input_tokens,
        tokens_basis=request.tokens_basis,
        model_class=request.model_class,
        latency_class=request.latency_class,
        latency_km=terms.latency_km[request.latency_class],
        earliest_at=request.earliest_at,
        window_hours=window_hours(request.created_at, request.latest_at),
        price_cap_micro_usd=request.price_cap_micro_usd,
        eligible_regions=request.eligible_regions,
        residency=request.residency,
        min_cfe_share=request.min_cfe_share,
        purpose=request.purpose,
        purpose_title=request.purpose_title,
        priority=factors["purpose"],
        origin=request.origin,
        scored_country=request.scored_country,
        mean_need_score=inputs.mean_need_score if terms.justice.kind == "feebate" else None,
        home_renewable_share=_home_renewable_share(inputs, request.origin.code),
        emergency_multiplier=factors.get("emergency", 1.0),
        fund_available_micro_usd=placement.from_fund_micro_usd,  # what the plan keeps of the Fund for it
        candidates=(_planned(inputs, request.origin.code, placement),),
        left_out=max(0, site_count * len(hours) - 1),
        home=None if home is None else candidate_at(inputs, request.origin.code, home, 0, promised_tokens=0),
        is_simulated=False,
    )


def _planned(inputs: PlanInputs, origin: str, placement: PlacementFacts) -> Candidate:
    site, hour = placement.site, placement.hour
    promised = int(inputs.arrays["promised_tokens"][site, hour])
    return candidate_at(inputs, origin, site, hour, promised_tokens=promised, room_tokens=placement.tokens)


def candidate_at(inputs: PlanInputs, origin: str, site_index: int, hour: int, **tokens: int) -> Candidate:
    """A region-hour of the plan as it was known; `tokens`: what was promised, and the room kept for the request."""
    site = inputs.sites[site_index]
    zone = inputs.zones.index(site.zone)
    of_zone: dict[str, Any] = {name: inputs.arrays[name][zone, hour].item() for name in _OF_ZONE}
    return Candidate(
        code=site.region,
        city=site.city,
        zone=site.zone,
        starts_at=inputs.hour_at(hour),
        distance_km=reach_km_of(inputs, origin, site.region),
        pue=site.pue,
        pue_is_assumed=site.pue_is_assumed,
        capacity_tokens=int(inputs.arrays["capacity_tokens"][site_index, hour]),
        intensity_g_per_kwh=of_zone["intensity_g_per_kwh"],
        low_g_per_kwh=_known(of_zone["low_g_per_kwh"]),
        high_g_per_kwh=_known(of_zone["high_g_per_kwh"]),
        renewable_share=_known(of_zone["renewable_share"]),
        contracted_cfe_share=site.contracted_cfe_share,
        basis=inputs.bases[of_zone["basis"]],
        source=inputs.sources[of_zone["source"]],
        as_of=datetime.fromtimestamp(of_zone["as_of_s"], tz=UTC),
        kind=inputs.kind,
        scope=inputs.scope,
        country=site.country,
        carbon_free_share=_known(of_zone["carbon_free_share"]),
        **tokens,
    )


_OF_ZONE = (
    "intensity_g_per_kwh",
    "low_g_per_kwh",
    "high_g_per_kwh",
    "renewable_share",
    "carbon_free_share",
    "basis",
    "source",
    "as_of_s",
)


def _home_renewable_share(inputs: PlanInputs, origin: str) -> float | None:
    """Of the origin's own grid, in the plan's first hour; None where its zone was not looked at."""
    if origin not in inputs.zones:
        return None
    return _known(float(inputs.arrays["renewable_share"][inputs.zones.index(origin), 0]))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
