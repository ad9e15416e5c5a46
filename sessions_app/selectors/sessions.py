"""Sessions and their agents, as doors and pages show them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from config.kernel.errors import InvalidInput, NotFound
from sessions_app.domain.windows import Window
from sessions_app.models import Instance, Session

MOST_INSTANCES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session in a list. `head_seq` is the number of its newest event; sizes in bytes and tokens."""

    id: UUID
    name: str
    external_id: str
    purpose: str
    status: str
    mode: str
    profile: str
    policy_name: str
    policy_version: int
    budget_id: UUID | None
    team_id: int
    team_name: str
    task: dict[str, int]
    overrides: dict[str, Any]
    agents: int
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    head_seq: int
    archived_seq: int
    last_event_at: datetime
    digest: str
    state_bytes: int
    tokens_used: int
    tokens_since_checkpoint: int
    last_checkpoint_seq: int
    last_checkpoint_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One life of an agent. Tokens in its window by component, and how full the window is with the next output."""

    id: int
    agent: str
    role: str
    epoch: int
    status: str
    model: str
    window_tokens: int
    max_output_tokens: int
    context_tokens: int
    occupancy_percent: float
    component_tokens: dict[str, int]
    fired_rungs: list[str]
    budget_id: UUID | None
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None
    last_seen_at: datetime | None


def list_sessions(
    *,
    team_ids: Collection[int] | None,
    status: str | None = None,
    external_id: str | None = None,
    name: str | None = None,
    before: UUID | None = None,
    limit: int | None = 50,
) -> list[SessionRow]:
    """Sessions of these teams (None: of all), newest first; `name` is a part of it. Two queries at most.

    `before` is the last one of the page before; raises InvalidInput naming it if it is none of these teams'.
    """
    rows = Session.objects.all() if team_ids is None else Session.objects.filter(team__in=team_ids)
    if before is not None:
        rows = rows.filter(_older_than(rows, before))
    wanted = {"status": status, "external_id": external_id, "name__icontains": name}
    rows = rows.filter(**{key: value for key, value in wanted.items() if value is not None})
    return [_session_row(each) for each in _with_all(rows).order_by("-created_at", "-id")[:limit]]


def get_session(session_id: UUID) -> SessionRow:
    """One session. Raises NotFound."""
    session = _with_all(Session.objects.filter(pk=session_id)).first()
    if session is None:
        raise NotFound("There is no such session.", field="session")
    return _session_row(session)


def list_agents(session_id: UUID, *, agent: str | None = None, with_retired: bool = False) -> list[AgentRow]:
    """Instances by agent, the newest epoch of each first; retired ones only where they are asked for."""
    rows = Instance.objects.filter(session=session_id)
    if agent is not None:
        rows = rows.filter(agent=agent)
    if not with_retired:
        rows = rows.exclude(status=Instance.Status.RETIRED)
    return [agent_row(each) for each in rows.order_by("agent", "-epoch")[:MOST_INSTANCES]]


def agent_row(instance: Instance) -> AgentRow:
    """An instance as doors show it."""
    window = Window(size=instance.window_tokens, output=instance.max_output_tokens, context=instance.context_tokens)
    values = {name: getattr(instance, name) for name in _AGENT_COLUMNS}
    return AgentRow(**values, occupancy_percent=window.percent)


_AGENT_COLUMNS = tuple(each.name for each in fields(AgentRow) if each.name != "occupancy_percent")
_OTHERWISE = ("policy_name", "policy_version", "team_name", "agents", "digest")
_COLUMNS = tuple(each.name for each in fields(SessionRow) if each.name not in _OTHERWISE)


def _with_all(rows: QuerySet[Session]) -> QuerySet[Session]:
    active = Count("instances", filter=Q(instances__status=Instance.Status.ACTIVE))
    return rows.select_related("team", "policy").annotate(agents=active)


def _session_row(session: Session) -> SessionRow:
    return SessionRow(
        **{name: getattr(session, name) for name in _COLUMNS},
        policy_name=session.policy.name,
        policy_version=session.policy.version,
        team_name=session.team.name,
        agents=session.agents,  # type: ignore[attr-defined]  # annotated above
        digest=bytes(session.digest).hex(),
    )


def _older_than(rows: QuerySet[Session], session_id: UUID) -> Q:
    created_at = rows.filter(pk=session_id).values_list("created_at", flat=True).first()
    if created_at is None:
        raise InvalidInput("There is no such session to read on from.", field="before")
    return Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=session_id)
