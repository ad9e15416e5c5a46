"""The one right to run: a row that says `running`, whose lease lets a pass that died be taken over."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from config.kernel.errors import Conflict
from market.models import AllocationRun

LEASE = timedelta(minutes=3)
"""Longer than the longest stage of a million requests; how long a pass that was killed keeps others waiting."""
State = AllocationRun.State


def begin(*, now: datetime, trigger: str, kind: AllocationRun.Kind) -> AllocationRun:
    """The row of a new run. Raises Conflict (`pass_running`) while another pass has a lease."""
    AllocationRun.objects.filter(state=State.RUNNING, lease_expires_at__lte=now).update(
        state=State.FAILED, finished_at=now, error="its process died; the lease ran out"
    )
    try:
        with transaction.atomic():
            return AllocationRun.objects.create(
                trigger=trigger, kind=kind, started_at=now, lease_expires_at=now + LEASE
            )
    except IntegrityError as error:
        raise Conflict("An allocation pass is running.", code="pass_running") from error


def keep(run: AllocationRun, *, now: datetime) -> None:
    """Hold on to the right to run. Raises Conflict if the lease ran out and another pass took over."""
    if not _mine(run).update(lease_expires_at=now + LEASE):
        raise taken_over()


def lock(run: AllocationRun) -> None:
    """Lock the row and see that it still has the right to run: the fence of the plan. Raises Conflict if not."""
    if not _mine(run).select_for_update().exists():
        raise taken_over()


def fail(run: AllocationRun, *, now: datetime, error: str) -> None:
    """Write down why it failed, unless another pass took over and closed this run's row."""
    _mine(run).update(state=State.FAILED, finished_at=now, error=error)


def taken_over() -> Conflict:
    """What a pass is told that is not the one any more."""
    return Conflict("Another allocation pass took over from this one.", code="pass_taken_over")


def _mine(run: AllocationRun) -> QuerySet[AllocationRun]:
    return AllocationRun.objects.filter(pk=run.pk, state=State.RUNNING)
