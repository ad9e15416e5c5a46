"""Keeping quota aside that is on offer, so that nobody spends or offers it twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from budgets.domain.admission import Reason
from budgets.domain.periods import Period
from budgets.domain.quota import NO_END, only_in
from budgets.domain.resizing import HoldTarget
from budgets.domain.units import COLUMN_OF, Unit, from_steps
from budgets.models import Budget
from budgets.selectors.escrow import free_in_escrow
from budgets.selectors.sellable import list_on_offer, offered, room_of
from budgets.services.guards import require_one_person
from budgets.services.holds.place import error_of
from budgets.services.holds.plans import resize_holds
from budgets.services.quota.moving import find_paths, lock_levels
from config.kernel.errors import Conflict, DomainError, InvalidInput
from config.kernel.transactions import transactional


@transactional
def escrow_quota(
    *,
    reference: str,
    budget_id: UUID,
    steps: int,
    keep_steps: int,
    also_lock: Collection[UUID] = (),
    actor: str,
    now: datetime,
) -> UUID | None:
    """Set the open hold with this reference to exactly `steps` of the budget's unit on its path; 0 releases it.

    Every level in that unit holds them, other units nothing, until it is set again or delivered. It may
    grow within what `list_sellable` says, as far as `keep_steps` of the budget's own quota stay free.
    Returns the hold, None if nothing is held. Raises Conflict, with nothing changed: `not_tradeable`,
    `minimum_balance`, `not_available` (a level has too little free), `needs_two` or `reference_in_use`;
    InvalidInput if there is no such budget. Locks the hold and the budgets: call it last. `also_lock` names
    budgets that the quota is delivered to next, so that all of both paths are locked in one order.
    """
    unit = Budget.objects.filter(pk=budget_id).values_list("unit", flat=True).first()
    if unit is None:
        raise InvalidInput("There is no such budget.", field="budget")
    if also_lock:
        _lock_with(also_lock, budget_id, steps, now=now)
    target = HoldTarget(
        reference=reference,
        budget_id=budget_id,
        amounts=only_in(Unit(unit), steps),
        lease_expires_at=NO_END,
        may_draw=False,
    )

    def admit(rows: Mapping[UUID, Budget]) -> None:
        _require_sellable(rows, target, keep_steps)

    resized = resize_holds([target], actor=actor, now=now, admit=admit)
    if refused := resized.refused.get(reference):
        if refused.reason is not Reason.SHORT or refused.budget_id is None:
            raise error_of(refused)
        raise not_available(refused.budget_id, refused.name, refused.unit, refused.remaining)
    return resized.holds[reference]


def _lock_with(others: Collection[UUID], budget_id: UUID, steps: int, *, now: datetime) -> None:
    """Lock whole paths before any of them is; what blocks hold idle is called back before, where it is needed."""
    own = find_paths([budget_id]).levels[budget_id]
    rows = Budget.objects.filter(pk__in={budget_id, *others}).values_list("path_ids", flat=True)
    lock_levels({UUID(each) for path in rows for each in path}, dict.fromkeys(own, steps), now=now)


def not_available(budget_id: UUID, name: str, unit: Unit, free: int) -> Conflict:
    """What a budget that has too little free answers."""
    words = f"{from_steps(unit, max(0, free)):f} {unit} of {name} are neither spent nor reserved."
    return Conflict(words, field="quantity", code="not_available", budget=str(budget_id))


def require_trading(row: Budget) -> None:
    """Raise InvalidInput for a budget that counts a rolling window: it has no period in which quota changes hands."""
    if row.period == Period.ROLLING:
        raise InvalidInput(f"{row.name} counts a rolling window: its quota does not change hands.", field="budget")


def _require_sellable(rows: Mapping[UUID, Budget], target: HoldTarget, keep_steps: int) -> None:
    """Raise unless the locked budget may offer what the hold is to grow by. What is free above is checked later."""
    leaf = rows[target.budget_id]
    unit = Unit(leaf.unit)
    held = offered().filter(reference=target.reference).values_list(COLUMN_OF[unit], flat=True).first() or 0
    growth = target.amounts.of(unit) - held
    if growth <= 0 or leaf.deallocated_at is not None:
        return  # the resize itself refuses what has ended
    require_one_person(leaf)
    for row in rows.values():
        if row.unit == unit:
            require_trading(row)
    on_offer = sum(list_on_offer([leaf]).values())
    room = room_of(leaf, on_offer=on_offer, idle=free_in_escrow([leaf.pk]).get(leaf.pk, 0))
    if growth > room.by_rule:
        raise _refused(leaf, "may still be sold or lent in this period", room.by_rule, "not_tradeable")
    if growth > room.free:
        raise not_available(leaf.pk, leaf.name, unit, room.free)
    if growth > room.own:
        raise _refused(leaf, "are left of its own: what was bought is not sold on", room.own, "not_tradeable")
    if growth > room.own - keep_steps:
        words = f"may go: {from_steps(unit, keep_steps):f} of its own stay with it"
        raise _refused(leaf, words, room.own - keep_steps, "minimum_balance")


def _refused(leaf: Budget, words: str, most: int, code: str) -> DomainError:
    unit = Unit(leaf.unit)
    amount = from_steps(unit, max(0, most))
    return Conflict(f"{amount:f} {unit} of {leaf.name} {words}.", field="quantity", code=code, budget=str(leaf.pk))
