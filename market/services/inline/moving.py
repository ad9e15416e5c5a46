"""Work that is under way goes on in another region: its capacity moves, and so do price, carbon and hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from budgets import selectors as budget_reads
from budgets import services as budgets
from budgets.domain.asks import HoldAsk, PlacedHold
from config.kernel.errors import Conflict, Unavailable
from config.kernel.sql import write
from config.kernel.transactions import transactional
from market.domain.facts import DecisionFacts
from market.domain.inline import InlineGrant
from market.domain.verdict import decide
from market.models import AllocationRequest, Decision
from market.selectors.drafts import unsaved_decision
from market.selectors.scenes import Scene, get_scene
from market.services.fund import reserve_discount
from market.services.inline.answering import answer_of
from market.services.inline.deciding import Grant, Place, grant_by
from market.services.inline.taking import lock_free_fund, lock_hours, promises
from market.services.records import record
from market.services.resolve import grant_of, hold_id_of, locked_request
from market.services.settling import free_hours, release_fund

Status = AllocationRequest.Status


@transactional
def move_inline(
    *, request_id: UUID, regions: Sequence[str], routing: Mapping[str, Any], actor: str, now: datetime, why: str
) -> InlineGrant:
    """Let granted work go on in the first of `regions` with room for all that it was granted.

    A second decision says where and why. Raises NotFound, Conflict if the request is not at work any more,
    Unavailable (code `no_room`) or BudgetExhausted where no region or budget takes it: it stays as it was.
    """
    request = locked_request(request_id, open_to=(Status.GRANTED, Status.PARTIAL))
    before, scene = grant_of(request), get_scene(now)
    hours = lock_hours(_places(request, before, regions, scene), hour=scene.hour)
    facts = _facts(request, before, regions, routing, scene, hours.room.taken, now=now)
    verdict = decide(scene.policy.terms, facts)
    grant = grant_by(verdict, request.model_class)
    if grant is None:
        raise Unavailable(" ".join(verdict.reasons), code="no_room")
    free_hours(before, request, before.granted_tokens, now=now)
    release_fund(before, actor=actor, now=now)
    if grant.price.from_fund:
        reserve_discount(micro_usd=grant.price.from_fund, request_id=request_id, actor=actor, now=now)
    hold = _hold_anew(request, before, grant, actor=actor, now=now, why=why)
    write(promises([grant], hours.ids))
    decision = unsaved_decision(request, scene.policy, facts, verdict, now=now)
    decision.explanation += f" It went on here from {before.region_id}: {why}."
    record(decision, status=Status(verdict.outcome), hold=hold, fund_reserved_micro_usd=grant.price.from_fund)
    return answer_of(request_id, decision.pk, _budget_id(request), grant, hold)


def _budget_id(request: AllocationRequest) -> UUID:
    if request.budget_id is None:
        raise Conflict("This request was simulated: nobody pays for it.")
    return request.budget_id


def _places(
    request: AllocationRequest, before: Decision, regions: Sequence[str], scene: Scene
) -> dict[tuple[str, str], int]:
    """What this hour can take at all places that gain or lose by the move."""
    origin, model_class = scene.known_country(request.origin_code), request.model_class
    candidates = scene.candidates(origin, model_class, [*regions, before.region_id or ""])
    return {(each.code, model_class): each.capacity_tokens for each in candidates}


def _facts(
    request: AllocationRequest,
    before: Decision,
    regions: Sequence[str],
    routing: Mapping[str, Any],
    scene: Scene,
    taken: Mapping[Place, int],
    *,
    now: datetime,
) -> DecisionFacts:
    """The facts of its grant, with the places and the Fund as they are now; all that was granted, or nothing."""
    facts = DecisionFacts.from_json(before.inputs["facts"])
    granted = before.granted_tokens
    return replace(
        facts,
        made_at=now,
        earliest_at=now,
        eligible_regions=tuple(regions),
        preferred=tuple(regions),
        routing=dict(routing),
        candidates=tuple(scene.candidates_with(facts.origin, request.model_class, regions, taken)),
        left_out=0,
        home=scene.home(facts.origin, request.model_class),
        fund_available_micro_usd=lock_free_fund(is_locked=True) + before.fund_reserved_micro_usd,
        least_tokens=granted,
        payable_tokens=granted if granted < facts.tokens else None,
    )


def _hold_anew(
    request: AllocationRequest, before: Decision, grant: Grant, *, actor: str, now: datetime, why: str
) -> PlacedHold:
    """Give the old hold back and reserve what it takes now, with the same lease. Raises where no budget pays."""
    hold_id = hold_id_of(before)
    lease = budget_reads.find_hold_leases([hold_id])[hold_id].expires_at
    budgets.release_hold(hold_id=hold_id, actor=actor, now=now, reason=f"went on elsewhere: {why}"[:300])
    ask = HoldAsk(
        budget_id=_budget_id(request),
        amounts=grant.amounts,
        reference=f"request:{request.pk}",
        lease_expires_at=lease,
        actor=request.actor,
    )
    outcome = budgets.place_holds([ask], are_dispatched=True, now=now)[0]
    if not isinstance(outcome, PlacedHold):
        raise outcome
    return outcome
