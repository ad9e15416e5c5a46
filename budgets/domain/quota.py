"""Quota that changes hands: what is offered of a budget, and what a delivery moves."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from budgets.domain.units import Unit

QUOTA_PREFIX = "quota:"
"""A hold whose reference begins like this keeps quota that is on offer, or promised to another budget."""


def quota_reference(kind: str, key: object) -> str:
    """The reference of the hold that keeps the quota of an order, a loan or a donation."""
    return f"{QUOTA_PREFIX}{kind}:{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaGive:
    """So many steps leave a budget: out of the open hold with this reference, or, without one, out of what is free."""

    budget_id: UUID
    steps: int
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaTake:
    """So many steps come to a budget and may be spent until its period ends; not for selling on."""

    budget_id: UUID
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sellable:
    """What a budget could offer now, in steps of its unit, and why not more.

    `tradeable` is what the rules leave (the tradeable part of its bonus and of its base, less what is
    sold and on offer), `free` what is neither spent nor reserved on the whole path.
    """

    budget_id: UUID
    unit: Unit
    tradeable: int
    free: int
    on_offer: int

    @property
    def steps(self) -> int:
        """The lesser of both."""
        return max(0, min(self.tradeable, self.free))
