"""What the gateway needs to know of the session and the agent that a call is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.errors import Conflict, InvalidInput
from sessions_app.models import GatewayCall, Instance, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A session and, where one is named, its active agent. Bounds in tokens, None without an agent.

    `sticky_deployment_id` answered the session's newest call of the model.
    """

    session_id: UUID
    purpose: str
    mode: str
    agent: str
    epoch: int | None
    budget_id: UUID | None
    window_tokens: int | None
    max_output_tokens: int | None
    sticky_deployment_id: int | None


def get_seat(session_id: UUID, agent: str, *, team_id: int, model: str, sticky_since: datetime) -> Seat:
    """Three queries. What answered the session's calls of `model` begun before `sticky_since` counts no more.

    Raises InvalidInput naming the header of a session or agent that is not there or another team's, Conflict if the
    session has ended.
    """
    row = (
        Session.objects.filter(pk=session_id, team_id=team_id).values("purpose", "mode", "status", "budget_id").first()
    )
    if row is None:
        raise InvalidInput("There is no such session of your team.", field="X-Commonwatt-Session", code="no_session")
    if row["status"] == Session.Status.ENDED:
        raise Conflict("This session has ended.", field="X-Commonwatt-Session", code="session_ended")
    instance = None
    if agent:
        active = Instance.objects.filter(session_id=session_id, agent=agent, status=Instance.Status.ACTIVE)
        instance = active.values("epoch", "budget_id", "window_tokens", "max_output_tokens").first()
        if instance is None:
            raise InvalidInput(
                "The session has no active agent of that name.", field="X-Commonwatt-Agent", code="no_agent"
            )
    calls = GatewayCall.objects.filter(
        session_id=session_id,
        created_at__gte=sticky_since,
        asked_model=model,
        deployment__isnull=False,
        status__in=(GatewayCall.Status.ANSWERED, GatewayCall.Status.CUT),
    )
    newest = calls.order_by("-created_at").values_list("deployment_id", flat=True).first()
    return Seat(
        session_id=session_id,
        purpose=row["purpose"],
        mode=row["mode"],
        agent=agent,
        epoch=instance["epoch"] if instance else None,
        budget_id=(instance["budget_id"] if instance else None) or row["budget_id"],
        window_tokens=instance["window_tokens"] if instance else None,
        max_output_tokens=instance["max_output_tokens"] if instance else None,
        sticky_deployment_id=newest,
    )
