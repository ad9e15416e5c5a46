"""Planned work becomes a grant of its own, or goes out of the plan.

A plan keeps room, money of the Fund and budget for all its requests together. Taken up, a request gets
exactly its part of each: nothing becomes more or less by it, so that it cannot fail for want of anything
but an hour that an administrator cut.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from budgets import services as budgets
from budgets.domain.asks import PlacedHold
from budgets.domain.resizing import Carving, plan_reference
from climate.domain.ladder import HOUR, floor_hour
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.transactions import in_transaction
from market.models import AllocationRequest, AllocationRun, Decision, Placement, RegionHour
from market.selectors.plan_inputs import find_run_in_force, get_plan_inputs
from market.services.capacity import Cell, HourFull, capacity_now, drop_planned, keep_cells, lock_cells, take_planned
from market.services.fund import move_plan_promise, take_from_plan
from market.services.plan_decisions import PlanDecisions
from market.services.plan_lock import share_plan
from market.services.planned import Planned, planned_of
from market.services.records import Granted, record_grants

logger = logging.getLogger(__name__)
Status = AllocationRequest.Status
AHEAD = timedelta(minutes=2)
"""Work is taken up so long before its hour, twice the time between two looks: one that comes late misses none."""
AT_ONCE = 200
PLANNER = "plan"


def take_up(*, request_id: UUID, actor: str, now: datetime) -> Decision:
    """Give a planned request a decision and a hold of its own, exactly what the plan in force promises it.

    Raises NotFound, or Conflict if it is not waiting (`not_open`) or not planned (`not_planned`), or
    its hour cannot take it any more (`hour_full`), BudgetExhausted if the plan's hold does not cover
    it and its budget cannot pay. Then it waits on, and nothing changed.
    """
    return in_transaction(lambda: _take_up_one(request_id, actor=actor, now=now))


def take_up_if_planned(*, request_id: UUID, actor: str, now: datetime) -> bool:
    """The same inside the caller's transaction, which has locked nothing; False if it is not planned work."""
    if not is_waiting(request_id):
        return False
    try:
        with transaction.atomic():
            _take_up_one(request_id, actor=actor, now=now)
    except Conflict as refusal:
        if refusal.code in ("not_open", "not_planned"):
            return False  # taken up by somebody else just now, or never planned: what is asked next says so
        raise
    return True


def take_up_due(
    *, now: datetime, at_most: int | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Take up all planned work whose hour has begun, or begins within AHEAD; return how many requests.

    In batches, each a transaction of its own; where one fails, its requests are tried one by one.
    `at_most` so many are tried; None: all.
    """
    due = _list_due(now=now)[:at_most]
    taken = 0
    for start in range(0, len(due), AT_ONCE):
        taken += _take_up_batch(due[start : start + AT_ONCE], now=now)
        progress(min(start + AT_ONCE, len(due)), len(due))
    return taken


def withdraw(request: AllocationRequest, *, plan: AllocationRun | None, actor: str, now: datetime) -> bool:
    """Give back what the plan in force keeps for a locked waiting request; False if it keeps nothing.

    `plan` is what `share_plan` gave before the request was locked.
    """
    planned = planned_of([request], plan).get(request.pk)
    if planned is None or plan is None:
        return False
    rows = lock_cells(planned.cells)
    for row, cell in zip(planned.rows, planned.cells, strict=True):
        drop_planned(rows[cell], row.tokens)
    keep_cells(rows.values())
    promised = planned.from_fund_micro_usd
    move_plan_promise(plan, micro_usd=-promised, reason="planned work withdrawn", actor=actor, now=now)
    if request.budget_id is not None:
        reference = plan_reference(request.budget_id)
        reason = f"request:{request.pk}"
        budgets.shrink_hold(reference=reference, amounts=planned.amounts, actor=actor, reason=reason, now=now)
    return True


def is_waiting(request_id: UUID) -> bool:
    """Whether a request is queued, planned or not. A grant that gives way in an emergency is so again."""
    return AllocationRequest.objects.filter(pk=request_id, status=Status.QUEUED).exists()


def _take_up_one(request_id: UUID, *, actor: str, now: datetime) -> Decision:
    plan = share_plan()
    request = _locked(AllocationRequest.objects.filter(pk=request_id)).first()
    if request is None:
        raise NotFound("There is no such request.")
    if request.status != Status.QUEUED:
        raise Conflict(f"This request is {request.status}.", code="not_open", request_status=request.status)
    planned = planned_of([request], plan)
    if plan is None or not planned:
        raise Conflict("The plan in force does not place this request.", code="not_planned")
    taken = _take(list(planned.values()), plan, carve=_carve_or_place, actor=actor, now=now)
    if not taken:
        raise HourFull("The hour that was planned for this cannot take it any more. The next plan places it anew.")
    return taken[0]


def _locked(rows: QuerySet[AllocationRequest]) -> QuerySet[AllocationRequest]:
    return rows.select_related("purpose").order_by("pk").select_for_update(of=("self",))


def _take_up_batch(request_ids: Sequence[UUID], *, now: datetime) -> int:
    try:
        return in_transaction(lambda: _take_up_some(request_ids, now=now))
    except (DomainError, DatabaseError):
        logger.warning("planned work is taken up one by one", exc_info=True, extra={"count": len(request_ids)})
    return sum(_tried(request_id, now=now) for request_id in request_ids)


def _tried(request_id: UUID, *, now: datetime) -> bool:
    try:
        take_up(request_id=request_id, actor=PLANNER, now=now)
    except DomainError as refusal:
        logger.info("planned work waits on", extra={"request_id": str(request_id), "reason": refusal.code})
        return False
    except DatabaseError:
        logger.exception("planned work could not be taken up", extra={"request_id": str(request_id)})
        return False
    return True


def _take_up_some(request_ids: Sequence[UUID], *, now: datetime) -> int:
    """Of several requests those that are still waiting, planned for an hour that is not over, and fit."""
    plan = share_plan()
    if plan is None:
        return 0
    waiting = AllocationRequest.objects.filter(pk__in=request_ids, status=Status.QUEUED, latest_at__gte=now)
    found = planned_of(list(_locked(waiting)), plan).values()
    planned = [each for each in found if min(hour for *_, hour in each.cells) >= floor_hour(now)]
    return len(_take(planned, plan, carve=_carve, actor=PLANNER, now=now)) if planned else 0


Carve = Callable[[Sequence[tuple[Planned, Carving]], datetime], Mapping[UUID, PlacedHold]]


def _take(
    planned: Sequence[Planned], plan: AllocationRun, *, carve: Carve, actor: str, now: datetime
) -> list[Decision]:
    """Move room, money and budget of locked requests from the plan to grants; one whose hour is full is left out."""
    make = PlanDecisions(plan)
    heaviest_first = sorted(planned, key=lambda each: (-make.weight(each), each.request.pk))
    # Made before the hours are locked: it takes longer than all that follows.
    decisions = {each.request.pk: make.make(each, now=now) for each in heaviest_first}
    rows = lock_cells(cell for each in planned for cell in each.cells)
    room = capacity_now(rows.values())
    taken = [each for each in heaviest_first if _move(each, rows, room)]
    keep_cells(rows.values())
    promises = [(each.request.pk, each.from_fund_micro_usd, actor) for each in taken]
    take_from_plan(plan, promises, now=now)
    holds = carve([(each, _carving(each, make, now=now)) for each in taken], now)
    grants = [
        Granted(
            decision=decisions[each.request.pk],
            hold=holds[each.request.pk],
            fund_reserved_micro_usd=each.from_fund_micro_usd,
        )
        for each in taken
    ]
    record_grants(grants, run=plan)
    return [each.decision for each in grants]


def _move(planned: Planned, rows: Mapping[Cell, RegionHour], room: Mapping[Cell, int]) -> bool:
    """Promise what the plan keeps of locked hours, if all of them still have it."""
    parts = [(rows.get(cell), cell, row.tokens) for row, cell in zip(planned.rows, planned.cells, strict=True)]
    for hour, cell, tokens in parts:
        if hour is None or hour.planned_tokens < tokens or hour.promised_tokens + tokens > room[cell]:
            return False
    for hour, _, tokens in parts:
        if hour is not None:
            take_planned(hour, tokens)
    return True


def _carving(planned: Planned, make: PlanDecisions, *, now: datetime) -> Carving:
    minutes = make.policy(planned.request.policy_id).terms.hold_lease_minutes
    starts_at = max(now, planned.request.earliest_at, *(hour for *_, hour in planned.cells))
    return Carving(
        reference=f"request:{planned.request.pk}",
        amounts=planned.amounts,
        lease_expires_at=starts_at + timedelta(minutes=minutes),
        actor=planned.request.actor,
    )


def _carve(wanted: Sequence[tuple[Planned, Carving]], now: datetime) -> dict[UUID, PlacedHold]:
    """Holds out of the plan holds. Raises Conflict if one does not cover its part."""
    parts = {plan_reference(budget_id): [each for _, each in pairs] for budget_id, pairs in _by_budget(wanted)}
    holds = budgets.carve_holds(parts, now=now)
    return {each.request.pk: holds[carving.reference] for each, carving in wanted}


def _carve_or_place(wanted: Sequence[tuple[Planned, Carving]], now: datetime) -> dict[UUID, PlacedHold]:
    """The same; where the plan hold is gone or short, the budget is asked anew. Raises BudgetExhausted."""
    try:
        with transaction.atomic():
            return _carve(wanted, now)
    except Conflict as refusal:
        if refusal.code != "not_covered":
            raise
    return {
        each.request.pk: budgets.place_hold(
            budget_id=budget_id,
            amounts=carving.amounts,
            reference=carving.reference,
            lease_expires_at=carving.lease_expires_at,
            actor=carving.actor,
            now=now,
        )
        for budget_id, pairs in _by_budget(wanted)
        for each, carving in pairs
    }


def _by_budget(
    wanted: Sequence[tuple[Planned, Carving]],
) -> Iterator[tuple[UUID, list[tuple[Planned, Carving]]]]:
    """What is wanted of each budget, in one order of the budgets."""
    found = defaultdict(list)
    for each, carving in wanted:
        if each.request.budget_id is not None:
            found[each.request.budget_id].append((each, carving))
    yield from sorted(found.items())


def _list_due(*, now: datetime) -> list[UUID]:
    """Waiting requests that the plan in force places in the present hour, or in one that is about to begin."""
    run = find_run_in_force()
    if run is None:
        return []
    first_hour = get_plan_inputs(run.pk).first_hour
    since, until = ((floor_hour(moment) - first_hour) // HOUR for moment in (now, now + AHEAD))
    rows = Placement.objects.filter(run=run.pk, tokens__gt=0, hour__gte=since, hour__lte=until)
    due = rows.filter(request__status=Status.QUEUED).values_list("request", flat=True)
    return sorted(set(due))
