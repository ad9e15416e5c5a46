"""Sharing inside one team, without a price: who donates gets credits, who draws owes them; the sum stays zero."""

from __future__ import annotations

from collections.abc import Sequence

from budgets.domain.units import STEPS_PER_UNIT, Unit


def most_owed_steps(unit: Unit, most_owed_units: int) -> int:
    """How far below zero the credit of a budget may fall, in steps of its unit.

    The policy gives it in tokens; for other units it is the same number of units.
    """
    return most_owed_units * STEPS_PER_UNIT[unit]


def may_draw(*, credit_steps: int, most_owed: int) -> int:
    """How many steps a budget with this credit may draw at most."""
    return max(0, credit_steps + most_owed)


def drawn_from(left: Sequence[int], steps: int) -> list[int] | None:
    """How `steps` are drawn from donations of which so much is left, the oldest first; None if it is not enough."""
    drawn: list[int] = []
    for each in left:
        part = min(each, steps)
        drawn.append(part)
        steps -= part
    return drawn if not steps else None
