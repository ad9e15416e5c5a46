"""Changes by hand: applied at once, or after a second person agreed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from budgets.domain.adjustments import AdjustmentFacts, AdjustmentKind
from budgets.domain.amounts import exact_steps, positive_steps
from budgets.domain.units import Unit, from_steps
from budgets.events import BudgetsChanged
from budgets.models import Adjustment, Budget, LedgerEntry
from budgets.selectors.adjustments import are_other_people, get_adjustment
from budgets.services.alerting import note_crossings
from budgets.services.buckets import add_spent
from budgets.services.ledger import entry
from budgets.services.reset import reset_locked
from budgets.services.rows import locked, note_change, save
from budgets.services.tree import allot_locked
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish

LONGEST_REASON = 300


@transaction.atomic
def propose_adjustment(
    *, budget_id: UUID, kind: AdjustmentKind, amount: Decimal | None = None, reason: str, actor: str, now: datetime
) -> AdjustmentFacts:
    """Change a budget by hand: another base limit, a correction of what was spent (above or below zero), a reset.

    Applied at once, unless the budget needs two people; then it waits for `decide_adjustment`. Raises
    NotFound, InvalidInput naming the field, or Conflict where it does not fit what is spent and reserved.
    """
    budget = locked(budget_id, now=now)
    row = Adjustment(
        budget=budget,
        kind=_known(kind),
        amount=_steps(budget, kind, amount),
        reason=_worded(reason),
        proposed_by=actor,
        proposed_at=now,
        needed_two=budget.needs_two,
    )
    if not budget.needs_two:
        _apply(row, budget, actor=actor, now=now)
        row.status, row.decided_by, row.decided_at = Adjustment.Status.APPLIED, actor, now
    row.save()
    return get_adjustment(row.pk)


@transaction.atomic
def decide_adjustment(
    *, adjustment_id: int, is_approved: bool, reason: str, actor: str, now: datetime
) -> AdjustmentFacts:
    """Apply a proposed change, or reject it. Who proposed it may take it back, but not approve it.

    Raises NotFound; Conflict with the code `already_decided`, `same_person` or that of a change that
    no longer fits. A key counts as the person who made it. Where nobody knows who made a key, two
    different actors are taken for two people, and `is_other_person` says that it is not known.
    """
    waiting = Adjustment.objects.filter(pk=adjustment_id).first()
    if waiting is None:
        raise NotFound("There is no such adjustment.")
    # The budget first: whoever proposes for it locks in the same order.
    budget = locked(waiting.budget_id, now=now) if is_approved else waiting.budget
    row = Adjustment.objects.select_for_update(no_key=True).get(pk=adjustment_id)
    if row.status != Adjustment.Status.PROPOSED:
        raise Conflict(f"This adjustment was {row.status} before.", code="already_decided")
    if is_approved:
        if are_other_people(row.proposed_by, actor) is False:
            raise Conflict("Whoever proposed a change cannot approve it. Ask somebody else.", code="same_person")
        _apply(row, budget, actor=actor, now=now)
    row.status = Adjustment.Status.APPLIED if is_approved else Adjustment.Status.REJECTED
    row.decided_by, row.decided_at, row.decision_reason = actor, now, reason[:LONGEST_REASON]
    row.save()
    return get_adjustment(row.pk)


def _apply(row: Adjustment, budget: Budget, *, actor: str, now: datetime) -> None:
    why = f"{row.reason} (proposed by {row.proposed_by})" if row.needed_two else row.reason
    why = why[:LONGEST_REASON]
    unit = Unit(budget.unit)
    if row.kind == AdjustmentKind.LIMIT:
        limit = from_steps(unit, row.amount or 0)
        allot_locked(budget, limit, kind=LedgerEntry.Kind.ADJUST, actor=actor, reason=why, now=now)
    elif row.kind == AdjustmentKind.SPENT:
        _correct(budget, row.amount or 0, actor=actor, reason=why, now=now)
    elif row.kind == AdjustmentKind.RESET:
        reset_locked(budget, actor=actor, reason=why, now=now)
    else:
        budget.needs_two = False
        save(budget, actor, reason=why, update_fields=["needs_two"])


def _correct(budget: Budget, delta: int, *, actor: str, reason: str, now: datetime) -> None:
    unit = Unit(budget.unit)
    if budget.spent + delta < 0:
        spent = from_steps(unit, budget.spent)
        raise Conflict(f"Only {spent:f} {unit} are spent.", field="amount", code="below_zero")
    if budget.spent + delta + budget.reserved > budget.limit:
        room = from_steps(unit, budget.limit - budget.spent - budget.reserved)
        raise Conflict(f"Only {room:f} {unit} are left.", field="amount", code="above_limit")
    Budget.objects.filter(pk=budget.pk).update(spent=F("spent") + delta)
    entry(budget.pk, LedgerEntry.Kind.ADJUST, now=now, actor=actor, reason=reason, spent_delta=delta).save()
    add_spent([(budget, delta)], now=now)
    note_change(budget, actor, reason)
    note_crossings(budget_ids=[budget.pk], now=now)
    publish(BudgetsChanged(budget_ids=(budget.pk,), at=now))


def _steps(budget: Budget, kind: AdjustmentKind, amount: Decimal | None) -> int | None:
    unit = Unit(budget.unit)
    if kind in (AdjustmentKind.RESET, AdjustmentKind.SINGLE):
        if amount is not None:
            raise InvalidInput("This change takes no amount.", field="amount")
        return None
    if amount is None or amount == 0:
        raise InvalidInput("Say how much, other than zero.", field="amount")
    if kind == AdjustmentKind.LIMIT:
        return positive_steps(unit, amount, field="amount")
    steps = exact_steps(unit, abs(amount), field="amount")
    return steps if amount > 0 else -steps


def _known(kind: str) -> AdjustmentKind:
    if kind not in list(AdjustmentKind):
        raise InvalidInput(f"A change is one of {', '.join(AdjustmentKind)}.", field="kind")
    return AdjustmentKind(kind)


def _worded(reason: str) -> str:
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise InvalidInput(f"Say why, in at most {LONGEST_REASON} characters.", field="reason")
    return reason
