"""Holds: reserve on a whole path, then settle, release or let expire. Never overspent, never lost.

Every level is charged by one conditional UPDATE, leaf first and root last: the row that most
others wait for is locked for the shortest time, and always in the same order. The condition
and a database constraint both say `spent + reserved <= limit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from budgets.domain.asks import PlacedHold
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts, Unit, from_steps
from budgets.events import BudgetsChanged
from budgets.models import Budget, Hold, HoldLine, LedgerEntry
from budgets.services.alerting import note_crossings
from budgets.services.ledger import entry
from budgets.services.periods import begin_period_if_over, is_over
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish


@transaction.atomic
def place_hold(
    *, budget_id: UUID, amounts: Amounts, reference: str, lease_expires_at: datetime, actor: str, now: datetime
) -> PlacedHold:
    """Reserve `amounts` on a budget and all its ancestors, or on none of them.

    Raises BudgetExhausted naming the level that cannot pay, InvalidInput if there is no such budget.
    """
    path = list_path(budget_id)
    for budget in path:
        _reserve(budget, amounts.of(Unit(budget.unit)), now=now)
    hold = Hold.objects.create(
        budget_id=budget_id,
        reference=reference,
        tokens=amounts.tokens,
        carbon_ug=amounts.carbon_ug,
        micro_usd=amounts.micro_usd,
        created_at=now,
        lease_expires_at=lease_expires_at,
    )
    charges = [(budget.pk, amounts.of(Unit(budget.unit))) for budget in path]
    HoldLine.objects.bulk_create(HoldLine(hold=hold, budget_id=pk, reserved=steps) for pk, steps in charges)
    LedgerEntry.objects.bulk_create(
        entry(pk, LedgerEntry.Kind.HOLD, now=now, actor=actor, reason=reference, hold=hold, reserved_delta=steps)
        for pk, steps in charges
    )
    warning_percent = note_crossings(budget_ids=[pk for pk, _ in charges], now=now)
    publish(BudgetsChanged(budget_ids=tuple(pk for pk, _ in charges), at=now))
    return PlacedHold(hold_id=hold.pk, expires_at=lease_expires_at, warning_percent=warning_percent)


@transaction.atomic
def settle_hold(*, hold_id: UUID, amounts: Amounts, actor: str, now: datetime) -> int | None:
    """Turn a hold into spending of what was really used; return the highest threshold passed.

    What was used beyond the hold is spent where there is room and else kept as overdraft, never
    dropped. A hold whose lease ran out can still be settled, once. Raises Conflict if the hold
    was settled or released before.
    """
    status = _resolve(hold_id, Hold.Status.SETTLED, now=now, open_to=(*Hold.OPEN, Hold.Status.EXPIRED))
    was_reserved = status != Hold.Status.EXPIRED
    entries = []
    lines = _lines(hold_id)
    for line in lines:
        used = amounts.of(Unit(line.budget.unit))
        held = line.reserved if was_reserved else 0
        begin_period_if_over(line.budget, now=now)
        spent, overdraft = _spend(line.budget_id, used, held)
        line.settled = used
        entries.append(
            entry(
                line.budget_id,
                LedgerEntry.Kind.SETTLE,
                now=now,
                actor=actor,
                reason=line.hold.reference,
                hold=line.hold,
                spent_delta=spent,
                reserved_delta=-held,
                overdraft_delta=overdraft,
            )
        )
    HoldLine.objects.bulk_update(lines, ["settled"])
    LedgerEntry.objects.bulk_create(entries)
    budget_ids = [line.budget_id for line in lines]
    publish(BudgetsChanged(budget_ids=tuple(budget_ids), at=now))
    return note_crossings(budget_ids=budget_ids, now=now)


@transaction.atomic
def release_hold(*, hold_id: UUID, actor: str, now: datetime, reason: str = "") -> None:
    """Give back all of a hold. Raises Conflict if it was resolved before."""
    _give_back(hold_id, Hold.Status.RELEASED, LedgerEntry.Kind.RELEASE, actor=actor, reason=reason, now=now)


@transaction.atomic
def expire_hold(*, hold_id: UUID, now: datetime) -> None:
    """Give back a hold whose lease has run out. Raises Conflict if it was resolved before."""
    _give_back(hold_id, Hold.Status.EXPIRED, LedgerEntry.Kind.EXPIRE, actor="sweeper", reason="lease over", now=now)


def list_path(budget_id: UUID) -> list[Budget]:
    """A budget and its ancestors, leaf first. Raises InvalidInput if it does not exist or has ended."""
    leaf = Budget.objects.filter(pk=budget_id).first()
    if leaf is None or leaf.deallocated_at is not None:
        raise InvalidInput("There is no such budget.", field="budget")
    if leaf.parent_id is None:
        return [leaf]
    ancestors = {str(each.pk): each for each in Budget.objects.filter(pk__in=leaf.path_ids[1:])}
    return [leaf, *(ancestors[pk] for pk in leaf.path_ids[1:])]


def _reserve(budget: Budget, steps: int, *, now: datetime) -> None:
    in_period = Q(period_ends_at=None) | Q(period_ends_at__gt=now)
    room = Q(limit__gte=F("spent") + F("reserved") + steps)
    payable = Budget.objects.filter(in_period, room, pk=budget.pk, deallocated_at=None)
    if payable.update(reserved=F("reserved") + steps):
        return
    if is_over(budget, now=now):
        # Whoever begins the new period, this call or another one, it is worth a second look.
        begin_period_if_over(budget, now=now)
        if payable.update(reserved=F("reserved") + steps):
            return
    budget.refresh_from_db()
    unit = Unit(budget.unit)
    raise BudgetExhausted(
        budget_id=budget.pk,
        name=budget.name,
        unit=unit,
        limit=from_steps(unit, budget.limit),
        remaining=from_steps(unit, budget.limit - budget.spent - budget.reserved),
        needed=from_steps(unit, steps),
        resets_at=budget.period_ends_at,
        level=budget.level,
    )


def _spend(budget_id: UUID, used: int, held: int) -> tuple[int, int]:
    """Move `held` out of reserved and `used` into spent; return what was spent and what overdrawn."""
    if used <= held:
        Budget.objects.filter(pk=budget_id).update(reserved=F("reserved") - held, spent=F("spent") + used)
        return used, 0
    row = Budget.objects.select_for_update().get(pk=budget_id)
    room = row.limit - row.spent - row.reserved + held
    spent = min(used, room)
    Budget.objects.filter(pk=budget_id).update(
        reserved=F("reserved") - held, spent=F("spent") + spent, overdraft=F("overdraft") + used - spent
    )
    return spent, used - spent


def _give_back(
    hold_id: UUID, status: Hold.Status, kind: LedgerEntry.Kind, *, actor: str, reason: str, now: datetime
) -> None:
    _resolve(hold_id, status, now=now, open_to=Hold.OPEN)
    lines = _lines(hold_id)
    for line in lines:
        Budget.objects.filter(pk=line.budget_id).update(reserved=F("reserved") - line.reserved)
    LedgerEntry.objects.bulk_create(
        entry(line.budget_id, kind, now=now, actor=actor, reason=reason, hold=line.hold, reserved_delta=-line.reserved)
        for line in lines
    )
    publish(BudgetsChanged(budget_ids=tuple(line.budget_id for line in lines), at=now))


def _lines(hold_id: UUID) -> list[HoldLine]:
    """The lines of a hold in the order in which rows are locked: leaf first, root last."""
    return list(HoldLine.objects.filter(hold_id=hold_id).select_related("budget", "hold").order_by("-budget__depth"))


def _resolve(hold_id: UUID, status: Hold.Status, *, now: datetime, open_to: Sequence[str]) -> str:
    """Take the one right to resolve a hold; return the status it had."""
    hold = Hold.objects.select_for_update().filter(pk=hold_id).first()
    if hold is None:
        raise NotFound("There is no such hold.")
    if hold.status not in open_to:
        raise Conflict(f"This hold was {hold.status} before.", code="already_resolved")
    before: str = hold.status
    Hold.objects.filter(pk=hold_id).update(status=status, resolved_at=now, fence=F("fence") + 1)
    return before
