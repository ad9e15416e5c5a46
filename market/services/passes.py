"""The allocation pass: places the requests that can wait, weightiest first, each in its cleanest hour.

One runs at a time: a database constraint allows one running row, whose lease lets a pass that
died be taken over. Every request is decided in a transaction of its own, so a pass that is
killed loses nothing: what it decided stands, the rest waits for the next pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery

from config.kernel.errors import Conflict, Unavailable
from market.domain.asks import HOUR, hours_of_window
from market.models import AllocationRequest, AllocationRun, Decision
from market.selectors.policies import PurposeFacts, get_policy_version
from market.services.grant import Outcome, decide_and_take

HORIZON_HOURS = 48
LEASE = timedelta(minutes=10)
Status = AllocationRequest.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass did: requests looked at, granted (whole or part), denied, and left waiting."""

    run_id: int
    considered: int
    granted: int
    denied: int
    waiting: int


def run_allocation_pass(*, now: datetime, trigger: str, actor: str) -> PassResult:
    """Decide every waiting request. Raises Conflict if another pass is running."""
    run = _begin(now=now, trigger=f"{trigger} by {actor}"[:60])
    try:
        _decide_all(run, now=now)
    except Exception as error:
        _end(run, AllocationRun.State.FAILED, now=now, error=f"{type(error).__name__}: {error}"[:300])
        raise
    _end(run, AllocationRun.State.FINISHED, now=now)
    return PassResult(
        run_id=run.pk, considered=run.considered, granted=run.granted, denied=run.denied, waiting=run.waiting
    )


def _decide_all(run: AllocationRun, *, now: datetime) -> None:
    weight = Decision.objects.filter(request=OuterRef("pk")).order_by("-sequence").values("weight")[:1]
    waiting = AllocationRequest.objects.filter(status=Status.QUEUED, latest_at__gte=now)
    ranked = waiting.annotate(weight=Subquery(weight)).order_by("-weight", "created_at", "pk")
    for request_id in list(ranked.values_list("pk", flat=True)):
        run.considered += 1
        try:
            outcome = _decide_one(request_id, run, now=now)
        except Unavailable:
            outcome = None  # lost too many races: it waits for the next pass
        if outcome is None:
            run.waiting += 1
        elif outcome.decision.verdict == Decision.Verdict.DENIED:
            run.denied += 1
        else:
            run.granted += 1


@transaction.atomic
def _decide_one(request_id: UUID, run: AllocationRun, *, now: datetime) -> Outcome | None:
    """Decide one request; None if it was withdrawn since, or its window lies beyond the horizon."""
    request = AllocationRequest.objects.select_for_update().filter(pk=request_id, status=Status.QUEUED).first()
    if request is None:
        return None
    hours = hours_of_window(request.earliest_at, request.latest_at, now, at_most=HORIZON_HOURS)
    hours = [hour for hour in hours if hour < now + HORIZON_HOURS * HOUR]
    if not hours:
        return None
    policy = get_policy_version(request.policy_id)
    purpose = PurposeFacts(
        name=request.purpose.name,
        title=request.purpose.title,
        tier=request.purpose.tier,
        priority=request.purpose.priority,
    )
    return decide_and_take(
        request,
        purpose=purpose,
        policy=policy,
        hours=hours,
        window_hours=(request.latest_at - request.created_at) / HOUR,
        now=now,
        run=run,
    )


def _begin(*, now: datetime, trigger: str) -> AllocationRun:
    AllocationRun.objects.filter(state=AllocationRun.State.RUNNING, lease_expires_at__lte=now).update(
        state=AllocationRun.State.FAILED, finished_at=now, error="its process died; the lease ran out"
    )
    try:
        with transaction.atomic():
            return AllocationRun.objects.create(trigger=trigger, started_at=now, lease_expires_at=now + LEASE)
    except IntegrityError as error:
        raise Conflict("An allocation pass is running.", code="pass_running") from error


def _end(run: AllocationRun, state: AllocationRun.State, *, now: datetime, error: str = "") -> None:
    run.state, run.finished_at, run.error = state, now, error
    run.save()
