"""How requests stand now: what still waits has the status that the plan in force gives it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from budgets import selectors as budgets
from market.domain.placement.plan import PlacementVerdict, PlanInputs, WaitingReason
from market.domain.placement.words import NOT_OF_THIS_PLAN, waits_in_words
from market.models import AllocationRequest, AllocationRun, Decision, Placement
from market.selectors.drafts import planned_decision
from market.selectors.plan_inputs import find_plan_inputs, find_run_in_force
from market.selectors.policies import policy_facts

Status = AllocationRequest.Status
GRANTING = (PlacementVerdict.GRANTED, PlacementVerdict.PARTIAL)
VERDICT_OF_STATUS = {Status.GRANTED: PlacementVerdict.GRANTED, Status.PARTIAL: PlacementVerdict.PARTIAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A request as it stands: the decision that counts (not stored where a plan made it) and its status.

    `rows` are what the plan in force has of it, empty where it does not wait or is newer than the plan;
    `plan_hold` pays for it together with all planned work of its budget.
    """

    decision: Decision
    status: str
    rows: tuple[Placement, ...] = ()
    run: AllocationRun | None = None
    plan_hold: budgets.PlanHold | None = None
    city: str = ""

    @property
    def is_planned(self) -> bool:
        """Whether the plan in force grants it something."""
        return self.run is not None and self.status in VERDICT_OF_STATUS


def list_standings(decisions: Collection[Decision]) -> dict[UUID, Standing]:
    """How the requests of these latest decisions stand, by request id.

    A bounded number of queries, and none where nothing waits. The decisions have their request, its
    purpose and their policy at hand.
    """
    found = {each.request_id: Standing(decision=each, status=each.request.status) for each in decisions}
    found |= {each.request_id: _gone_by(each) for each in decisions if _has_gone_by(each)}
    waiting = {each.request_id: each for each in decisions if each.request.status == Status.QUEUED}
    run = find_run_in_force() if waiting else None
    rows = _rows(run, waiting.keys()) if run else {}
    inputs = find_plan_inputs([run.pk]).get(run.pk) if run and rows else None
    if run is None or inputs is None:
        return found
    sound = {request_id for request_id, each in rows.items() if is_of_plan(inputs, each)}
    placed = {request_id for request_id in sound if rows[request_id][0].verdict in GRANTING}
    paying = [budget for request_id in placed if (budget := waiting[request_id].request.budget_id)]
    holds = budgets.list_plan_holds(paying) if paying else {}
    for request_id, each in rows.items():
        stored = waiting[request_id]
        if request_id in placed:
            hold = holds.get(stored.request.budget_id) if stored.request.budget_id else None
            found[request_id] = _placed(stored, each, run, inputs, hold)
        else:
            found[request_id] = _waiting(stored, each, run, inputs, is_sound=request_id in sound)
    return found


def is_of_plan(inputs: PlanInputs, rows: Sequence[Placement]) -> bool:
    """Whether rows of a request can have come of the plan: all of one kind, in its regions, hours and parties."""
    verdict = rows[0].verdict
    if any((row.verdict, row.party) != (verdict, rows[0].party) for row in rows):
        return False
    if rows[0].reason not in _REASONS or not 0 <= rows[0].party < len(inputs.parties):
        return False
    if verdict in GRANTING:
        return all(inputs.has_cell(row.site, row.hour) and row.tokens > 0 for row in rows)
    is_waiting = verdict == PlacementVerdict.WAITING and rows[0].reason != WaitingReason.NONE
    return is_waiting and not any(row.tokens for row in rows)


_REASONS = frozenset(WaitingReason)


def is_planned(run_id: int, *verdicts: PlacementVerdict, request: str = "pk") -> Exists:
    """Whether the run places a request with one of these verdicts; `request` names the column of its id."""
    rows: QuerySet[Placement] = Placement.objects.filter(
        run=run_id, request=OuterRef(request), verdict__in=verdicts or GRANTING
    )
    return Exists(rows)


def having_status(status: str) -> Q:
    """Requests that stand so: by their own status, or while they wait by the plan in force."""
    stored = Q(status=status)
    if status not in (Status.QUEUED, *VERDICT_OF_STATUS):
        return stored
    run = find_run_in_force()
    if run is None:
        return stored
    if status == Status.QUEUED:
        return stored & ~Q(is_planned(run.pk))
    return stored | (Q(status=Status.QUEUED) & Q(is_planned(run.pk, VERDICT_OF_STATUS[Status(status)])))


def planned_in(region_code: str) -> Q:
    """Latest decisions of requests that wait and that the plan in force puts in this region."""
    run = find_run_in_force()
    inputs = find_plan_inputs([run.pk]).get(run.pk) if run else None
    if run is None or inputs is None:
        return Q(pk__in=())
    sites = [index for index, site in enumerate(inputs.sites) if site.region == region_code]
    here = Placement.objects.filter(run=run.pk, request=OuterRef("request"), verdict__in=GRANTING, site__in=sites)
    return Q(request__status=Status.QUEUED) & Q(Exists(here))


def _rows(run: AllocationRun, request_ids: Collection[UUID]) -> dict[UUID, list[Placement]]:
    rows: dict[UUID, list[Placement]] = defaultdict(list)
    for row in Placement.objects.filter(run=run.pk, request__in=request_ids).order_by("request", "part"):
        rows[row.request_id].append(row)
    return rows


def _placed(
    stored: Decision,
    rows: Sequence[Placement],
    run: AllocationRun,
    inputs: PlanInputs,
    hold: budgets.PlanHold | None,
) -> Standing:
    decision = planned_decision(
        stored.request,
        [row for row in rows if row.tokens],
        run_id=run.pk,
        inputs=inputs,
        policy=policy_facts(stored.policy),
        is_degraded=run.is_degraded,
    )
    decision.policy = stored.policy
    status = Status.GRANTED if rows[0].verdict == PlacementVerdict.GRANTED else Status.PARTIAL
    city = next((site.city for site in inputs.sites if site.region == decision.region_id), "")
    return Standing(decision=decision, status=status, rows=tuple(rows), run=run, plan_hold=hold, city=city)


def _has_gone_by(stored: Decision) -> bool:
    return stored.request.status == Status.EXPIRED and stored.verdict == Decision.Verdict.QUEUED


def _gone_by(stored: Decision) -> Standing:
    """The stored decision, which says that the next pass places it, with what came of that."""
    decision, why = copy(stored), "Its deadline passed before it was taken up."
    decision.explanation = f"{stored.explanation} {why}"
    decision.reasons = [*stored.reasons, why]
    return Standing(decision=decision, status=Status.EXPIRED)


def _waiting(
    stored: Decision, rows: Sequence[Placement], run: AllocationRun, inputs: PlanInputs, *, is_sound: bool
) -> Standing:
    """The stored decision with the plan's word on why it waits on."""
    decision = copy(stored)
    why = NOT_OF_THIS_PLAN
    if is_sound:
        why = waits_in_words(run.pk, inputs.made_at, WaitingReason(rows[0].reason))
    decision.explanation = f"{stored.explanation} {why}"
    decision.reasons = [*stored.reasons, why]
    return Standing(decision=decision, status=Status.QUEUED, rows=tuple(rows), run=run)
