"""Quota that a person gives to another budget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from budgets.domain.amounts import positive_steps
from budgets.domain.model_classes import WRONG_CLASS
from budgets.domain.quota import QuotaGive, QuotaTake
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget
from budgets.selectors.sellable import list_on_offer, room_of
from budgets.services.guards import require_one_person
from budgets.services.quota import deliver_quota
from budgets.services.quota.moving import find_paths, lock_levels
from budgets.services.rows import note_change
from config.kernel.errors import Conflict, InvalidInput, NotFound


@transaction.atomic
def transfer_quota(*, from_id: UUID, to_id: UUID, amount: Decimal, actor: str, reason: str, now: datetime) -> None:
    """Move tradeable quota of this period from one budget to another of the same unit; none is made or lost.

    It moves as `deliver_quota` says: a bonus to who gets it, theirs until their period ends, and not for
    selling on. Raises NotFound, InvalidInput (the same budget, another unit or model class, an amount that
    cannot be, a rolling window) or Conflict with the code `not_tradeable`, `not_available` or `needs_two`.
    """
    if from_id == to_id:
        raise InvalidInput("Choose another budget than the one that gives.", field="to")
    unit = _unit(from_id, to_id)
    steps = positive_steps(unit, amount, field="amount")
    paths = find_paths([from_id, to_id])
    rows = lock_levels(paths.all, dict.fromkeys(paths.levels[from_id], steps), now=now)
    for budget_id, field in ((from_id, "from"), (to_id, "to")):
        if rows[budget_id].deallocated_at is not None:
            raise NotFound("There is no such budget.", field=field)
        require_one_person(rows[budget_id])
    _require_movable([rows[level] for level in paths.levels[from_id]], steps)
    give, take = QuotaGive(budget_id=from_id, steps=steps), QuotaTake(budget_id=to_id, steps=steps)
    deliver_quota(gives=[give], takes=[take], actor=actor, reason=reason, now=now)
    _note(rows, (from_id, to_id), actor, reason)


def _unit(from_id: UUID, to_id: UUID) -> Unit:
    """The unit of both. It and the class never change."""
    rows = Budget.objects.only("unit", "model_class").in_bulk([from_id, to_id])
    for budget_id, field in ((from_id, "from"), (to_id, "to")):
        if budget_id not in rows:
            raise NotFound("There is no such budget.", field=field)
    giver, taker = rows[from_id], rows[to_id]
    if taker.unit != giver.unit:
        raise InvalidInput(f"Quota in {giver.unit} cannot go to a budget in {taker.unit}.", field="to")
    if giver.model_class not in ("", taker.model_class):
        words = f"Quota of class {giver.model_class} goes to a budget of that class only."
        raise InvalidInput(words, field="to", code=WRONG_CLASS)
    return Unit(giver.unit)


def _require_movable(path: list[Budget], steps: int) -> None:
    giver = path[0]
    unit = Unit(giver.unit)
    most = room_of(giver, on_offer=sum(list_on_offer([giver]).values()), idle=0).earned
    if steps > most:
        words = f"{from_steps(unit, most):f} {unit} of {giver.name} may be given away."
        raise Conflict(words, field="amount", code="not_tradeable")
    for row in path:
        available = row.limit - row.spent - row.reserved
        if steps > available:
            words = f"{from_steps(unit, available):f} {unit} of {row.name} are neither spent nor reserved."
            raise Conflict(words, field="amount", code="not_available")


def _note(rows: Mapping[UUID, Budget], budget_ids: tuple[UUID, ...], actor: str, reason: str) -> None:
    """Let the history say who did it, beside what it came to."""
    for budget_id in budget_ids:
        rows[budget_id].refresh_from_db()
        note_change(rows[budget_id], actor, reason)
