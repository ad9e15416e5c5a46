"""What follows a grant: settled, given back, or expired. Exactly once."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from budgets import selectors as budget_reads
from budgets import services as budgets
from climate.domain.ladder import floor_hour
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish
from market.domain.facts import Candidate, DecisionFacts
from market.domain.justice import need_score
from market.domain.verdict import price_of
from market.events import RequestResolved
from market.models import AllocationRequest, Decision, Settlement
from market.selectors.figures import get_fund_available
from market.selectors.policies import get_policy_version
from market.services.capacity import give_back
from market.services.fund import release_discount, settle_flows
from market.services.grant import amounts_of
from market.services.learning import note_work

Status = AllocationRequest.Status
MOST_TIMES_GRANTED = 10  # more is a slip of the keyboard, and would empty the budgets of a whole path


@transaction.atomic
def settle(
    *,
    request_id: UUID,
    used_tokens: int,
    quality: float | None,
    collaboration: float | None,
    actor: str,
    now: datetime,
) -> int | None:
    """Charge what was really used, at the terms of the grant; return the highest budget threshold passed.

    More than was granted is charged too (what does not fit becomes overdraft). A grant whose lease
    ran out can still be settled. Raises Conflict if it was resolved before or never granted,
    InvalidInput naming `used_tokens` for more than ten times the grant.
    """
    request = _locked(request_id, open_to=(Status.GRANTED, Status.PARTIAL, Status.EXPIRED))
    decision = _grant_of(request)
    most = decision.granted_tokens * MOST_TIMES_GRANTED
    if not 0 <= used_tokens <= most:
        raise InvalidInput(
            f"{decision.granted_tokens} tokens were granted; between 0 and {most} can be settled.", field="used_tokens"
        )
    was_expired = request.status == Status.EXPIRED
    settlement = _settlement(request, decision, used_tokens, was_expired=was_expired, now=now)
    settlement.quality, settlement.collaboration = quality, collaboration
    if quality is not None:
        settlement.market_value_tokens = used_tokens * quality * (1 + (collaboration or 0.0))
    settlement.save(force_insert=True)
    _resolve(request, Status.SETTLED, now=now)
    if request.is_simulated:
        return None
    if not was_expired:
        _free_hour(decision, request, max(0, decision.granted_tokens - used_tokens), now=now)
    _settle_fund(decision, settlement, was_expired=was_expired, actor=actor, now=now)
    note_work(request, decision, settlement)
    return budgets.settle_hold(
        hold_id=_hold_id(decision),
        amounts=amounts_of(tokens=used_tokens, carbon_g=settlement.location_g, micro_usd=settlement.total_micro_usd),
        actor=actor,
        now=now,
    )


@transaction.atomic
def cancel(*, request_id: UUID, actor: str, now: datetime) -> None:
    """Withdraw a request that waits or give back what it was granted. Raises Conflict if it is over."""
    request = _locked(request_id, open_to=(Status.QUEUED, Status.GRANTED, Status.PARTIAL))
    _cancel(request, actor=actor, now=now)


@transaction.atomic
def release(*, request_id: UUID, actor: str, now: datetime) -> None:
    """Give back all of a grant. Raises Conflict if there is no open grant."""
    request = _locked(request_id, open_to=(Status.GRANTED, Status.PARTIAL))
    _cancel(request, actor=actor, now=now)


def expire_overdue(*, now: datetime) -> int:
    """Give back every grant whose lease has run out and close waiting requests past their deadline.

    Each in a transaction of its own; returns how many.
    """
    expired = 0
    for hold in budget_reads.list_overdue_holds(now=now):
        kind, _, reference = hold.reference.partition(":")
        if kind == "request":
            expired += _expire_grant(UUID(reference), now=now)
    late = AllocationRequest.objects.filter(status=Status.QUEUED, latest_at__lt=now)
    for request_id in list(late.values_list("pk", flat=True)[:500]):
        expired += _expire_waiting(request_id, now=now)
    return expired


@transaction.atomic
def _expire_grant(request_id: UUID, *, now: datetime) -> int:
    try:
        request = _locked(request_id, open_to=(Status.GRANTED, Status.PARTIAL))
    except Conflict:
        return 0  # settled or given back since the sweep began
    decision = _grant_of(request)
    _resolve(request, Status.EXPIRED, now=now)
    _free_hour(decision, request, decision.granted_tokens, now=now)
    _release_fund(decision, actor="sweeper", now=now)
    budgets.expire_hold(hold_id=_hold_id(decision), now=now)
    return 1


@transaction.atomic
def _expire_waiting(request_id: UUID, *, now: datetime) -> int:
    try:
        request = _locked(request_id, open_to=(Status.QUEUED,))
    except Conflict:
        return 0  # decided or withdrawn since the sweep began
    _resolve(request, Status.EXPIRED, now=now)
    return 1


def _cancel(request: AllocationRequest, *, actor: str, now: datetime) -> None:
    was_queued = request.status == Status.QUEUED
    _resolve(request, Status.CANCELLED, now=now)
    if was_queued or request.is_simulated:
        return
    decision = _grant_of(request)
    _free_hour(decision, request, decision.granted_tokens, now=now)
    _release_fund(decision, actor=actor, now=now)
    budgets.release_hold(hold_id=_hold_id(decision), actor=actor, now=now, reason="given back")


def _locked(request_id: UUID, *, open_to: tuple[Status, ...]) -> AllocationRequest:
    request = AllocationRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise NotFound("There is no such request.")
    if request.status not in open_to:
        raise Conflict(f"This request is {request.status}.", code="not_open", request_status=request.status)
    return request


def _grant_of(request: AllocationRequest) -> Decision:
    granting = (Decision.Verdict.GRANTED, Decision.Verdict.PARTIAL)
    return request.decisions.filter(verdict__in=granting).latest("sequence")


def _hold_id(decision: Decision) -> UUID:
    if decision.hold_id is None:
        raise Conflict("This grant has no hold.")
    return decision.hold_id


def _resolve(request: AllocationRequest, status: Status, *, now: datetime) -> None:
    AllocationRequest.objects.filter(pk=request.pk).update(status=status, resolved_at=now)
    publish(RequestResolved(request_id=request.pk, team_id=request.team_id, status=status, at=now))


def _settlement(
    request: AllocationRequest, decision: Decision, used_tokens: int, *, was_expired: bool, now: datetime
) -> Settlement:
    """Price and carbon of what was used, by the facts and terms of the grant."""
    facts = DecisionFacts.from_json(decision.inputs["facts"])
    cost, print_ = price_of(
        get_policy_version(decision.policy_id).terms,
        facts,
        _chosen(facts, decision),
        used_tokens,
        fund_available_micro_usd=_payable_by_fund(request, decision, facts, was_expired=was_expired),
    )
    values: dict[str, Any] = {
        "service_micro_usd": cost.service,
        "carbon_micro_usd": cost.carbon,
        "justice_micro_usd": cost.justice,
        "renewable_micro_usd": cost.renewable,
        "total_micro_usd": cost.total,
        "from_fund_micro_usd": cost.from_fund,
        "location_g": print_.location_g_central,
        "avoided_g": print_.avoided_g,
        "need_score": need_score(facts.scored_country).score,
    }
    return Settlement(request=request, decision=decision, used_tokens=used_tokens, settled_at=now, **values)


def _payable_by_fund(request: AllocationRequest, decision: Decision, facts: DecisionFacts, *, was_expired: bool) -> int:
    """What the Fund promised; after the promise expired, what it still has of it."""
    if request.is_simulated:
        return facts.fund_available_micro_usd
    promised = decision.fund_reserved_micro_usd
    return min(promised, get_fund_available()) if was_expired else promised


def _chosen(facts: DecisionFacts, decision: Decision) -> Candidate:
    hour = floor_hour(decision.starts_at) if decision.starts_at else None
    return next(each for each in facts.candidates if each.code == decision.region_id and each.starts_at == hour)


def _free_hour(decision: Decision, request: AllocationRequest, tokens: int, *, now: datetime) -> None:
    """Room that comes back while the hour lasts can serve others; afterwards it is history."""
    if tokens and decision.region_id and decision.starts_at and floor_hour(decision.starts_at) >= floor_hour(now):
        give_back(
            region_code=decision.region_id,
            model_class=request.model_class,
            starts_at=floor_hour(decision.starts_at),
            tokens=tokens,
        )


def _settle_fund(decision: Decision, settlement: Settlement, *, was_expired: bool, actor: str, now: datetime) -> None:
    settle_flows(
        promised_micro_usd=0 if was_expired else decision.fund_reserved_micro_usd,
        paid_micro_usd=settlement.from_fund_micro_usd,
        premium_micro_usd=max(0, settlement.justice_micro_usd),
        request_id=settlement.request_id,
        actor=actor,
        now=now,
    )


def _release_fund(decision: Decision, *, actor: str, now: datetime) -> None:
    if decision.fund_reserved_micro_usd:
        release_discount(
            micro_usd=decision.fund_reserved_micro_usd, request_id=decision.request_id, actor=actor, now=now
        )
