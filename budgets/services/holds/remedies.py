"""What can be done about a refusal before it is final, and about a leaf that is hot."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from budgets.domain.admission import Admitted, Reason, Refused
from budgets.domain.asks import HoldAsk
from budgets.domain.gears import LEASE_ABOVE, Gear
from budgets.domain.units import COLUMN_OF, Unit
from budgets.models import Budget, EscrowLease, HoldLine
from budgets.services import escrow
from budgets.services.holds.meter import Way
from budgets.services.overflow import draw_overflow, undo_draw
from budgets.services.periods import begin_periods_if_over
from config.kernel.transactions import in_transaction

REST_SECONDS = 0.2
"""A leaf whose block was just looked after is left alone for so long by this process."""

_tended_at: dict[UUID, float] = {}
_lock = threading.Lock()


def mend(refused: Refused, drawn: dict[UUID, int], *, now: datetime) -> bool:
    """Whether another try may succeed: a new period begun, blocks called back, or the pool drawn on.

    What is drawn for a budget is added to `drawn`, in steps, for `give_back`.
    """
    if refused.reason is Reason.OVER:
        on_path = Budget.objects.filter(pk__in=refused.path)
        in_transaction(lambda: begin_periods_if_over(on_path.all(), now=now))
        return True
    budget_id = refused.budget_id
    if refused.reason is not Reason.SHORT or budget_id is None:
        return False
    if refused.remaining >= refused.needed:
        return True  # somebody gave something back in the moment of the refusal
    # Most refusals are final: what could help is looked up before anything is locked.
    has_blocks, may_draw = _means(budget_id, refused.unit)
    if has_blocks and in_transaction(lambda: escrow.recall_under(budget_id=budget_id, now=now, also_lock=refused.path)):
        return True
    short = refused.needed - refused.remaining
    if not may_draw or not in_transaction(lambda: draw_overflow(budget_id=budget_id, short_steps=short, now=now)):
        return False
    drawn[budget_id] = drawn.get(budget_id, 0) + short
    return True


def can_be_mended(refused: Refused) -> bool:
    """Whether anything could help an ask that a budget was too short for: looked up, with nothing changed."""
    return refused.budget_id is not None and any(_means(refused.budget_id, refused.unit))


def give_back(drawn: dict[UUID, int], *, now: datetime) -> None:
    """Return to the pools what was drawn for an ask that another level refused."""
    for budget_id, steps in drawn.items():
        in_transaction(partial(undo_draw, budget_id=budget_id, steps=steps, now=now))


def _means(budget_id: UUID, unit: Unit) -> tuple[bool, bool]:
    """Whether leases have something to give back at a budget or for it, and whether it may draw on a pool."""
    is_idle = Q(**{f"free_{COLUMN_OF[unit]}__gt": 0}) | Q(**{f"pending_{COLUMN_OF[unit]}__gt": 0})
    idle = EscrowLease.objects.exclude(status=EscrowLease.Status.CLOSED).filter(is_idle)
    above = HoldLine.objects.filter(budget=OuterRef("pk"), hold__block_of__in=idle)
    has_blocks = Exists(above) | Exists(idle.filter(budget=OuterRef("pk")))
    may_draw = Q(overflow_percent__gt=0, parent__isnull=False)
    rows = Budget.objects.filter(pk=budget_id).annotate(has_blocks=has_blocks, may_draw=may_draw)
    found: tuple[bool, bool] = rows.values_list("has_blocks", "may_draw").get()
    return found


def keep_block(ask: HoldAsk, admitted: Admitted, way: Way, *, now: datetime) -> None:
    """Have a block opened or filled, after the commit, for a hot leaf that had none to take from.

    For a leaf that is pinned to blocks it is as large as for one that has just become hot.
    """
    if way.gear is not Gear.LEASED or admitted.gear is Gear.LEASED or not _is_due(ask.budget_id):
        return
    transaction.on_commit(
        lambda: escrow.tend(
            budget_id=ask.budget_id, amounts=ask.amounts, asks_per_second=max(way.asks_per_second, LEASE_ABOVE), now=now
        ),
        robust=True,  # the hold is placed, whatever becomes of the block
    )


def _is_due(leaf_id: UUID) -> bool:
    at = time.monotonic()
    with _lock:
        if at - _tended_at.get(leaf_id, -REST_SECONDS) < REST_SECONDS:
            return False
        if len(_tended_at) > 10_000:
            _tended_at.clear()
        _tended_at[leaf_id] = at
    return True
