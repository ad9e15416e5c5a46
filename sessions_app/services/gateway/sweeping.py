"""What a crash left: calls that nobody ended, and sessions that were not told."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import Q

from sessions_app.domain.gateway.wire import Usage
from sessions_app.models import GatewayCall, Instance
from sessions_app.services.gateway.reporting import tell_session

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 500
UNTOLD_AFTER = timedelta(seconds=10)
"""Whoever ended a call tells its session at once; so much later nobody does."""
Status, Basis = GatewayCall.Status, GatewayCall.UsageBasis


def sweep_calls(*, now: datetime) -> int:
    """Give up calls whose lease has run out: the market settles their requests at what was granted. Tell sessions
    what was not told. Returns how many calls were given up."""
    lost = _give_up(now)
    _tell_untold(now)
    return lost


def _give_up(now: datetime) -> int:
    overdue = GatewayCall.objects.filter(status=Status.RUNNING, lease_expires_at__lt=now)
    ids = list(overdue.order_by("lease_expires_at").values_list("pk", flat=True)[:MOST_AT_ONCE])
    return GatewayCall.objects.filter(pk__in=ids, status=Status.RUNNING).update(
        status=Status.LOST,
        error_code="lease_ran_out",
        usage_basis=Basis.GRANTED,
        finished_at=now,
        told_session_at=now,
        idempotency_key=None,
    )


def _tell_untold(now: datetime) -> None:
    untold = GatewayCall.objects.filter(
        Q(session__isnull=False, told_session_at=None, finished_at__isnull=False),
        finished_at__lt=now - UNTOLD_AFTER,
    ).order_by("finished_at")
    columns = ("id", "session_id", "team_id", "agent", "actor", "input_tokens", "cached_tokens", "output_tokens")
    for row in untold.values(*columns)[:MOST_AT_ONCE]:
        active = Instance.objects.filter(
            session_id=row["session_id"], agent=row["agent"], status=Instance.Status.ACTIVE
        ).first()
        if active is None or row["input_tokens"] is None:
            GatewayCall.objects.filter(pk=row["id"]).update(told_session_at=now)
            continue
        usage = Usage(
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"] or 0,
            cached_tokens=row["cached_tokens"] or 0,
        )
        tell_session(
            call_id=row["id"],
            session_id=row["session_id"],
            team_id=row["team_id"],
            agent=row["agent"],
            epoch=active.epoch,
            usage=usage,
            actor=row["actor"],
            now=now,
        )
