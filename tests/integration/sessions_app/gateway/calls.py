"""Calls as the gateway would have left them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sessions_app.models import Deployment, GatewayCall, Round, Turn
from tests.integration.sessions_app.desk import open_desk
from tests.integration.world import NOW, Team

Status = GatewayCall.Status
LEARNED = {"kind": "text-short", "mode": "express", "estimate": {"basis": "learned", "p50_tokens": 100}}


def finished(team: Team, *, at: datetime = NOW, **changes: Any) -> UUID:
    """An answered call that ended at `at`, after a second."""
    values: dict[str, Any] = {
        "team_id": team.team_id,
        "actor": "key test",
        "endpoint": GatewayCall.Endpoint.CHAT,
        "asked_model": "echo",
        "deployment": Deployment.objects.get(name="echo-stockholm"),
        "triage": LEARNED,
        "status": Status.ANSWERED,
        "max_output_tokens": 900,
        "input_tokens": 12,
        "cached_tokens": 0,
        "output_tokens": 200,
        "usage_basis": GatewayCall.UsageBasis.PROVIDER,
        "attempts": [{"deployment": "echo-stockholm", "outcome": "answered", "status": 200, "ms": 3.5}],
        "lease_expires_at": at,
        "created_at": at - timedelta(seconds=1),
        "finished_at": at,
    }
    return GatewayCall.objects.create(**{**values, **changes}).pk


def running(team: Team, **changes: Any) -> UUID:
    """A call that is under way."""
    return finished(team, status=Status.RUNNING, finished_at=None, output_tokens=None, usage_basis="", **changes)


def council(team: Team, *stances: str) -> UUID:
    """A round in which each agent took one of these stances."""
    agents = [f"agent{number}" for number in range(len(stances))]
    round_ = Round.objects.create(
        session_id=open_desk(team, *agents), topic="The dyke", agents=agents, started_by="key test", started_at=NOW
    )
    for number, stance in enumerate(stances):
        Turn.objects.create(
            round=round_,
            cycle=1,
            agent=agents[number],
            stance=stance,
            confidence=0.5,
            text="It holds.",
            reason="I say so.",
            hot_until=NOW,
            seq=number,
            at=NOW,
        )
    return round_.pk
