"""A session with agents, ready to work."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sessions_app.models import Instance, Session
from sessions_app.services.lives import AgentAsk, SessionAsk, join_agent, open_session
from tests.integration.world import NOW, Team


def open_desk(team: Team, *agents: str, **changes: Any) -> UUID:
    """A session of the team with these agents, each with a window of 10,000 tokens of which 1,000 are for output."""
    session_id = open_session(
        ask=SessionAsk(**{"name": "Flood desk", **changes}), team_id=team.team_id, actor="key test", now=NOW
    )
    for agent in agents:
        ask = AgentAsk(agent=agent, role="analyst", window_tokens=10_000, max_output_tokens=1_000)
        join_agent(session_id=session_id, team_id=team.team_id, ask=ask, actor="key test", now=NOW)
    return session_id


def session_of(session_id: UUID) -> Session:
    """The row as it is."""
    return Session.objects.select_related("policy").get(pk=session_id)


def instance_of(session_id: UUID, agent: str) -> Instance:
    """The active instance of an agent as it is."""
    return Instance.objects.get(session_id=session_id, agent=agent, status=Instance.Status.ACTIVE)
