"""Waiting requests as columns, and where the sites of a plan lie for them.

Requests differ in size and times, but seldom in what they allow: a million rows have some hundred
distinct *kinds*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import Flags, Indices, Ints
from market.domain.policy import PolicyTerms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_US = 3_600_000_000
UNKNOWN = -1
"""In `input_tokens` and `price_cap_micro_usd`: not stated."""
PartyKey = tuple[str, str, str]
"""Origin, scored country and purpose. Weights depend on nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKind:
    """What requests have in common. `eligible_regions`, `residency` (countries) and `min_cfe_share` None: any."""

    policy_id: int
    purpose: str
    origin: str
    scored: str
    model_class: str
    latency_class: str
    eligible_regions: tuple[str, ...] | None = None
    residency: tuple[str, ...] | None = None
    min_cfe_share: float | None = None

    def party(self, plan_terms: PolicyTerms) -> PartyKey:
        """Who shares."""
        return party_key(origin=self.origin, scored=self.scored, purpose=self.purpose, plan_terms=plan_terms)


def party_key(*, origin: str, scored: str, purpose: str, plan_terms: PolicyTerms) -> PartyKey:
    """The party of a request, by the policy of the plan: asking under another gains no share of one's own.

    `scored` is as the request's own policy has it; headquarters count only where the plan's policy counts them.
    """
    return (origin, scored if plan_terms.company_scores_by_headquarters else origin, purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestColumns:
    """Waiting requests [N] as columns. Times in microseconds since 1970 UTC, as the database keeps them.

    `ids` [N, 16] bytes of the UUIDs. `tokens` asked for; `input_tokens` of them, UNKNOWN where the
    split is not known; `price_cap_micro_usd` UNKNOWN is no cap. `kind` and `budget` are indices into
    `kinds` and `budgets`.
    """

    ids: NDArray[np.uint8]
    tokens: Ints
    input_tokens: Ints
    earliest_us: Ints
    latest_us: Ints
    created_us: Ints
    price_cap_micro_usd: Ints
    may_split: Flags
    kind: Indices
    budget: Indices
    kinds: tuple[RequestKind, ...]
    budgets: tuple[UUID, ...]

    def __len__(self) -> int:
        return len(self.tokens)


def microseconds(moment: datetime) -> int:
    """Since 1970, as the columns count time."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def reach_of(inputs: PlanInputs, origin: str) -> dict[str, float]:
    """How far each region is from an origin, km; regions and origins of unknown place are left out."""
    distances = inputs.reach_km.get(origin, [])
    return {
        region: distance
        for region, distance in zip(inputs.regions, distances, strict=False)
        if distance is not None and not math.isnan(distance)
    }


def reach_km_of(inputs: PlanInputs, origin: str, region: str) -> float | None:
    """How far one region is from an origin, km; None where nobody knows."""
    distances = inputs.reach_km.get(origin)
    distance = None if distances is None else distances[inputs.regions.index(region)]
    return None if distance is None or math.isnan(distance) else distance


def home_site(inputs: PlanInputs, origin: str, model_class: str) -> int | None:
    """The site of "run now at home": that of the origin's home region; None where nobody knows where that is.

    Where the home region does not serve the class: the nearest site that does, one in the country first.
    """
    serving = [index for index, site in enumerate(inputs.sites) if site.model_class == model_class]
    for index in serving:
        if inputs.sites[index].region == inputs.home_of_origin.get(origin):
            return index
    reach = reach_of(inputs, origin)
    near = [index for index in serving if inputs.sites[index].region in reach]
    at_home = [index for index in near if inputs.sites[index].country == origin]
    if not near:
        return None
    return min(at_home or near, key=lambda index: (reach[inputs.sites[index].region], inputs.sites[index].region))


def zone_of_site(inputs: PlanInputs) -> Indices:
    """Index of each site's zone [S]."""
    index = {zone: position for position, zone in enumerate(inputs.zones)}
    return np.array([index[site.zone] for site in inputs.sites], dtype=np.int32)
