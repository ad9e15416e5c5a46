"""The global picture: what all trees of a caller come to, and what needs attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from budgets.domain.utilisation import Utilisation
from budgets.models import Threshold
from budgets.selectors.picture import Picture, get_picture

GEARS_OF_LAST = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStatus:
    """The roots of one unit together, in that unit. `warnings_passed` are the pool's amounts that use has reached."""

    limit: Decimal
    spent: Decimal
    reserved: Decimal
    available: Decimal
    overdraft: Decimal
    used_percent: float
    utilisation: str
    warnings_passed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalStatus:
    """`roots` by unit; `warning_amounts` are the tokens at which the whole warns."""

    roots: dict[Unit, UnitStatus]
    warning_amounts: tuple[int, ...]
    picture: Picture
    attention: tuple[BudgetState, ...]


def get_utilisation_terms() -> Utilisation:
    """The percentages in force."""
    names = {"utilisation-moderate": "moderate", "utilisation-high": "high", "utilisation-critical": "critical"}
    rows = Threshold.objects.filter(name__in=names).values_list("name", "value")
    return Utilisation(**{names[name]: value for name, value in rows})


def get_global_status(states: Sequence[BudgetState], *, now: datetime) -> GlobalStatus:
    """Sums over the uppermost of these budgets; a child's figures are in its parent's already."""
    units = {state.id: state.unit for state in states}
    parents = {state.id: state.parent_id for state in states}
    terms, amounts = get_utilisation_terms(), _warning_amounts()
    by_unit: dict[Unit, list[BudgetState]] = {}
    for state in states:
        # A budget in grams below one in tokens is in no sum yet: each unit has its own uppermost budgets.
        if state.unit not in _units_above(state, parents, units):
            by_unit.setdefault(state.unit, []).append(state)
    return GlobalStatus(
        roots={unit: _sum(unit, roots, terms, amounts) for unit, roots in by_unit.items()},
        warning_amounts=amounts,
        picture=get_picture(budget_ids=units.keys(), gears_since=now - GEARS_OF_LAST),
        attention=tuple(state for state in states if state.status != "ok" or state.overdraft),
    )


def _units_above(state: BudgetState, parents: Mapping[UUID, UUID | None], units: Mapping[UUID, Unit]) -> set[Unit]:
    found: set[Unit] = set()
    above = state.parent_id
    while above is not None and above in units:
        found.add(units[above])
        above = parents[above]
    return found


def _sum(unit: Unit, roots: Sequence[BudgetState], terms: Utilisation, amounts: Sequence[int]) -> UnitStatus:
    limit, spent, reserved, available, overdraft = (
        sum((getattr(state, name) for state in roots), Decimal(0))
        for name in ("limit", "spent", "reserved", "available", "overdraft")
    )
    used = spent + reserved
    percent = float(100 * used / limit) if limit else 100.0
    return UnitStatus(
        limit=limit,
        spent=spent,
        reserved=reserved,
        available=available,
        overdraft=overdraft,
        used_percent=percent,
        utilisation=terms.name_of(percent),
        warnings_passed=tuple(each for each in amounts if unit is Unit.TOKENS and used >= each),
    )


def _warning_amounts() -> tuple[int, ...]:
    rows = Threshold.objects.filter(name__in=("pool-warning", "pool-critical")).values_list("value", flat=True)
    return tuple(sorted(int(value) for value in rows))
