"""Pools, and the swarms that are allotted from them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Sum

from budgets.domain.amounts import positive_steps
from budgets.domain.levels import Level
from budgets.domain.periods import Period
from budgets.domain.swarms import Pool, left_for_swarms
from budgets.domain.units import Unit
from budgets.models import Budget, Threshold
from budgets.services.rows import locked
from budgets.services.tree import create_budget
from config.kernel.errors import Conflict, InvalidInput

FIGURES = {
    "pool-total": 200_000,
    "pool-reserve": 10_000,
    "swarm-allotment": 50_000,
    "pool-warning": 150_000,
    "pool-critical": 180_000,
}
"""Thresholds of pools and swarms in tokens, with the founding documents' figures where a row is missing."""


@transaction.atomic
def create_pool(
    *,
    name: str,
    organisation_id: int,
    team_id: int | None,
    parent_id: UUID | None,
    actor: str,
    now: datetime,
) -> UUID:
    """Make a one-off pool of the size in force, which warns at the amounts in force; return its id."""
    figures = _figures()
    warnings = {figures["pool-warning"], figures["pool-critical"]}
    return create_budget(
        name=name,
        organisation_id=organisation_id,
        team_id=team_id,
        parent_id=parent_id,
        unit=Unit.TOKENS,
        limit=Decimal(figures["pool-total"]),
        period=Period.ONE_OFF,
        actor=actor,
        now=now,
        warning_amounts=[Decimal(each) for each in sorted(warnings)],
    )


@transaction.atomic
def allot_swarm(*, parent_id: UUID, name: str, amount: Decimal | None = None, actor: str, now: datetime) -> UUID:
    """Make a one-off budget for a swarm below a pool of tokens; return its id.

    Without an amount it gets the usual allotment, or what is left where that is less. What is left is
    the pool less its reserve, what its children hold, and what was used by nobody who still lives
    below it. Raises Conflict with the code `pool_empty` if nothing, or less than `amount`, is left.
    """
    pool = locked(parent_id, now=now)
    if pool.unit != Unit.TOKENS:
        raise InvalidInput("Swarms are allotted from a budget in tokens.", field="parent")
    figures = _figures()
    left = left_for_swarms(_pool(pool, reserve=figures["pool-reserve"]))
    wanted = min(figures["swarm-allotment"], left) if amount is None else _tokens(amount)
    if not left or wanted > left:
        raise Conflict(
            f"{left} tokens of {pool.name} are left for swarms: the others are allotted below it, used or kept back.",
            field="amount",
            code="pool_empty",
            left=left,
        )
    return create_budget(
        name=name,
        organisation_id=pool.organisation_id,
        team_id=pool.team_id,
        parent_id=parent_id,
        unit=Unit.TOKENS,
        limit=Decimal(wanted),
        period=Period.ONE_OFF,
        actor=actor,
        now=now,
        level=Level.SESSION,
    )


def _pool(row: Budget, *, reserve: int) -> Pool:
    living = Budget.objects.filter(parent=row, unit=row.unit, deallocated_at=None)
    sums = living.aggregate(held=Sum("limit", default=0), used=Sum(F("spent") + F("reserved"), default=0))
    return Pool(
        limit=row.limit,
        reserve=reserve,
        held=int(sums["held"]),
        used_otherwise=max(0, row.spent + row.reserved - int(sums["used"])),
    )


def _tokens(amount: Decimal) -> int:
    return positive_steps(Unit.TOKENS, amount, field="amount")


def _figures() -> dict[str, int]:
    rows = Threshold.objects.filter(name__in=FIGURES).values_list("name", "value")
    return FIGURES | {name: int(value) for name, value in rows}
