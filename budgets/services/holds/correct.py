"""A late report of what was really used, after a hold was settled at what was held."""

from __future__ import annotations

from datetime import datetime

from budgets.domain.escrow import NOTHING
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, EscrowLease, Hold, HoldLine, LedgerEntry
from budgets.services.charging import Charge, charge_all
from budgets.services.escrow.leases import block_of, lock
from budgets.services.escrow.moving import charges_of, empty
from budgets.services.holds.resolving import begin_periods_of, held_amounts, lines_of, mark, path_of


def correct(hold: Hold, amounts: Amounts, *, actor: str, now: datetime, may_fall_short: bool) -> int | None:
    """Replace what a locked hold was settled at, once; return the highest threshold passed.

    What was used beyond it is charged now. What was not used goes back as far as it still counts:
    not after the period ended or was reset, nor after it left the window of a rolling budget.
    """
    spent_at = hold.resolved_at or now
    settled_by = _settling_entry(hold)
    begin_periods_of(hold, now=now)
    mark(hold, is_unverified=False, corrected_at=now)
    lines = lines_of(hold)
    for line in lines:
        line.settled = amounts.of(Unit(line.budget.unit))
    HoldLine.objects.bulk_update(lines, ["settled"])
    charges = _pending_above(hold, now=now)
    for budget in path_of(hold):
        more = amounts.of(Unit(budget.unit)) - held_amounts(hold).of(Unit(budget.unit))
        if more:
            charges.append(_charge(hold, budget, more, spent_at=spent_at, settled_by=settled_by, now=now))
    return charge_all(charges, actor=actor, reason=hold.reference, now=now, may_fall_short=may_fall_short)


def _charge(hold: Hold, budget: Budget, more: int, *, spent_at: datetime, settled_by: int, now: datetime) -> Charge:
    kind = LedgerEntry.Kind.CORRECT
    if more > 0:
        return Charge(budget=budget, hold=hold, kind=kind, spent_at=now, used=more)
    return Charge(budget=budget, hold=hold, kind=kind, spent_at=spent_at, given_back=-more, settled_by=settled_by)


def _pending_above(hold: Hold, *, now: datetime) -> list[Charge]:
    """What the block that covered a hold has not moved yet: it must be spent above before it can be corrected."""
    if hold.escrow_id is None:
        return []
    lease = lock([hold.escrow_id])[0]
    if lease.status == EscrowLease.Status.CLOSED or block_of(lease).pending == NOTHING:
        return []
    return charges_of(empty(lease, now=now, gives_free=False))


def _settling_entry(hold: Hold) -> int:
    entries = LedgerEntry.objects.filter(hold=hold, kind=LedgerEntry.Kind.SETTLE)
    return entries.order_by("pk").values_list("pk", flat=True)[0]
