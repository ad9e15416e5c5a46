"""Grants that nobody resolved before their lease ran out, and waiting requests past their deadline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from budgets import selectors as budget_reads
from budgets import services as budgets
from config.kernel.errors import Conflict
from config.kernel.transactions import in_transaction
from market.models import AllocationRequest
from market.services.plan_lock import share_plan
from market.services.resolve import grant_of, hold_id_of, locked_request, resolve_as, settled
from market.services.settling import free_hours, release_fund
from market.services.take_up import withdraw

Status = AllocationRequest.Status
SWEEPER = "sweeper"


def expire_overdue(*, now: datetime) -> int:
    """Resolve every grant whose lease has run out and close waiting requests past their deadline.

    A grant that was not dispatched is given back; one that was is settled at the grant, unverified.
    Each in a transaction of its own; returns how many.
    """
    expired = 0
    for hold in budget_reads.list_overdue_holds(now=now, reference_prefix="request:"):
        end = _settle_unverified if hold.is_dispatched else _expire_grant
        expired += _unless_resolved(end, UUID(hold.reference.removeprefix("request:")), now=now)
    late = AllocationRequest.objects.filter(status=Status.QUEUED, latest_at__lt=now)
    for request_id in list(late.values_list("pk", flat=True)[:500]):
        expired += _unless_resolved(_expire_waiting, request_id, now=now)
    return expired


def _unless_resolved(end: Callable[..., None], request_id: UUID, *, now: datetime) -> int:
    try:
        in_transaction(lambda: end(request_id, now=now))
    except Conflict:
        return 0  # settled, given back, dispatched or renewed since the sweep began
    return 1


def _expire_grant(request_id: UUID, *, now: datetime) -> None:
    request = locked_request(request_id, open_to=(Status.GRANTED, Status.PARTIAL))
    decision = grant_of(request)
    resolve_as(request, Status.EXPIRED, now=now)
    free_hours(decision, request, decision.granted_tokens, now=now)
    release_fund(decision, actor=SWEEPER, now=now)
    budgets.expire_hold(hold_id=hold_id_of(decision), now=now)


def _settle_unverified(request_id: UUID, *, now: datetime) -> None:
    request = locked_request(request_id, open_to=(Status.GRANTED, Status.PARTIAL))
    decision = grant_of(request)
    settled(request, decision, decision.granted_tokens, None, None, actor=SWEEPER, now=now, is_verified=False)
    budgets.settle_unverified(hold_id=hold_id_of(decision), now=now)


def _expire_waiting(request_id: UUID, *, now: datetime) -> None:
    plan = share_plan()
    request = locked_request(request_id, open_to=(Status.QUEUED,))
    was_promised = withdraw(request, plan=plan, actor=SWEEPER, now=now)
    resolve_as(request, Status.EXPIRED, now=now)
    if was_promised and request.budget_id is not None:
        words = "was planned, but its hour could not take it or nobody took it up before its deadline: it has expired"
        newest = request.decisions.latest("sequence").pk
        budgets.notify_team(
            budget_id=request.budget_id, number=newest, notice=f"Request {request.pk} {words}.", hold_id=None, now=now
        )
