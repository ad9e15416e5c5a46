"""What the budgets of waiting work can pay, the holds of the plan in force counted in: they are set anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from budgets import selectors as budgets
from budgets.domain.units import Unit
from market.domain.placement.paying import UNITS, Purses


def read_purses(budget_ids: Sequence[UUID], *, now: datetime) -> Purses:
    """Paths and levels of these budgets, in their order. A budget that is gone pays nothing."""
    held = budgets.list_plan_holds()
    paths = budgets.list_headrooms({*budget_ids, *held}, now=now)
    freed: dict[UUID, int] = defaultdict(int)
    for budget_id, hold in held.items():
        for level in paths.get(budget_id, ()):
            freed[level.budget_id] += hold.amounts.of(level.unit)
    place: dict[UUID, int] = {}
    unit, remaining = [UNITS.index(Unit.TOKENS)], [0]  # level 0 pays nothing: that of budgets that are gone
    for budget_id in budget_ids:
        for level in paths.get(budget_id, ()):
            if level.budget_id not in place:
                place[level.budget_id] = len(unit)
                unit.append(UNITS.index(level.unit))
                remaining.append(max(0, level.remaining + freed[level.budget_id]))
    return Purses(
        paths=tuple(
            tuple(place[level.budget_id] for level in paths[budget_id]) if paths.get(budget_id) else (0,)
            for budget_id in budget_ids
        ),
        unit=tuple(unit),
        remaining=tuple(remaining),
    )
