"""Work in its last hour that the plan does not place: it gets what interactive work would get now, or a denial.

Nobody finds out by waiting until the deadline is over: a denial has its reasons and every input.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from climate.domain.ladder import HOUR, floor_hour
from config.kernel.errors import InvalidInput, Unavailable
from config.kernel.transactions import transactional
from market.domain.asks import window_hours
from market.domain.explanation import significant
from market.domain.placement.columns import RequestColumns
from market.domain.placement.plan import PlacementVerdict
from market.domain.placement.problem import Ints
from market.domain.verdict import without_grant
from market.models import AllocationRequest, AllocationRun, Decision, Placement
from market.selectors.drafts import unsaved_decision
from market.selectors.facts import gather_facts
from market.selectors.policies import get_policy_version, get_purpose_of
from market.services.grant import Outcome, decide_and_take, hours_to_consider
from market.services.plan_lock import share_plan
from market.services.records import record

logger = logging.getLogger(__name__)
LAST_CALL = timedelta(minutes=10)
"""A deadline so near is decided although its hour has not begun: the next pass but one comes too late for it."""
MOST_AT_ONCE = 2000
"""Each is a decision of its own; what is left over is next in the next pass, or expires."""


def list_last_hour(columns: RequestColumns, order: Ints, *, now: datetime) -> list[UUID]:
    """Those whose deadline is in this hour or near, whoever goes first first."""
    end_us = int((floor_hour(now) + HOUR).timestamp()) * 1_000_000
    near_us = int((now + LAST_CALL).timestamp() * 1_000_000)
    latest_us = columns.latest_us[order]
    late = order[(latest_us < end_us) | (latest_us <= near_us)]
    return [UUID(bytes=columns.ids[index].tobytes()) for index in late.tolist()]


class _TooMuchCarbon(Exception):
    """What would be granted emits more than the plan's carbon budget has left."""


def decide_last(
    run: AllocationRun,
    plan_id: int | None,
    requests: Sequence[UUID],
    *,
    carbon_left_g: float | None,
    clock: Callable[[], datetime],
) -> tuple[int, int]:
    """Decide those that the plan in force does not place; returns how many were granted and how many denied.

    `carbon_left_g` is what the plan leaves of its carbon budget, g CO2e: no more is granted. None: there is none.
    """
    unplaced = _unplaced(requests, plan_id)[:MOST_AT_ONCE]
    granted = denied = 0
    for request_id in unplaced:
        try:
            outcome = _decide(request_id, run, carbon_left_g=carbon_left_g, now=clock())
        except Unavailable:
            continue  # lost too many races for an hour: once more in the next pass
        if outcome is not None:
            is_denied = outcome.decision.verdict == Decision.Verdict.DENIED
            denied, granted = denied + is_denied, granted + (not is_denied)
            if carbon_left_g is not None:
                carbon_left_g -= outcome.decision.location_g_central or 0.0
    return granted, denied


def _unplaced(requests: Sequence[UUID], plan_id: int | None) -> list[UUID]:
    placed = Placement.objects.filter(run=plan_id, request__in=requests).exclude(verdict=PlacementVerdict.WAITING)
    known = set(placed.values_list("request_id", flat=True)) if requests else set()
    return [each for each in requests if each not in known]


@transactional
def _decide(request_id: UUID, run: AllocationRun, *, carbon_left_g: float | None, now: datetime) -> Outcome | None:
    """None if it was withdrawn, decided or placed by another plan since, or its hour went by."""
    # Another pass may put its plan in force at any time now: it sees this decision, or this sees its plan.
    plan = share_plan()
    queued = AllocationRequest.objects.filter(pk=request_id, status=AllocationRequest.Status.QUEUED)
    request = queued.select_for_update().first()
    hours = hours_to_consider(request, now=now) if request is not None and request.latest_at >= now else []
    if request is None or not hours or not _unplaced([request_id], plan.pk if plan else None):
        return None
    try:
        with transaction.atomic():
            outcome = decide_and_take(
                request,
                purpose=get_purpose_of(request.purpose_id),
                policy=get_policy_version(request.policy_id),
                hours=hours,
                window_hours=window_hours(request.created_at, request.latest_at),
                now=now,
                run=run,
            )
            _within_carbon_budget(outcome, carbon_left_g)
    except InvalidInput as refusal:
        logger.info("nobody pays for work that waits", extra={"request_id": str(request_id), "why": refusal.detail})
        why = f"The budget that was to pay for this, {request.budget_id}, has ended."
        return _denied(request, run, why, now=now)
    except _TooMuchCarbon as refusal:
        return _denied(request, run, str(refusal), now=now)
    return outcome


def _within_carbon_budget(outcome: Outcome | None, left_g: float | None) -> None:
    """Raises _TooMuchCarbon, which undoes the grant."""
    emits_g = (outcome.decision.location_g_central or 0.0) if outcome else 0.0
    if left_g is not None and emits_g > left_g:
        raise _TooMuchCarbon(
            f"The carbon budget of the plan has {significant(max(0.0, left_g))} g CO2e left,"
            f" and this would emit {significant(emits_g)} g."
        )


def _denied(request: AllocationRequest, run: AllocationRun, why: str, *, now: datetime) -> Outcome:
    """A denial for what is not among the rules of a verdict."""
    policy = get_policy_version(request.policy_id)
    facts = gather_facts(
        request,
        purpose=get_purpose_of(request.purpose_id),
        terms=policy.terms,
        hours=[],
        window_hours=window_hours(request.created_at, request.latest_at),
        now=now,
    )
    verdict = without_grant(policy.terms, facts, outcome="denied", reasons=(why,))
    decision = unsaved_decision(request, policy, facts, verdict, now=now)
    decision.explanation = f"Denied. {why} Policy {policy.name} v{policy.version}."
    return Outcome(decision=record(decision, status=AllocationRequest.Status.DENIED, run=run))
