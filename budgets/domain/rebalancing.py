"""Unused allotment flows to where it is used. Nothing is made or lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One budget that takes part, in steps: its base, the least it keeps, and what it recently used."""

    key: UUID
    base: int
    least: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalancedLine:
    """What rebalancing does to one budget; amounts in its unit. `used` is what it used of late."""

    budget_id: UUID
    name: str
    unit: str
    before: Decimal
    after: Decimal
    used: Decimal


def rebalanced(shares: Sequence[Share]) -> dict[UUID, int]:
    """New bases in proportion to use, each at least its `least`; their sum is that of the old ones.

    One level L rises for all: a budget gets max(least, L * used). Parts of a step go to the largest
    remainders, and among equal ones to the earlier key. Where nothing was used, nothing changes.
    """
    total = sum(each.base for each in shares)
    bases = {each.key: each.least for each in shares}
    free = sorted((each for each in shares if each.used > 0), key=lambda each: each.key)
    if not free:
        return {each.key: each.base for each in shares}
    while True:
        room = total - sum(bases[each.key] for each in shares if each not in free)
        demand = sum(each.used for each in free)
        kept = [each for each in free if room * each.used < each.least * demand]
        if not kept:
            break
        free = [each for each in free if each not in kept]
    return bases | _divided(room, free)


def _divided(room: int, free: Sequence[Share]) -> dict[UUID, int]:
    """`room` steps in proportion to use, by largest remainder."""
    demand = sum(each.used for each in free)
    parts = {each.key: room * each.used // demand for each in free}
    left = room - sum(parts.values())
    by_remainder = sorted(free, key=lambda each: (-(room * each.used % demand), each.key))
    for each in by_remainder[:left]:
        parts[each.key] += 1
    return parts
