"""Quota that changes hands."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from budgets.domain.amounts import positive_steps
from budgets.domain.model_classes import WRONG_CLASS
from budgets.domain.units import Unit, from_steps
from budgets.events import BudgetsChanged
from budgets.models import Budget, LedgerEntry
from budgets.services.alerting import note_crossings
from budgets.services.guards import require_one_person
from budgets.services.ledger import entry
from budgets.services.rows import locked_each, note_change
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish


@transaction.atomic
def transfer_quota(*, from_id: UUID, to_id: UUID, amount: Decimal, actor: str, reason: str, now: datetime) -> None:
    """Move tradeable quota of this period from one budget to another of the same unit; none is made or lost.

    It is a bonus to who gets it: theirs until their period ends, and not for selling on. Raises
    NotFound, InvalidInput (the same budget, another unit or model class, an amount that cannot be) or Conflict with
    the code `not_tradeable`, `not_available` or `needs_two`.
    """
    if from_id == to_id:
        raise InvalidInput("Choose another budget than the one that gives.", field="to")
    rows = locked_each([from_id, to_id], now=now)
    for budget_id, field in ((from_id, "from"), (to_id, "to")):
        if budget_id not in rows:
            raise NotFound("There is no such budget.", field=field)
        require_one_person(rows[budget_id])
    giver, taker = rows[from_id], rows[to_id]
    steps = _movable(giver, taker, amount)
    Budget.objects.filter(pk=from_id).update(
        limit=F("limit") - steps,
        tradeable=F("tradeable") - steps,
        bonus=F("bonus") - min(giver.bonus, steps),
    )
    Budget.objects.filter(pk=to_id).update(limit=F("limit") + steps, bonus=F("bonus") + steps)
    given = entry(from_id, LedgerEntry.Kind.TRADE, now=now, actor=actor, reason=reason, limit_delta=-steps)
    given.tradeable_delta = -steps
    taken = entry(to_id, LedgerEntry.Kind.TRADE, now=now, actor=actor, reason=reason, limit_delta=steps)
    LedgerEntry.objects.bulk_create([given, taken])
    for row, delta in ((giver, -steps), (taker, steps)):
        row.limit += delta
        note_change(row, actor, reason)
    note_crossings(budget_ids=[from_id, to_id], now=now)
    publish(BudgetsChanged(budget_ids=(from_id, to_id), at=now))


def _movable(giver: Budget, taker: Budget, amount: Decimal) -> int:
    unit = Unit(giver.unit)
    if taker.unit != unit:
        raise InvalidInput(f"Quota in {unit} cannot go to a budget in {taker.unit}.", field="to")
    if giver.model_class not in ("", taker.model_class):
        words = f"Quota of class {giver.model_class} goes to a budget of that class only."
        raise InvalidInput(words, field="to", code=WRONG_CLASS)
    steps = positive_steps(unit, amount, field="amount")
    if steps > giver.tradeable:
        most = from_steps(unit, giver.tradeable)
        raise Conflict(f"{most:f} {unit} of {giver.name} may be given away.", field="amount", code="not_tradeable")
    available = giver.limit - giver.spent - giver.reserved
    if steps > available:
        most = from_steps(unit, available)
        raise Conflict(
            f"{most:f} {unit} of {giver.name} are neither spent nor reserved.", field="amount", code="not_available"
        )
    return steps
