"""Quota that changes hands: what is offered of a budget, and what a delivery moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from budgets.domain.units import COLUMN_OF, Amounts, Unit

QUOTA_PREFIX = "quota:"
"""A hold whose reference begins like this keeps quota that is on offer, or promised to another budget."""
NO_END = datetime(9999, 12, 31, tzinfo=UTC)
"""When the lease of such a hold is over: it ends with the offer that it is for."""


def quota_reference(kind: str, key: object) -> str:
    """The reference of the hold that keeps the quota of an order, a loan or a donation."""
    return f"{QUOTA_PREFIX}{kind}:{key}"


def only_in(unit: Unit, steps: int) -> Amounts:
    """So many steps of one unit and nothing of the others."""
    return Amounts(**{column: steps if column == COLUMN_OF[unit] else 0 for column in COLUMN_OF.values()})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaGive:
    """So many steps leave a budget: out of the open hold with this reference, or, without one, out of what is free.

    Own quota leaves it for this period (`sold`), the tradeable part of its bonus first. With
    `bought_first` what it had bought or borrowed leaves it before that: a loan is given back.
    """

    budget_id: UUID
    steps: int
    reference: str | None = None
    bought_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaTake:
    """So many steps come to a budget and may be spent until its period ends; not for selling on.

    With `sold_first` they undo what it had sold or lent before they are a bonus: a loan comes back. With
    `is_undone` that bonus may be sold on: a sale is taken back, and it had given such a bonus.
    """

    budget_id: UUID
    steps: int
    sold_first: bool = False
    is_undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sellable:
    """What a budget could offer now, in steps of its unit, and why not more.

    `tradeable` is what the rules leave (the tradeable part of its bonus and of its base, less what is
    sold and on offer, and no more than it has left of its own), `free` what is neither spent nor
    reserved at any level of its path in its unit; blocks in escrow that nobody has been promised are free.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRoom:
    """A budget that offers quota, in steps. `idle` is what blocks hold of it and nobody has been promised."""

    limit: int
    spent: int
    reserved: int
    base: int
    pooled: int
    bonus: int
    tradeable: int
    sold: int
    tradeable_percent: int
    on_offer: int
    idle: int = 0

    @property
    def free(self) -> int:
        """Neither spent nor reserved."""
        return self.limit - self.spent - self.reserved + self.idle

    @property
    def own(self) -> int:
        """What is free of its own: work counts as paid from that before it is paid from what was bought or drawn."""
        return self.free - self.pooled - (self.bonus - self.tradeable)

    @property
    def by_rule(self) -> int:
        """What the shares of bonus and base that may be sold leave."""
        return self.tradeable + self._of_base - self.on_offer

    @property
    def earned(self) -> int:
        """What of the tradeable bonus no offer counts on beyond what may go of the base."""
        return max(0, self.tradeable - max(0, self.on_offer - max(0, self._of_base)))

    @property
    def _of_base(self) -> int:
        return self.base * self.tradeable_percent // 100 - self.sold


@dataclass(slots=True, kw_only=True)
class Parts:
    """Parts of a budget's limit that deliveries move, in steps; `leave` and `arrive` change them.

    `limit` and the three parts move together, so that the base (`limit` less bonus, plus sold, less
    what is carried and pooled) stays as it was allotted.
    """

    limit: int
    bonus: int
    tradeable: int
    sold: int

    def leave(self, steps: int, *, is_own: bool, bought_first: bool) -> None:
        """Quota goes out. `is_own`: it is the giver's; at the levels above it only passes through."""
        self.limit -= steps
        if bought_first:
            bought = min(max(0, self.bonus - self.tradeable), steps)
            self.bonus -= bought
            steps -= bought
        if is_own:
            earned = min(self.tradeable, steps)
            self.tradeable -= earned
            earned = min(self.bonus, earned)
            self.bonus -= earned
            steps -= earned
        self.sold += steps

    def arrive(self, steps: int, *, sold_first: bool, is_tradeable: bool = False) -> None:
        """Quota comes in; what of it is a bonus may be sold on if `is_tradeable`."""
        self.limit += steps
        if sold_first:
            back = min(self.sold, steps)
            self.sold -= back
            steps -= back
        self.bonus += steps
        self.tradeable += steps if is_tradeable else 0

    def values(self) -> Iterator[int]:
        """Limit, bonus, tradeable and sold."""
        return iter((self.limit, self.bonus, self.tradeable, self.sold))


def net(before: Parts, after: Parts) -> Parts:
    """What changes. Where quota was sold and bought at once only the difference was."""
    sold, bonus = after.sold - before.sold, after.bonus - before.bonus
    both = max(0, min(sold, bonus))
    return Parts(
        limit=after.limit - before.limit,
        bonus=bonus - both,
        tradeable=after.tradeable - before.tradeable,
        sold=sold - both,
    )
