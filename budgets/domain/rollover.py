"""What becomes of a budget when its period ends: what goes on, what goes back, what is earned."""

from __future__ import annotations

from dataclasses import dataclass

from budgets.domain.units import LARGEST_AMOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A budget at the end of its period, in steps, with its policy in percent.

    `base` is what was allotted, of which `sold` was sold or lent away.
    `earned` is its bonus for the next period, `earned_tradeable` the part of that which may be sold.
    """

    base: int
    carried: int = 0
    pooled: int = 0
    bonus: int = 0
    sold: int = 0
    spent: int = 0
    reserved: int = 0
    overdraft: int = 0
    rollover_percent: int = 0
    rollover_cap_percent: int = 100
    earned: int = 0
    earned_tradeable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The same budget at the start of the next period, in steps."""

    carried: int
    pooled: int
    bonus: int
    sold: int
    tradeable: int
    limit: int
    spent: int
    overdraft: int


def turn(ended: Ended) -> Begun:
    """Begin the next period.

    Carried over: `rollover_percent` of what the budget's own limit had left, rounded down, and at
    most `rollover_cap_percent` of the base. What was sold is whole again. Draws on the pool end. Open
    holds stay reserved, so where they need more than the new limit, what they need stays: first of the
    draws, then of what was left. What was overdrawn is paid first, as far as it fits. Nothing carried or
    earned lifts a limit above the largest amount there is.
    """
    earned = min(ended.earned, max(0, LARGEST_AMOUNT - ended.base))
    own_limit = ended.base - ended.sold + ended.carried + ended.bonus
    unspent = max(0, own_limit - ended.spent)
    carried = min(
        unspent * ended.rollover_percent // 100,
        ended.base * ended.rollover_cap_percent // 100,
        max(0, LARGEST_AMOUNT - ended.base - earned),
    )
    lacking = max(0, ended.reserved - ended.base - carried - earned)
    pooled = min(lacking, ended.pooled)
    carried += lacking - pooled
    limit = ended.base + carried + pooled + earned
    paid = min(ended.overdraft, limit - ended.reserved)
    return Begun(
        carried=carried,
        pooled=pooled,
        bonus=earned,
        sold=0,
        tradeable=min(earned, ended.earned_tradeable),
        limit=limit,
        spent=paid,
        overdraft=ended.overdraft - paid,
    )
