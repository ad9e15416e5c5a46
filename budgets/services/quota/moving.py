"""The levels that quota moves on: those of a path that are in the unit that moves, locked in the order of everybody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from budgets.domain.quota import Parts
from budgets.domain.units import Unit
from budgets.models import Budget
from budgets.selectors.escrow import free_in_escrow
from budgets.services.escrow.recall import recall_at
from budgets.services.periods import begin_periods_if_over
from budgets.services.quota.many import among
from budgets.services.rows import in_lock_order
from config.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The levels of each budget's path that are in its unit, leaf first. All budgets are of one unit."""

    unit: Unit
    levels: Mapping[UUID, tuple[UUID, ...]]

    @property
    def all(self) -> set[UUID]:
        """Every budget on any of the paths."""
        return {each for levels in self.levels.values() for each in levels}


def find_paths(budget_ids: Collection[UUID]) -> Paths:
    """The paths of these budgets. Raises InvalidInput if one does not exist, ValueError if units differ."""
    found = among(Budget.objects.all(), "id", budget_ids).values_list("pk", "unit", "path_ids")
    leaves = {pk: (unit, [UUID(each) for each in path]) for pk, unit, path in found}
    if len(leaves) < len(set(budget_ids)):
        raise InvalidInput("There is no such budget.", field="budget")
    units = {unit for unit, _ in leaves.values()}
    if len(units) > 1:
        raise ValueError(f"Quota of one unit moves at a time, not of {sorted(units)}.")
    unit = Unit(units.pop())
    above = {each for _, path in leaves.values() for each in path[1:]}
    same = set(among(Budget.objects.filter(unit=unit), "id", above).values_list("pk", flat=True))
    levels = {pk: (pk, *(each for each in path[1:] if each in same)) for pk, (_, path) in leaves.items()}
    return Paths(unit=unit, levels=levels)


def lock_levels(level_ids: Collection[UUID], leaving: Mapping[UUID, int], *, now: datetime) -> dict[UUID, Budget]:
    """Budgets in the period that holds `now`, locked deepest first.

    `leaving` is what of them must be free: where it is not, what blocks in escrow hold idle is
    called back. Call it before any budget is locked.
    """
    rows = among(Budget.objects.all(), "id", level_ids)
    if rows.filter(period_ends_at__lte=now, deallocated_at=None).exists():
        begin_periods_if_over(rows.all(), now=now)
    if leaving:
        room = among(Budget.objects.all(), "id", leaving).values_list("pk", "limit", "spent", "reserved")
        short = [pk for pk, limit, spent, reserved in room if limit - spent - reserved < leaving[pk]]
        if short and free_in_escrow(short):
            recall_at(short, now=now, also_lock=level_ids)
    return {row.pk: row for row in in_lock_order(rows)}


def parts_of(row: Budget) -> Parts:
    """The parts of a row's limit that move."""
    return Parts(limit=row.limit, bonus=row.bonus, tradeable=row.tradeable, sold=row.sold)
