"""Forgetting plans that other plans took the place of: their rows, and in the end what they were made from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import OperationalError
from django.db.models import Q

from config.kernel.transactions import in_transaction
from market.models import AllocationRun, Decision, RunInputs
from market.services.passes.rows import drop_rows, list_stored_runs

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 200


def forget_old_plans(*, now: datetime, keep_hours: float) -> int:
    """Drop the rows of plans that ended longer ago than that; returns of how many runs.

    Runs stay but those that only kept the plan before them and decided nothing. So do the inputs of
    runs that a decision was made from: it is explained by them.
    Rows of runs that never came to an end are leftovers and go as well.
    """
    old = now - timedelta(hours=keep_hours)
    stored = list_stored_runs()
    ended = AllocationRun.objects.filter(Q(finished_at__lt=old) | Q(finished_at=None, lease_expires_at__lt=old))
    gone = set(ended.filter(pk__in=stored, is_current=False).values_list("pk", flat=True))
    unknown = set(stored) - set(AllocationRun.objects.filter(pk__in=stored).values_list("pk", flat=True))
    dropped = _dropped(sorted(gone | unknown)[:MOST_AT_ONCE])
    without_decision = RunInputs.objects.filter(run__in=ended, run__is_current=False)
    decided = Decision.objects.exclude(run=None).values("run")
    without_decision.exclude(run__in=decided).delete()
    ended.filter(record__has_key="kept").exclude(pk__in=decided).delete()
    return dropped


def _dropped(run_ids: Sequence[int]) -> int:
    """How many went before somebody who reads for long was in the way: the others go another time."""
    for count, run_id in enumerate(run_ids):
        try:
            in_transaction(lambda run_id=run_id: drop_rows([run_id]))  # type: ignore[misc]
        except OperationalError:
            logger.warning("old plans are read: they are forgotten later", extra={"left": len(run_ids) - count})
            return count
    return len(run_ids)
