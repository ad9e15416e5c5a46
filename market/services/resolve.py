"""What follows a grant: dispatched, settled, given back, or corrected by a late report. Each exactly once."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from uuid import UUID

from budgets import services as budgets
from budgets.domain.units import Amounts
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import publish
from config.kernel.transactions import transactional
from market.domain.footprint import Split
from market.domain.placement.promised import promised_amounts
from market.events import RequestResolved
from market.models import AllocationRequest, AllocationRun, Decision, Settlement
from market.selectors.policies import get_policy_version
from market.services.learning import note_work
from market.services.plan_lock import share_plan
from market.services.settling import (
    correct_fund,
    figures_of,
    free_hours,
    last_start_of,
    payable,
    payable_again,
    release_fund,
    require_use,
    set_quality,
    settle_fund,
)
from market.services.take_up import is_waiting, take_up_if_planned, withdraw

Status = AllocationRequest.Status


@transactional
def dispatch(*, request_id: UUID, fence: int | None, actor: str, now: datetime) -> None:
    """Say that the work of a grant begins. Left alone past its new lease it is settled at the grant, unverified.

    Planned work is taken up first; the number of the plan's hold proves nothing then. Dispatched once,
    it is dispatched again only by who shows the hold's number (`fence`). Raises Conflict if there is no
    open grant, or as `take_up` and `budgets.services.dispatch_hold` do.
    """
    if take_up_if_planned(request_id=request_id, actor=actor, now=now):
        fence = None
    request = locked_request(request_id, open_to=(Status.GRANTED, Status.PARTIAL))
    decision = grant_of(request)
    minutes = get_policy_version(decision.policy_id).terms.hold_lease_minutes
    budgets.dispatch_hold(
        hold_id=hold_id_of(decision),
        lease_expires_at=max(now, last_start_of(decision) or now) + timedelta(minutes=minutes),
        actor=actor,
        now=now,
        fence=fence,
    )


@transactional
def settle(
    *,
    request_id: UUID,
    used_tokens: int,
    quality: float | None,
    collaboration: float | None,
    actor: str,
    now: datetime,
    fence: int | None = None,
    split: Split | None = None,
) -> int | None:
    """Charge what was really used, at the terms of the grant; return the highest budget threshold passed.

    `split` says how it was divided into input and output, where somebody counted that.
    More than was granted is charged too (what does not fit becomes overdraft). Planned work is taken
    up first, as `dispatch` does. A grant whose lease ran out can still be settled, and one that was
    settled unverified is corrected, once. Raises Conflict if it was resolved before or never granted
    or `fence` is an old number, InvalidInput naming `used_tokens` for more than ten times the grant
    (`input_tokens`, `cached_tokens`: for a split of more than was used).
    """
    if take_up_if_planned(request_id=request_id, actor=actor, now=now):
        fence = None
    request = locked_request(request_id, open_to=(Status.GRANTED, Status.PARTIAL, Status.EXPIRED, Status.SETTLED))
    decision = grant_of(request)
    require_use(used_tokens, split, granted_tokens=decision.granted_tokens)
    end = _corrected if request.status == Status.SETTLED else settled
    settlement = end(request, decision, used_tokens, quality, collaboration, actor=actor, now=now, split=split)
    if request.is_simulated:
        return None
    # What finished work teaches is learned here: a settlement that somebody reported, and this only once.
    note_work(request, decision, settlement)
    return budgets.settle_hold(
        hold_id=hold_id_of(decision), amounts=_amounts(settlement), actor=actor, now=now, fence=fence
    )


@transactional
def cancel(*, request_id: UUID, actor: str, now: datetime) -> None:
    """Withdraw a request that waits, or give back what it was granted or planned. Raises Conflict if it is over."""
    request, plan = _locked_with_plan(request_id)
    if request.status == Status.QUEUED:
        withdraw(request, plan=plan, actor=actor, now=now)
        resolve_as(request, Status.CANCELLED, now=now)
    else:
        _give_back(request, actor=actor, now=now)


@transactional
def release(*, request_id: UUID, actor: str, now: datetime, reason: str = "given back") -> None:
    """Give back all of a grant, or what the plan in force grants. Raises Conflict if there is neither."""
    request, plan = _locked_with_plan(request_id)
    if request.status != Status.QUEUED:
        _give_back(request, actor=actor, now=now, reason=reason)
    elif withdraw(request, plan=plan, actor=actor, now=now):
        resolve_as(request, Status.CANCELLED, now=now)
    else:
        raise _not_open(request)


def settled(
    request: AllocationRequest,
    decision: Decision,
    used_tokens: int,
    quality: float | None,
    collaboration: float | None,
    *,
    actor: str,
    now: datetime,
    is_verified: bool = True,
    split: Split | None = None,
) -> Settlement:
    """Settle a locked request in everything but its budgets: record, status, room of the hour, Fund."""
    was_expired = request.status == Status.EXPIRED
    promised = payable(decision, was_expired=was_expired)
    figures = figures_of(request, decision, used_tokens, payable_micro_usd=promised, split=split)
    settlement = Settlement(request=request, decision=decision, settled_at=now, is_verified=is_verified, **figures)
    set_quality(settlement, quality, collaboration)
    settlement.save(force_insert=True)
    resolve_as(request, Status.SETTLED, now=now)
    if not request.is_simulated:
        if not was_expired:
            free_hours(decision, request, max(0, decision.granted_tokens - used_tokens), now=now)
        settle_fund(decision, settlement, was_expired=was_expired, actor=actor, now=now)
    return settlement


def _corrected(
    request: AllocationRequest,
    decision: Decision,
    used_tokens: int,
    quality: float | None,
    collaboration: float | None,
    *,
    actor: str,
    now: datetime,
    split: Split | None,
) -> Settlement:
    """Replace what nobody reported by a late report: record, room of the hour, Fund. Conflict if somebody did."""
    settlement = request.settlement
    if settlement.is_verified:
        raise _not_open(request)
    before = copy(settlement)
    free_hours(decision, request, max(0, decision.granted_tokens - used_tokens), now=now)
    again = payable_again(decision, settlement)
    figures = figures_of(request, decision, used_tokens, payable_micro_usd=again, split=split)
    for name, value in figures.items():
        setattr(settlement, name, value)
    set_quality(settlement, quality, collaboration)
    settlement.is_verified, settlement.corrected_at = True, now
    settlement.save()
    correct_fund(before, settlement, actor=actor, now=now)
    publish(RequestResolved(request_id=request.pk, team_id=request.team_id, status=Status.SETTLED, at=now))
    return settlement


def _amounts(settlement: Settlement) -> Amounts:
    return promised_amounts(
        tokens=settlement.used_tokens,
        location_g=settlement.location_g,
        total_micro_usd=settlement.total_micro_usd,
        energy_wh=settlement.energy_wh or 0.0,  # a settlement that is charged has just been computed and has one
    )


def _give_back(request: AllocationRequest, *, actor: str, now: datetime, reason: str = "given back") -> None:
    resolve_as(request, Status.CANCELLED, now=now)
    if request.is_simulated:
        return
    decision = grant_of(request)
    free_hours(decision, request, decision.granted_tokens, now=now)
    release_fund(decision, actor=actor, now=now)
    budgets.release_hold(hold_id=hold_id_of(decision), actor=actor, now=now, reason=reason)


def locked_request(request_id: UUID, *, open_to: tuple[Status, ...]) -> AllocationRequest:
    """The request, locked. Raises NotFound, or Conflict if it is in none of these statuses."""
    request = AllocationRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise NotFound("There is no such request.")
    if request.status not in open_to:
        raise _not_open(request)
    return request


def _locked_with_plan(request_id: UUID) -> tuple[AllocationRequest, AllocationRun | None]:
    """An open request, locked, and where it waits the plan in force, which stays so. Raises as `locked_request`."""
    plan = share_plan() if is_waiting(request_id) else None
    request = locked_request(request_id, open_to=(Status.QUEUED, Status.GRANTED, Status.PARTIAL))
    if request.status == Status.QUEUED and plan is None:
        # It gave way to an emergency just now, and may be planned again. No plan's owner waits for a request.
        plan = share_plan()
    return request, plan


def _not_open(request: AllocationRequest) -> Conflict:
    return Conflict(f"This request is {request.status}.", code="not_open", request_status=request.status)


def grant_of(request: AllocationRequest) -> Decision:
    """The decision that granted it. Raises Conflict where there is none, or what it granted gave way since."""
    newest = request.decisions.latest("sequence")
    if newest.verdict not in (Decision.Verdict.GRANTED, Decision.Verdict.PARTIAL):
        raise _not_open(request)
    return newest


def hold_id_of(decision: Decision) -> UUID:
    """The hold that pays. Raises Conflict if there is none: a simulated grant has no hold."""
    if decision.hold_id is None:
        raise Conflict("This grant has no hold.")
    return decision.hold_id


def resolve_as(request: AllocationRequest, status: Status, *, now: datetime) -> None:
    """Move a locked request to where it ends."""
    AllocationRequest.objects.filter(pk=request.pk).update(status=status, resolved_at=now)
    publish(RequestResolved(request_id=request.pk, team_id=request.team_id, status=status, at=now))
