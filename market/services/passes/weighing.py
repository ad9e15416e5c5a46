"""Who shares in a plan, and how much each party counts. Never by how much it asks for, nor under which policy.

Weights and floors are those of the policy that is in force for everybody. The policy that a request names
sets its price and where it may run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from market.domain.justice import Weight, emergency_multiplier, need_score, weigh
from market.domain.placement.columns import PartyKey
from market.domain.placement.floors import Claimant, floors
from market.domain.placement.plan import Party, PlanInputs
from market.domain.placement.problem import Ints
from market.services.passes.gather import Gathered


def parties_of(gathered: Gathered, keys: Sequence[PartyKey], *, free_tokens: int) -> tuple[Party, ...]:
    """Parties with weight and floor; what they asked and get is not known yet. `free_tokens` of all hours together."""
    lifted = [
        emergency_multiplier(origin=origin, purpose=purpose, emergencies=gathered.emergencies)
        for origin, _, purpose in keys
    ]
    claimants = [
        Claimant(origin=origin, purpose=purpose, tier=gathered.purposes[purpose].tier, is_lifted=lifted_by > 1.0)
        for (origin, _, purpose), lifted_by in zip(keys, lifted, strict=True)
    ]
    guaranteed = floors(claimants, gathered.plan_terms.allocation, free_tokens=free_tokens)
    return tuple(
        _party(gathered, key, lifted_by, float(floor))
        for key, lifted_by, floor in zip(keys, lifted, guaranteed, strict=True)
    )


def _party(gathered: Gathered, key: PartyKey, lifted_by: float, floor_tokens: float) -> Party:
    origin, scored, purpose = key
    weight = _weight(gathered, key, lifted_by)
    return Party(
        origin=origin,
        scored=scored,
        purpose=purpose,
        weight=weight.value,
        factors=weight.factors,
        floor_tokens=floor_tokens,
        asked_tokens=0,
        service_tokens=0,
        baseline_tokens=0,
    )


def _weight(gathered: Gathered, key: PartyKey, lifted_by: float) -> Weight:
    origin, scored, purpose = key
    country = gathered.countries[scored]
    return weigh(
        priority=gathered.purposes[purpose].priority,
        country=country,
        score=need_score(country).score,
        home_renewable_share=_home_renewable_share(gathered.draft, origin),
        emergency_multiplier=lifted_by,
        terms=gathered.plan_terms,
    )


def _home_renewable_share(inputs: PlanInputs, origin: str) -> float | None:
    if origin not in inputs.zones:
        return None
    share = float(inputs.arrays["renewable_share"][inputs.zones.index(origin), 0])
    return None if np.isnan(share) else share


def in_turn(parties: Sequence[Party], party: np.ndarray, *, count: int) -> tuple[Ints, Ints]:
    """Requests in the order of who goes first (weight, then the oldest), and the place of each in it.

    Requests are in the order of their creation already.
    """
    weight = np.array([each.weight for each in parties])
    order = np.argsort(-weight[party], kind="stable") if count else np.zeros(0, dtype=np.int64)
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return order.astype(np.int64), rank
