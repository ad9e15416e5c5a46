"""Sessions in lines: what each holds, how full its windows are, and when it was heard of last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from config.kernel.errors import NotFound
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import FINISHED, Handoff, Instance, Session
from sessions_app.selectors.policies import terms_of

MARKED = 50
"""So many sessions, those heard of last, are told to open pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLine:
    """The context window of an agent's active instance, in tokens. `occupancy` is a share that may exceed 1."""

    agent: str
    role: str
    model: str
    epoch: int
    window_tokens: int
    context_tokens: int
    max_output_tokens: int
    component_tokens: dict[str, int]
    fired_rungs: tuple[str, ...]
    last_seen_at: datetime | None

    @property
    def occupancy(self) -> float:
        """Context and the next output, as a share of the window."""
        return (self.context_tokens + self.max_output_tokens) / self.window_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """A session as a list shows it. `policy` is name and version; `handoff_phase` is empty without one under way."""

    id: UUID
    name: str
    external_id: str
    team_id: int
    team_name: str
    status: str
    mode: str
    profile: str
    purpose: str
    policy: str
    overrides: dict[str, Any]
    budget_id: UUID | None
    task: dict[str, int]
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    head_seq: int
    last_event_at: datetime
    state_bytes: int
    archived_seq: int
    tokens_used: int
    tokens_since_checkpoint: int
    last_checkpoint_at: datetime | None
    last_checkpoint_seq: int
    handoff_phase: str
    terms: SessionTerms
    windows: tuple[WindowLine, ...]


def list_session_lines(
    *, team_ids: Collection[int] | None, status: str | None = None, before: datetime | None = None, limit: int
) -> list[SessionLine]:
    """Sessions of these teams (None: of all), those heard of last first; `before` is where the next page begins."""
    rows = _of_teams(team_ids)
    if status:
        rows = rows.filter(status=status)
    if before:
        rows = rows.filter(last_event_at__lt=before)
    return _lines(list(rows.select_related("team", "policy").order_by("-last_event_at", "id")[:limit]))


def get_session_line(session_id: UUID, *, team_ids: Collection[int] | None) -> SessionLine:
    """One session. Raises NotFound, also for one of another team."""
    row = _of_teams(team_ids).filter(pk=session_id).select_related("team", "policy").first()
    if row is None:
        raise NotFound("There is no such session.", field="session")
    return _lines([row])[0]


def count_sessions(*, team_ids: Collection[int] | None) -> tuple[int, int]:
    """How many sessions are open, and how many have ended."""
    counts = _of_teams(team_ids).aggregate(
        open=Count("pk", filter=Q(status=Session.Status.OPEN)), ended=Count("pk", filter=Q(status=Session.Status.ENDED))
    )
    return counts["open"], counts["ended"]


def get_sessions_mark(*, team_ids: Collection[int] | None) -> dict[str, int]:
    """The newest event of each of the sessions that were heard of last, by id."""
    rows = _of_teams(team_ids).order_by("-last_event_at", "id").values_list("pk", "head_seq")[:MARKED]
    return {str(session_id): head_seq for session_id, head_seq in rows}


def _of_teams(team_ids: Collection[int] | None) -> QuerySet[Session]:
    return Session.objects.all() if team_ids is None else Session.objects.filter(team_id__in=team_ids)


def _lines(rows: list[Session]) -> list[SessionLine]:
    ids = [row.pk for row in rows]
    windows: dict[UUID, list[WindowLine]] = defaultdict(list)
    active = Instance.objects.filter(session__in=ids, status=Instance.Status.ACTIVE).order_by("agent")
    for instance in active:
        windows[instance.session_id].append(_window(instance))
    under_way = Handoff.objects.filter(session__in=ids).exclude(phase__in=FINISHED)
    phases = dict(under_way.values_list("session_id", "phase"))
    return [_line(row, windows[row.pk], phases.get(row.pk, "")) for row in rows]


def _line(row: Session, windows: Iterable[WindowLine], handoff_phase: str) -> SessionLine:
    same = {
        name: getattr(row, name)
        for name in SessionLine.__slots__
        if name not in ("team_name", "policy", "handoff_phase", "terms", "windows")
    }
    return SessionLine(
        **same,
        team_name=row.team.name,
        policy=str(row.policy),
        handoff_phase=handoff_phase,
        terms=terms_of(row),
        windows=tuple(windows),
    )


def _window(row: Instance) -> WindowLine:
    same = {name: getattr(row, name) for name in WindowLine.__slots__ if name != "fired_rungs"}
    return WindowLine(**same, fired_rungs=tuple(row.fired_rungs))
