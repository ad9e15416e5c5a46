"""What each party is sure of, whatever others ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from market.domain.placement.problem import Floats
from market.domain.policy import AllocationTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """A party: its origin and purpose, the purpose's tier, and whether an emergency lifts it now."""

    origin: str
    purpose: str
    tier: str
    is_lifted: bool


def floors(claimants: Sequence[Claimant], terms: AllocationTerms, *, free_tokens: int) -> Floats:
    """Tokens that each party is guaranteed, of `free_tokens` in all sites and hours of the plan together.

    `floor_share` of the tier, times `emergency_floor_multiplier` where an emergency lifts the party.
    The floor belongs to an origin and purpose: where these count by several headquarters they
    share it, so that nobody gains by splitting claims. It never depends on what is asked for.
    Where not all floors fit, `share_fairly` shrinks them by one factor.
    """
    sharing = Counter((each.origin, each.purpose) for each in claimants)
    return np.array(
        [
            terms.floor_share[each.tier]
            * (terms.emergency_floor_multiplier if each.is_lifted else 1.0)
            * free_tokens
            / sharing[each.origin, each.purpose]
            for each in claimants
        ],
        dtype=np.float64,
    )
