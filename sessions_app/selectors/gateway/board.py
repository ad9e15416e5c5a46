"""The gateway as its page shows it: what went through, from where it is served, how its breakers stand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet, Sum

from config.kernel.errors import NotFound
from sessions_app.models import BreakerEvent, DeploymentHealth, GatewayCall, RoundRun

Status = GatewayCall.Status
LONGEST_CALL = timedelta(hours=2)
"""Calls begin so long before their end at most: bounds what is looked at by an index."""
_COLUMNS = {
    "id": "id",
    "request_id": "request_id",
    "team_name": "team__name",
    "actor": "actor",
    "session_id": "session_id",
    "session_name": "session__name",
    "agent": "agent",
    "round_id": "round_id",
    "endpoint": "endpoint",
    "asked_model": "asked_model",
    "is_stream": "is_stream",
    "mode": "mode",
    "fallback": "fallback",
    "deployment": "deployment__name",
    "provider": "deployment__provider",
    "region": "deployment__region_id",
    "attempts": "attempts",
    "status": "status",
    "error_code": "error_code",
    "max_output_tokens": "max_output_tokens",
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_tokens",
    "output_tokens": "output_tokens",
    "usage_basis": "usage_basis",
    "first_byte_ms": "first_byte_ms",
    "upstream_ms": "upstream_ms",
    "total_ms": "total_ms",
    "provider_micro_usd": "provider_micro_usd",
    "created_at": "created_at",
    "finished_at": "finished_at",
    "total_micro_usd": "request__settlement__total_micro_usd",
    "location_g": "request__settlement__location_g",
    "is_verified": "request__settlement__is_verified",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """A call. Money in micro-USD, carbon in g CO2e (location-based, central), times in ms; None is unknown."""

    id: UUID
    request_id: UUID | None
    team_name: str
    actor: str
    session_id: UUID | None
    session_name: str | None
    agent: str
    round_id: UUID | None
    endpoint: str
    asked_model: str
    is_stream: bool
    mode: str
    fallback: str
    deployment: str | None
    provider: str | None
    region: str | None
    attempts: list[dict[str, Any]]
    status: str
    error_code: str
    max_output_tokens: int | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    usage_basis: str
    first_byte_ms: float | None
    upstream_ms: float | None
    total_ms: float | None
    provider_micro_usd: int | None
    created_at: datetime
    finished_at: datetime | None
    total_micro_usd: int | None
    location_g: float | None
    is_verified: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSums:
    """What went through since some time. Tokens, micro-USD and grams are of settled calls."""

    calls: int
    answered: int
    refused: int
    failed: int
    moved: int
    tokens: int
    micro_usd: int
    location_g: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLine:
    """A breaker that changed its state."""

    deployment: str
    at: datetime
    was: str
    became: str
    reason: str


def list_call_lines(
    *,
    team_ids: Collection[int] | None,
    statuses: Collection[str] | None = None,
    before: datetime | None = None,
    limit: int,
) -> list[CallLine]:
    """Newest first; `team_ids` None: of every team, `statuses` None: in whichever state."""
    rows = seen_calls(team_ids)
    if statuses is not None:
        rows = rows.filter(status__in=statuses)
    if before:
        rows = rows.filter(created_at__lt=before)
    return call_lines(rows.order_by("-created_at")[:limit])


def get_call_line(call_id: UUID, *, team_ids: Collection[int] | None) -> tuple[CallLine, dict[str, Any] | None]:
    """One call and what triage said of it. Raises NotFound, also for one of a team that is not seen."""
    rows = seen_calls(team_ids).filter(pk=call_id)
    found = call_lines(rows)
    if not found:
        raise NotFound("There is no such call.")
    return found[0], rows.values_list("triage", flat=True).get()


def get_call_sums(*, team_ids: Collection[int] | None, since: datetime) -> CallSums:
    """Two queries."""
    rows = seen_calls(team_ids).filter(created_at__gte=since)
    counted = rows.aggregate(
        calls=Count("pk"),
        answered=Count("pk", filter=Q(status__in=(Status.ANSWERED, Status.CUT))),
        refused=Count("pk", filter=Q(status=Status.REFUSED)),
        failed=Count("pk", filter=Q(status__in=(Status.FAILED, Status.LOST))),
        moved=Count("pk", filter=Q(attempts__1__isnull=False)),
    )
    settled = rows.filter(request__settlement__isnull=False).aggregate(
        tokens=Sum("request__settlement__used_tokens"),
        micro_usd=Sum("request__settlement__total_micro_usd"),
        location_g=Sum("request__settlement__location_g"),
    )
    return CallSums(**counted, **{name: value or 0 for name, value in settled.items()})


def list_first_byte_ms(*, team_ids: Collection[int] | None, since: datetime, limit: int) -> list[float]:
    """Times to the first byte of the newest streams, in ms: a whole answer comes when the model is done."""
    rows = seen_calls(team_ids).filter(is_stream=True, created_at__gte=since, first_byte_ms__isnull=False)
    rows = rows.order_by("-created_at")
    return [found for found in rows.values_list("first_byte_ms", flat=True)[:limit] if found is not None]


def list_breaker_lines(*, limit: int) -> list[BreakerLine]:
    """Changes of breakers, newest first."""
    rows = BreakerEvent.objects.order_by("-at", "-pk").values_list("deployment__name", "at", "was", "became", "reason")
    return [
        BreakerLine(deployment=name, at=at, was=was, became=became, reason=reason)
        for name, at, was, became, reason in rows[:limit]
    ]


def get_gateway_mark(*, team_ids: Collection[int] | None) -> dict[str, str]:
    """Changes whenever a call begins or ends that is seen, or a breaker moves: an open page fetches the rest then.

    Looks at what began within two hours before the newest call, by an index: no older one can still end.
    """
    calls = seen_calls(team_ids)
    began = calls.order_by("-created_at").values_list("created_at", flat=True).first()
    recent = calls.none() if began is None else calls.filter(created_at__gt=began - LONGEST_CALL)
    marks = {
        "began": began,
        "ended": recent.aggregate(at=Max("finished_at"))["at"],
        "moved": DeploymentHealth.objects.aggregate(at=Max("updated_at"))["at"],
    }
    return {name: at.isoformat() if at else "" for name, at in marks.items()}


def seen_calls(team_ids: Collection[int] | None) -> QuerySet[GatewayCall]:
    """Calls of these teams; None: of every team."""
    rows = GatewayCall.objects.all()
    return rows if team_ids is None else rows.filter(team__in=team_ids)


def call_lines(rows: QuerySet[GatewayCall]) -> list[CallLine]:
    """Calls with their settlements, in one query."""
    return [CallLine(**dict(zip(_COLUMNS, row, strict=True))) for row in rows.values_list(*_COLUMNS.values())]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A round that the gateway drives. `single_*` is what one blind answer took; None until there is one."""

    question: str
    status: str
    calls: int
    most_tokens: int | None
    spent_tokens: int
    spent_micro_usd: int
    spent_g: float
    single_tokens: int | None
    single_micro_usd: int | None
    single_g: float | None
    stopped_because: str
    answer: str
    chosen_agent: str
    reason: str
    error: str


def find_run_line(round_id: UUID) -> RunLine | None:
    """How the gateway drives a round; None where agents take their turns by themselves."""
    row = RoundRun.objects.filter(pk=round_id).values(*(each.name for each in fields(RunLine))).first()
    return RunLine(**row) if row else None
