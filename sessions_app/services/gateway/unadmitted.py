"""Rows of calls that hold nothing themselves: a council's calls are admitted one by one, a summary is free. And the
names of calls that were refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from config.kernel.errors import DomainError
from sessions_app.models import GatewayCall
from sessions_app.services.gateway.assessing import Assessed
from sessions_app.services.gateway.planning import Setup
from sessions_app.services.gateway.wishes import Wish

Endpoint, Status = GatewayCall.Endpoint, GatewayCall.Status


def row_of(wish: Wish, setup: Setup, *, call_id: UUID, lease_expires_at: datetime, now: datetime) -> dict[str, Any]:
    """A call that is running, without a request of its own."""
    assessed, seat = setup.looked.assessed, setup.seat
    return {
        "id": call_id,
        "request_id": None,
        "team_id": wish.principal.team_id,
        "actor": wish.principal.actor,
        "session_id": seat.session_id if seat else None,
        "agent": wish.agent,
        "round_id": wish.round_id,
        "endpoint": Endpoint.CHAT if wish.is_chat else Endpoint.EMBEDDINGS,
        "asked_model": wish.ask.model,
        "is_stream": wish.is_stream,
        "mode": assessed.assessment.mode.value if assessed else "express",
        "triage": _triage(assessed, wish.no_council) if assessed else None,
        "fallback": "",
        "deployment_id": None,
        "attempts": [],
        "status": Status.RUNNING,
        "error_code": "",
        "max_output_tokens": None,
        "usage_basis": "",
        "lease_expires_at": lease_expires_at,
        "created_at": now,
        "finished_at": None,
        "told_session_at": None,
        "idempotency_key": wish.idempotency_key,
        "fingerprint": wish.fingerprint,
    }


def _triage(assessed: Assessed, no_council: str) -> dict[str, Any]:
    return assessed.to_json() | ({"no_council": no_council} if no_council else {})


def name_call(refusal: DomainError, *, call_id: UUID, request_id: UUID | None = None) -> None:
    """Let a refusal name the call that was stored, and the request: whoever was refused may ask them why."""
    refusal.facts["call"] = str(call_id)
    if request_id is not None:
        refusal.facts["request"] = str(request_id)
