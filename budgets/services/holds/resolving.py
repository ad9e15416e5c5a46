"""The one right to change a hold: its locked row, in a status and with a number that allow it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from budgets.domain.periods import Period
from budgets.domain.quota import QUOTA_PREFIX
from budgets.domain.resizing import PLAN_PREFIX
from budgets.domain.units import Amounts
from budgets.models import Budget, Hold, HoldLine
from budgets.services.periods import begin_periods_if_over
from config.kernel.errors import Conflict, NotFound


def locked_hold(hold_id: UUID) -> Hold:
    """The hold, locked against others. Raises NotFound."""
    hold = Hold.objects.select_for_update(no_key=True).filter(pk=hold_id).first()
    if hold is None:
        raise NotFound("There is no such hold.")
    if hold.status in Hold.OPEN and hold.reference.startswith("escrow:"):
        raise Conflict("This hold is a block in escrow. It goes back by itself.", code="block_in_escrow")
    if hold.status in Hold.OPEN and hold.reference.startswith(PLAN_PREFIX):
        raise Conflict("This hold is a plan's. It moves with the work that it pays for.", code="plan_hold")
    if hold.status in Hold.OPEN and hold.reference.startswith(QUOTA_PREFIX):
        raise Conflict("This quota is on offer. It moves with its order, loan or donation.", code="quota_on_offer")
    return hold


def begin_periods_of(hold: Hold, *, now: datetime) -> None:
    """Begin the periods that are over on the path of a locked hold, before the block that covers it is locked.

    At a turn all blocks in its way are locked in their order: whoever had locked one of them already
    would wait for somebody who waits for that one. A window rolls on without the blocks, and here
    without a lock: budgets come after blocks.
    """
    if hold.escrow_id is None:
        return
    above = HoldLine.objects.filter(hold__block_of=hold.escrow_id).values("budget")
    due = Budget.objects.filter(Q(pk=hold.budget_id) | Q(pk__in=above), period_ends_at__lte=now)
    begin_periods_if_over(due.exclude(period=Period.ROLLING, overdraft=0), now=now)


def require_status(hold: Hold, open_to: Collection[str]) -> None:
    """Raise Conflict unless the hold is in one of these statuses."""
    if hold.status not in open_to:
        raise Conflict(f"This hold was {hold.status} before.", code="already_resolved")


def require_fence(hold: Hold, fence: int | None) -> None:
    """Raise Conflict if `fence` is an old number: somebody else took the work over.

    What the sweeper did took nobody's work over: a late report comes with the number of before.
    """
    swept = hold.status == Hold.Status.EXPIRED or hold.is_unverified
    if fence is not None and fence not in {hold.fence, hold.fence - swept}:
        detail = f"The fence of this hold is {hold.fence} now: another worker has it, or the number was never right."
        raise Conflict(detail, code="stale_fence", fence=hold.fence)


def mark(hold: Hold, **changes: Any) -> None:
    """Write changes of a locked hold. Its number rises."""
    hold.fence += 1
    for name, value in changes.items():
        setattr(hold, name, value)
    hold.save(update_fields=["fence", *changes])


def held_amounts(hold: Hold) -> Amounts:
    """What it holds, in steps."""
    return Amounts.in_columns(hold)


def lines_of(hold: Hold) -> list[HoldLine]:
    """Its lines with their budgets, leaf first."""
    return list(HoldLine.objects.filter(hold=hold).select_related("budget").order_by("-budget__depth"))


def path_of(hold: Hold) -> list[Budget]:
    """The budget of a hold and its ancestors, leaf first."""
    leaf = Budget.objects.get(pk=hold.budget_id)
    return [leaf, *Budget.objects.filter(pk__in=leaf.path_ids[1:]).order_by("-depth")]
