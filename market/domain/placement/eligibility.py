"""Which sites may serve which waiting request in which hour, worked out by kinds of requests, not by rows.

Requests differ in size and times, but seldom in what they allow: a million rows have some hundred
distinct *kinds*. A site is set aside by model class, named regions, residency and latency; an hour
of a site by its carbon-free share and, where a request names a highest price, by its posted price.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from climate.domain.places import CountryFacts
from market.domain.placement.plan import PlanInputs
from market.domain.placement.problem import Flags, Indices, Ints
from market.domain.policy import PolicyTerms

HOUR_US = 3_600_000_000
UNKNOWN = -1
"""In `input_tokens` and `price_cap_micro_usd`: not stated."""


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

    @property
    def party(self) -> tuple[str, str, str, int]:
        """Who shares: origin, scored country, purpose, policy. Weights depend on nothing else."""
        return (self.origin, self.scored, self.purpose, self.policy_id)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Where and when each request may run; the first two fields go into the Problem as they are.

    `is_eligible` [E, S], `set_of_hour` [P, T] (NO_SET: nothing). By request [N]: `profile`,
    `first_hour` and `last_hour` (inclusive, first > last where no hour of the plan is in its
    window), `party` (index into `parties`, the keys of `RequestKind.party`), and `can_be_served`:
    some site is eligible in some hour of its window, be it full or not.
    """

    is_eligible: Flags
    set_of_hour: Indices
    profile: Indices
    first_hour: Indices
    last_hour: Indices
    party: Indices
    parties: tuple[tuple[str, str, str, int], ...]
    can_be_served: Flags


def eligibility_of(
    inputs: PlanInputs,
    columns: RequestColumns,
    *,
    terms: Mapping[int, PolicyTerms],
    countries: Mapping[str, CountryFacts],
) -> Eligibility:
    """Profiles, windows and parties of all requests.

    `inputs` may be a draft without parties; its reach and its arrays by zone and site are read.
    `terms` by policy id, `countries` by code: of all kinds, origin and scored.
    """
    raise NotImplementedError


def reach_of(inputs: PlanInputs, origin: str) -> dict[str, float]:
    """How far each region is from an origin, km; regions and origins of unknown place are left out."""
    distances = inputs.reach_km.get(origin, [])
    return {
        region: distance
        for region, distance in zip(inputs.regions, distances, strict=False)
        if distance is not None and not math.isnan(distance)
    }


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
