"""Calls that went through the gateway, for the API; and what outcomes have taught triage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from config.kernel.errors import InvalidInput, NotFound
from sessions_app.models import GatewayCall, TriageCorrection
from sessions_app.selectors.gateway.board import CallLine, call_lines, seen_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDetail:
    """A call with what triage said of it, and what its caller said of the answer."""

    line: CallLine
    triage: dict[str, Any] | None
    feedback: dict[str, Any] | None
    told_session_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls; None: whichever."""

    status: str | None = None
    endpoint: str | None = None
    model: str | None = None
    deployment: str | None = None
    mode: str | None = None
    session_id: UUID | None = None
    agent: str | None = None
    round_id: UUID | None = None
    request_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionFacts:
    """What outcomes have taught of a team's work of a kind: points added to its complexity, of 100."""

    id: int
    team_name: str
    kind: str
    correction_points: float
    outcomes: int
    updated_at: datetime


def list_calls(
    *, team_ids: Collection[int] | None, wanted: CallFilter | None = None, before: UUID | None = None, limit: int = 50
) -> list[CallLine]:
    """Newest first; `team_ids` None: of every team. Two queries at most.

    `before` is the last one of the page before; raises InvalidInput naming it if it is none of these teams'.
    """
    rows = seen_calls(team_ids)
    if before is not None:
        rows = rows.filter(_older_than(rows, before))
    rows = rows.filter(**_conditions(wanted or CallFilter()))
    return call_lines(rows.order_by("-created_at", "-id")[:limit])


def get_call(call_id: UUID, *, team_ids: Collection[int] | None) -> CallDetail:
    """One call, in two queries. Raises NotFound, also for one of a team that is not seen."""
    rows = seen_calls(team_ids).filter(pk=call_id)
    lines = call_lines(rows)
    rest = rows.values("triage", "feedback", "told_session_at").first()
    if not lines or rest is None:
        raise NotFound("There is no such call.", field="call")
    return CallDetail(line=lines[0], **rest)


def list_corrections(
    *, team_ids: Collection[int] | None, before: int | None = None, limit: int = 50
) -> list[CorrectionFacts]:
    """What outcomes have taught triage of these teams' work, newest bucket first; `team_ids` None: of every team's."""
    rows = TriageCorrection.objects.all()
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    names = ("pk", "team__name", "kind", "correction_points", "outcomes", "updated_at")
    return [
        CorrectionFacts(
            id=each[0], team_name=each[1], kind=each[2], correction_points=each[3], outcomes=each[4], updated_at=each[5]
        )
        for each in rows.order_by("-pk").values_list(*names)[:limit]
    ]


def find_correction(team_id: int, kind: str) -> CorrectionFacts | None:
    """What outcomes have taught of a team's work of a kind; None where there was none yet."""
    row = TriageCorrection.objects.filter(team=team_id, kind=kind).select_related("team").first()
    if row is None:
        return None
    return CorrectionFacts(
        id=row.pk,
        team_name=row.team.name,
        kind=row.kind,
        correction_points=row.correction_points,
        outcomes=row.outcomes,
        updated_at=row.updated_at,
    )


_COLUMN_OF = {
    "status": "status",
    "endpoint": "endpoint",
    "model": "asked_model",
    "deployment": "deployment__name",
    "mode": "mode",
    "session_id": "session",
    "agent": "agent",
    "round_id": "round",
    "request_id": "request",
    "since": "created_at__gte",
    "until": "created_at__lt",
}


def _conditions(wanted: CallFilter) -> dict[str, Any]:
    found = {column: getattr(wanted, name) for name, column in _COLUMN_OF.items()}
    return {column: value for column, value in found.items() if value is not None}


def _older_than(rows: QuerySet[GatewayCall], call_id: UUID) -> Q:
    created_at = rows.filter(pk=call_id).values_list("created_at", flat=True).first()
    if created_at is None:
        raise InvalidInput("There is no such call to read on from.", field="before")
    return Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=call_id)
