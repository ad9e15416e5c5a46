"""What a crash left: calls that nobody ended, and sessions that were not told."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from config.kernel.errors import Unavailable
from sessions_app.domain.gateway.wire import Usage
from sessions_app.models import GatewayCall, Instance
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.services.gateway.reporting import EndedCall, expected_tokens, operation_of, tell_session

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 500
UNTOLD_AFTER = timedelta(seconds=10)
"""Whoever ended a call tells its session at once; so much later nobody does."""
_COLUMNS = (
    *("id", "session_id", "team_id", "agent", "actor", "endpoint", "round_id", "created_at", "session__purpose"),
    *("input_tokens", "cached_tokens", "output_tokens", "max_output_tokens", "triage"),
    *("request__purpose_id", "request__input_tokens"),
)
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
    usual = _default_purpose()
    for row in untold.values(*_COLUMNS)[:MOST_AT_ONCE]:
        active = Instance.objects.filter(
            session_id=row["session_id"], agent=row["agent"], status=Instance.Status.ACTIVE
        ).first()
        if active is None or row["input_tokens"] is None:
            GatewayCall.objects.filter(pk=row["id"]).update(told_session_at=now)
            continue
        is_late = active.activated_at is not None and row["created_at"] < active.activated_at
        tell_session(call=_ended(row, usual), epoch=active.epoch, now=now, is_late=is_late)


def _default_purpose() -> str:
    """Of calls that state none, in sessions that have none."""
    try:
        return get_gateway_policy().terms.calls.default_purpose
    except Unavailable:
        return ""


def _ended(row: dict[str, Any], default_purpose: str) -> EndedCall:
    usual = row["session__purpose"] or default_purpose
    operation = operation_of(
        endpoint=row["endpoint"],
        is_round=row["round_id"] is not None,
        purpose=row["request__purpose_id"] or usual,
        usual_purpose=usual,
    )
    return EndedCall(
        call_id=row["id"],
        session_id=row["session_id"],
        team_id=row["team_id"],
        agent=row["agent"],
        actor=row["actor"],
        usage=Usage(
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"] or 0,
            cached_tokens=row["cached_tokens"] or 0,
        ),
        operation=operation,
        estimated_tokens=_expected(row),
    )


def _expected(row: dict[str, Any]) -> int | None:
    """As it was foreseen before the call ran; None where that is not known."""
    triage, input_tokens = row["triage"] or {}, row["request__input_tokens"]
    if input_tokens is None:
        return None
    return expected_tokens(
        input_tokens,
        output_tokens=triage.get("estimate", {}).get("p50_tokens", 0),
        most_output_tokens=row["max_output_tokens"] or 0,
        choices=triage.get("choices", 1),
    )
