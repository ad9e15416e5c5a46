"""Promises that have not begun are taken back in an emergency, where lifted work was left waiting for their room."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from budgets import selectors as budget_reads
from budgets import services as budgets
from climate.domain.ladder import floor_hour
from climate.domain.places import EmergencyFacts
from config.kernel.errors import Conflict
from config.kernel.transactions import in_transaction
from market.domain.asks import window_hours
from market.domain.placement.giving_way import Cell, Need, Promise, who_gives_way
from market.domain.placement.handback import HEADROOM_SHARE
from market.domain.placement.plan import PlacementVerdict, PlanInputs, WaitingReason
from market.domain.placement.problem import NO_SET, Ints
from market.domain.verdict import without_grant
from market.models import AllocationRequest, AllocationRun, Decision, Placement
from market.selectors.drafts import unsaved_decision
from market.selectors.facts import gather_facts
from market.selectors.plan_inputs import get_plan_inputs
from market.selectors.policies import get_policy_version, get_purpose_of
from market.services.passes.planning import Setting
from market.services.passes.rows import let_wait
from market.services.passes.solving import free_room
from market.services.plan_lock import share_plan
from market.services.records import record
from market.services.resolve import grant_of, hold_id_of, locked_request
from market.services.settling import free_hours, parts_of, release_fund

logger = logging.getLogger(__name__)
ACTOR = "emergency"
MOST_LOOKED_AT = 100_000
MOST_NEEDS = 10_000
"""The weightiest; what is left over is looked at after the next pass."""
IDS_AT_ONCE = 5000
GRANTED = (Decision.Verdict.GRANTED, Decision.Verdict.PARTIAL)
Status = AllocationRequest.Status


def give_way(setting: Setting, run: AllocationRun, *, plan_id: int, clock: Callable[[], datetime]) -> int:
    """Take back promises to tiers that give way, as far as lifted work that this plan leaves waiting needs it.

    Each in a transaction of its own, with a new decision that says why; returns how many.
    """
    given = who_would_give_way(setting, plan_id=plan_id, now=clock())
    for request_id, served_id in given.items():
        logger.info("a promise gives way", extra={"request_id": str(request_id), "for": str(served_id)})
    return sum(_tried(each, run, setting, now=clock()) for each in given)


def who_would_give_way(setting: Setting, *, plan_id: int, now: datetime) -> dict[UUID, UUID]:
    """Grants that give way, each with the waiting request that it makes room for.

    None where no emergency is in force, the policy lets nobody give way, or nothing lifted lacks room.
    """
    emergencies = setting.gathered.emergencies
    tiers = setting.gathered.plan_terms.allocation.gives_way_tiers
    needed = _needs_of(setting, plan_id) if emergencies and tiers else []
    if not needed:
        return {}
    inputs = get_plan_inputs(plan_id)
    promises = _promises(inputs, tiers, emergencies, now=now)
    needs = [_need(setting, inputs, index, placed, promises) for index, placed in needed]
    return who_gives_way(needs, promises, _free(inputs))


def by_party(request_ids: Collection[UUID]) -> list[dict[str, Any]]:
    """Promises and tokens of these grants by origin and purpose: what may be told to everybody."""
    sums: dict[tuple[str, str], list[int]] = {}
    for request in AllocationRequest.objects.filter(pk__in=request_ids).order_by("origin_code", "purpose"):
        of_party = sums.setdefault((request.origin_code, request.purpose_id), [0, 0])
        of_party[0] += 1
        of_party[1] += grant_of(request).granted_tokens
    return [
        {"origin": origin, "purpose": purpose, "promises": promises, "tokens": tokens}
        for (origin, purpose), (promises, tokens) in sums.items()
    ]


def _lifting(emergencies: Sequence[EmergencyFacts], origin: str, purpose: str) -> EmergencyFacts | None:
    """The strongest emergency that lifts this purpose for this origin."""
    lifting = [each for each in emergencies if origin in each.country_codes and purpose in each.purposes]
    return max(lifting, key=lambda each: each.multiplier, default=None)


def _needs_of(setting: Setting, plan_id: int) -> list[tuple[int, dict[Cell, int]]]:
    """Lifted requests that lack room: their place in the columns, and what the plan gives them; weightiest first."""
    lifted = [
        _lifting(setting.gathered.emergencies, origin, purpose) is not None
        for origin, _, purpose in setting.eligibility.parties
    ]
    columns = setting.columns
    flags = np.array(lifted, dtype=np.bool_)[setting.eligibility.party] if len(columns) else np.zeros(0, np.bool_)
    chosen = [index for index in setting.order.tolist() if flags[index]]
    ids = {UUID(bytes=columns.ids[index].tobytes()): index for index in chosen[:MOST_LOOKED_AT]}
    lacking = _lacking(plan_id, list(ids))
    return [(index, lacking[request_id]) for request_id, index in ids.items() if request_id in lacking][:MOST_NEEDS]


def _lacking(plan_id: int, request_ids: Sequence[UUID]) -> dict[UUID, dict[Cell, int]]:
    """Of requests that found no room, whole or in part: the tokens that are placed, by cell."""
    lacking: dict[UUID, dict[Cell, int]] = {}
    for start in range(0, len(request_ids), IDS_AT_ONCE):
        rows = Placement.objects.filter(run=plan_id, request__in=request_ids[start : start + IDS_AT_ONCE])
        waiting = rows.filter(reason=WaitingReason.FULL, request__status=Status.QUEUED)
        found = waiting.exclude(verdict=PlacementVerdict.GRANTED).values_list("request", "site", "hour", "tokens")
        for request_id, site, hour, tokens in found:
            lacking.setdefault(request_id, {}).update({(site, hour): tokens} if tokens else {})
    return lacking


def _promises(
    inputs: PlanInputs, tiers: Sequence[str], emergencies: Sequence[EmergencyFacts], *, now: datetime
) -> list[Promise]:
    """Grants of these tiers that have not begun, in hours that are not over, and that no emergency lifts."""
    granted = Decision.objects.filter(
        request__status__in=AllocationRequest.HOLDING,
        request__purpose__tier__in=tiers,
        request__is_simulated=False,
        verdict__in=GRANTED,
        hold_id__isnull=False,
    )
    newest = {
        decision.request_id: decision
        for decision in granted.defer("inputs", "explanation").select_related("request").order_by("sequence")
        if _lifting(emergencies, decision.request.origin_code, decision.request.purpose_id) is None
    }
    leases = budget_reads.find_hold_leases([hold_id_of(each) for each in newest.values()])
    site_of = {(site.region, site.model_class): index for index, site in enumerate(inputs.sites)}
    found = []
    for decision in newest.values():
        lease = leases.get(hold_id_of(decision))
        tokens = _tokens_by_cell(decision, inputs, site_of, since=floor_hour(now))
        if lease is not None and lease.status == "reserved" and tokens:
            found.append(Promise(request_id=decision.request_id, weight=decision.weight, tokens=tokens))
    return found


def _tokens_by_cell(
    decision: Decision, inputs: PlanInputs, site_of: Mapping[tuple[str, str], int], *, since: datetime
) -> dict[Cell, int]:
    tokens: dict[Cell, int] = {}
    for part in parts_of(decision):
        site = site_of.get((part.region, decision.request.model_class))
        hour = int((part.starts_at - inputs.first_hour).total_seconds() // 3600)
        if site is not None and part.starts_at >= since and hour < inputs.hour_count:
            tokens[site, hour] = tokens.get((site, hour), 0) + part.tokens
    return tokens


def _free(inputs: PlanInputs) -> dict[Cell, int]:
    """Room that the plan could still use: without the little that is left for whole requests."""
    whole = free_room(inputs)
    free: Ints = whole - np.ceil(whole * HEADROOM_SHARE).astype(np.int64) - inputs.arrays["planned_tokens"]
    return {(int(site), int(hour)): int(free[site, hour]) for site, hour in zip(*np.nonzero(free > 0), strict=True)}


def _need(
    setting: Setting, inputs: PlanInputs, index: int, placed: Mapping[Cell, int], promises: Sequence[Promise]
) -> Need:
    """The cells with somebody who may give way that this request may use, the cleanest first."""
    eligibility, cost = setting.eligibility, inputs.arrays["cost_ng_per_token"]
    first, last = int(eligibility.first_hour[index]), int(eligibility.last_hour[index])
    sets = eligibility.set_of_hour[eligibility.profile[index]]
    cells = {
        cell
        for promise in promises
        for cell in promise.tokens
        if first <= cell[1] <= last and sets[cell[1]] != NO_SET and eligibility.is_eligible[sets[cell[1]], cell[0]]
    }
    return Need(
        request_id=UUID(bytes=setting.columns.ids[index].tobytes()),
        tokens=int(setting.columns.tokens[index]),
        placed=placed,
        may_split=bool(setting.columns.may_split[index]),
        cells=sorted(cells, key=lambda cell: (int(cost[cell]), cell)),
    )


def _tried(request_id: UUID, run: AllocationRun, setting: Setting, *, now: datetime) -> bool:
    try:
        in_transaction(lambda: _give_back(request_id, run, setting, now=now))
    except Conflict:
        return False  # settled, given back or begun since we looked
    return True


def _give_back(request_id: UUID, run: AllocationRun, setting: Setting, *, now: datetime) -> None:
    """Free room, money and budget of one grant; it waits again, or is refused where its window is over.

    What it was taken up from is over: the plan in force has nothing left for it, whose row would count again.
    """
    plan = share_plan()
    request = locked_request(request_id, open_to=AllocationRequest.HOLDING)
    grant = grant_of(request)
    lease = budget_reads.find_hold_leases([hold_id_of(grant)])[hold_id_of(grant)]
    if lease.status != "reserved":
        raise Conflict("The work of this grant has begun.")
    decision = _notice(request, setting, now=now)
    free_hours(grant, request, grant.granted_tokens, now=now)
    release_fund(grant, actor=ACTOR, now=now)
    # The number of the hold is old if somebody dispatched it meanwhile: then nothing of this happens.
    budgets.release_hold(hold_id=lease.id, actor=ACTOR, now=now, reason="gave way in an emergency", fence=lease.fence)
    told = record(decision, status=Status(decision.verdict), run=run)
    if plan is not None:
        let_wait([request.pk], run_id=plan.pk, reason=WaitingReason.FULL)
    if request.budget_id is not None:
        budgets.notify_team(
            budget_id=request.budget_id, number=told.pk, notice=told.explanation, hold_id=lease.id, now=now
        )


def _notice(request: AllocationRequest, setting: Setting, *, now: datetime) -> Decision:
    """The new decision, which names the emergency."""
    policy = get_policy_version(request.policy_id)
    may_wait = floor_hour(request.latest_at) > floor_hour(now)
    facts = gather_facts(
        request,
        purpose=get_purpose_of(request.purpose_id),
        terms=policy.terms,
        hours=[],
        window_hours=window_hours(request.created_at, request.latest_at),
        now=now,
    )
    reasons = (
        f"Given back for an emergency: {_named(setting.gathered.emergencies)}.",
        "Work that it lifts was left waiting, and promises for this purpose that have not begun give way by policy.",
        f"It waits again until {request.latest_at:%Y-%m-%d %H:%M} UTC: the next allocation pass places it."
        if may_wait
        else "Its window ends in this hour, so that it cannot wait for another.",
    )
    outcome = Decision.Verdict.QUEUED if may_wait else Decision.Verdict.DENIED
    verdict = without_grant(policy.terms, facts, outcome=outcome, reasons=reasons)
    decision = unsaved_decision(request, policy, facts, verdict, now=now)
    decision.explanation = f"{' '.join(reasons)} Policy {policy.name} v{policy.version}."
    return decision


def _named(emergencies: Sequence[EmergencyFacts]) -> str:
    return "; ".join(f"{each.title} ({', '.join(each.country_codes)})" for each in emergencies)
