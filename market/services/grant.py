"""Deciding a request and taking what the verdict needs: capacity, Fund promise, budget hold.

All of it in one savepoint, or nothing. Rows are taken in one order everywhere (hour, Fund,
budgets leaf to root), so that two requests never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from budgets import services as budgets
from budgets.domain.refusals import BudgetExhausted
from climate.domain.ladder import HOUR
from config.kernel.errors import Unavailable
from market.domain.asks import hours_of_window
from market.domain.facts import DecisionFacts
from market.domain.placement.promised import promised_amounts
from market.domain.verdict import Verdict, decide, refused_by_budget
from market.models import AllocationRequest, AllocationRun, Decision
from market.selectors.facts import gather_facts
from market.selectors.policies import PolicyFacts, PurposeFacts
from market.services.capacity import HourFull, promise
from market.services.fund import FundShort, reserve_discount
from market.services.records import record, unsaved_decision

HORIZON_HOURS = 48  # how far ahead the signals are worth planning by
MOST_TRIES = 8  # each lost race means that somebody else was served, so this is generous
Status = AllocationRequest.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a request. `refusal` is set where a budget could not pay."""

    decision: Decision
    warning_percent: int | None = None
    refusal: BudgetExhausted | None = None


def decide_and_take(
    request: AllocationRequest,
    *,
    purpose: PurposeFacts,
    policy: PolicyFacts,
    hours: Sequence[datetime],
    window_hours: float,
    now: datetime,
    run: AllocationRun | None = None,
    may_wait: bool = False,
) -> Outcome | None:
    """Decide a stored request for one of `hours` and record the decision with what it took.

    With `may_wait` a refusal is not recorded and None comes back: a later hour may bring room,
    another price or a new budget period.
    """
    for _ in range(MOST_TRIES):
        facts = gather_facts(
            request,
            purpose=purpose,
            terms=policy.terms,
            hours=hours,
            window_hours=window_hours,
            now=now,
        )
        verdict = decide(policy.terms, facts)
        if may_wait and verdict.chosen is None:
            return None
        try:
            return _take(request, policy, facts, verdict, run=run, now=now)
        except (HourFull, FundShort):
            continue  # somebody else was quicker: look again
        except BudgetExhausted as refusal:
            if may_wait:
                return None
            budgets.note_refusal(refusal, now=now)
            return _refused(request, policy, facts, verdict, refusal, run=run, now=now)
    raise Unavailable("Too many others ask for the same hour. Nothing was taken; try again.", retry_after_seconds=1)


def hours_to_consider(request: AllocationRequest, *, now: datetime) -> list[datetime]:
    """The hours of a request's window, from now on and up to the horizon of the signals."""
    hours = hours_of_window(request.earliest_at, request.latest_at, now, at_most=HORIZON_HOURS)
    return [hour for hour in hours if hour < now + HORIZON_HOURS * HOUR]


@transaction.atomic
def _take(
    request: AllocationRequest,
    policy: PolicyFacts,
    facts: DecisionFacts,
    verdict: Verdict,
    *,
    run: AllocationRun | None,
    now: datetime,
) -> Outcome:
    decision = unsaved_decision(request, policy, facts, verdict, now=now)
    if verdict.chosen is None or verdict.starts_at is None or verdict.price is None or verdict.footprint is None:
        return Outcome(decision=record(decision, status=Status.DENIED, run=run))
    status = Status(verdict.outcome)
    if request.is_simulated or request.budget_id is None:
        return Outcome(decision=record(decision, status=status, run=run))
    chosen, cost = verdict.chosen, verdict.price
    promise(
        region_code=chosen.code,
        model_class=request.model_class,
        starts_at=chosen.starts_at,
        tokens=verdict.granted_tokens,
        capacity_tokens=chosen.capacity_tokens,
    )
    if cost.from_fund:
        reserve_discount(micro_usd=cost.from_fund, request_id=request.pk, actor=request.actor, now=now)
    hold = budgets.place_hold(
        budget_id=request.budget_id,
        amounts=promised_amounts(
            tokens=verdict.granted_tokens,
            location_g=verdict.footprint.location_g_central,
            total_micro_usd=cost.total,
            energy_wh=verdict.footprint.energy_wh_central,
        ),
        reference=f"request:{request.pk}",
        lease_expires_at=verdict.starts_at + timedelta(minutes=policy.terms.hold_lease_minutes),
        actor=request.actor,
        now=now,
    )
    decision = record(decision, status=status, hold=hold, fund_reserved_micro_usd=cost.from_fund, run=run)
    return Outcome(decision=decision, warning_percent=hold.warning_percent)


def _refused(
    request: AllocationRequest,
    policy: PolicyFacts,
    facts: DecisionFacts,
    verdict: Verdict,
    refusal: BudgetExhausted,
    *,
    run: AllocationRun | None,
    now: datetime,
) -> Outcome:
    """A denial that names the budget; the region and price it would have had stay in the inputs."""
    denied = refused_by_budget(verdict, refusal.detail)
    decision = unsaved_decision(request, policy, facts, denied, now=now)
    decision.inputs["budget_refusal"] = {"detail": refusal.detail, **refusal.facts}
    return Outcome(decision=record(decision, status=Status.DENIED, run=run), refusal=refusal)
