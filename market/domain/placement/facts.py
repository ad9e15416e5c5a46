"""The facts of one placement, so that `market.domain.verdict.decide` comes to what the plan came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from climate.domain.places import CountryFacts
from market.domain.facts import DecisionFacts
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
    those of the request's own policy. One part of a split request is one placement.
    """
    raise NotImplementedError
