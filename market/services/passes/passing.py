"""The allocation pass: places the requests that can wait, weightiest first, each in its cleanest hour.

One runs at a time: a database constraint allows one running row, whose lease lets a pass that
died be taken over. Every request is decided in a transaction of its own, so a pass that is
killed loses nothing: what it decided stands, the rest waits for the next pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery

from climate.domain.ladder import floor_hour
from config.kernel.errors import Conflict, Unavailable
from config.kernel.transactions import transactional
from market.domain.asks import window_hours
from market.models import AllocationRequest, AllocationRun, Decision
from market.selectors.policies import get_policy_version, get_purpose_of
from market.services.grant import Outcome, decide_and_take, hours_to_consider

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
    """Decide every waiting request. Raises Conflict if another pass is running, or took over from this one."""
    run = _begin(now=now, trigger=f"{trigger} by {actor}"[:60])
    clock = _clock_from(now)
    try:
        _decide_all(run, clock)
    except Exception as error:
        _end(run, AllocationRun.State.FAILED, now=clock(), error=f"{type(error).__name__}: {error}"[:300])
        raise
    _end(run, AllocationRun.State.FINISHED, now=clock())
    return PassResult(
        run_id=run.pk, considered=run.considered, granted=run.granted, denied=run.denied, waiting=run.waiting
    )


def _clock_from(now: datetime) -> Callable[[], datetime]:
    """The caller's `now`, moved on by the time that has passed since: a long pass crosses hours."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)


def _decide_all(run: AllocationRun, clock: Callable[[], datetime]) -> None:
    weight = Decision.objects.filter(request=OuterRef("pk")).order_by("-sequence").values("weight")[:1]
    waiting = AllocationRequest.objects.filter(status=Status.QUEUED, latest_at__gte=clock())
    ranked = waiting.annotate(weight=Subquery(weight)).order_by("-weight", "created_at", "pk")
    for request_id in list(ranked.values_list("pk", flat=True)):
        now = clock()
        _keep_lease(run, now=now)
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


@transactional
def _decide_one(request_id: UUID, run: AllocationRun, *, now: datetime) -> Outcome | None:
    """Decide one request; None if it was withdrawn since, or cannot be served yet but still has hours to come."""
    request = AllocationRequest.objects.select_for_update().filter(pk=request_id, status=Status.QUEUED).first()
    if request is None or request.latest_at < now:
        return None
    hours = hours_to_consider(request, now=now)
    if not hours:
        return None
    return decide_and_take(
        request,
        purpose=get_purpose_of(request.purpose_id),
        policy=get_policy_version(request.policy_id),
        hours=hours,
        window_hours=window_hours(request.created_at, request.latest_at),
        now=now,
        run=run,
        may_wait=floor_hour(request.latest_at) > floor_hour(now),
    )


def _keep_lease(run: AllocationRun, *, now: datetime) -> None:
    """Hold on to the one right to run. Raises Conflict if the lease ran out and another pass took over."""
    mine = AllocationRun.objects.filter(pk=run.pk, state=AllocationRun.State.RUNNING)
    if not mine.update(lease_expires_at=now + LEASE):
        raise Conflict("Another allocation pass took over from this one.", code="pass_taken_over")


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
    """Write the result down, unless another pass took over and closed this run's row."""
    AllocationRun.objects.filter(pk=run.pk, state=AllocationRun.State.RUNNING).update(
        state=state,
        finished_at=now,
        error=error,
        considered=run.considered,
        granted=run.granted,
        denied=run.denied,
        waiting=run.waiting,
    )
