"""Rounds that the gateway drives, and the tables that teams have set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from config.kernel.errors import NotFound
from sessions_app.domain.gateway.wire import ANYWHERE
from sessions_app.models import Deployment, RoundRun, RoundTable

QUEUED_FOR = timedelta(seconds=10)
"""So long whoever was told of a new run has time to begin before somebody else does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Tokens (input and output), micro-USD and g CO2e (location-based); None where it is not known."""

    tokens: int | None
    micro_usd: int | None
    g: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """How far the gateway is with a round. `single` is what one blind answer of the first cycle took, on average;
    `times_single` how many times its tokens the round took."""

    question: str
    table: dict[str, Any]
    purpose: str
    origin: str
    residency: list[str] | None
    latency_class: str
    most_tokens: int | None
    status: str
    calls: int
    spent: Cost
    single: Cost
    times_single: float | None
    stopped_because: str
    answer: str
    chosen_agent: str
    reason: str
    error: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """A round table of a team."""

    name: str
    members: list[dict[str, Any]]
    values: dict[str, float]
    reflective_model: str
    created_by: str
    created_at: datetime


def run_facts(row: RoundRun) -> RunFacts:
    """A run as it stands."""
    return RunFacts(
        question=row.question,
        table=row.table,
        purpose=row.purpose,
        origin=row.origin_code,
        residency=row.table.get("residency"),
        latency_class=row.table.get("latency_class") or ANYWHERE,
        most_tokens=row.most_tokens,
        status=row.status,
        calls=row.calls,
        spent=Cost(tokens=row.spent_tokens, micro_usd=row.spent_micro_usd, g=row.spent_g),
        single=Cost(tokens=row.single_tokens, micro_usd=row.single_micro_usd, g=row.single_g),
        times_single=round(row.spent_tokens / row.single_tokens, 1) if row.single_tokens else None,
        stopped_because=row.stopped_because,
        answer=row.answer,
        chosen_agent=row.chosen_agent,
        reason=row.reason,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def get_run(round_id: UUID) -> RoundRun:
    """The run of a round with its round and session. Raises NotFound."""
    row = RoundRun.objects.filter(pk=round_id).select_related("round__session__policy").first()
    if row is None:
        raise NotFound("The gateway does not drive this round.", field="round")
    return row


def bounds_of(run: RoundRun | None) -> dict[str, Any]:
    """Where the words of a round may go, as a call of a model is told; nothing where the gateway does not drive it."""
    if run is None:
        return {}
    countries = run.table.get("residency")
    return {
        "residency": None if countries is None else tuple(countries),
        "latency_class": run.table.get("latency_class") or ANYWHERE,
    }


def list_unfinished_runs(*, now: datetime) -> list[UUID]:
    """Runs on which nobody works, oldest first: never begun, or left by whoever died."""
    nobody = Q(lease_expires_at__lte=now) | Q(lease_expires_at=None, created_at__lte=now - QUEUED_FOR)
    unfinished = Q(status__in=[RoundRun.Status.QUEUED, RoundRun.Status.RUNNING])
    return list(RoundRun.objects.filter(unfinished & nobody).order_by("created_at").values_list("pk", flat=True))


def list_tables(team_id: int) -> list[TableFacts]:
    """Round tables of a team by name."""
    return [_table(row) for row in RoundTable.objects.filter(team_id=team_id)]


def get_table(team_id: int, name: str) -> TableFacts:
    """One of them. Raises NotFound."""
    row = RoundTable.objects.filter(team_id=team_id, name=name).first()
    if row is None:
        raise NotFound("Your team has no round table of this name.", field="table")
    return _table(row)


def list_chat_models(*, residency: Collection[str] | None = None) -> dict[str, bool]:
    """Names under which chats are served now, and whether a model is among who serves each: the echo is none.

    `residency` names the countries that count; None is any.
    """
    rows: QuerySet[Deployment] = Deployment.objects.filter(is_active=True, serves_chat=True)
    if residency is not None:
        rows = rows.filter(region__country__in=residency)
    found: dict[str, bool] = {}
    for served, aliases, provider in rows.values_list("served_name", "aliases", "provider"):
        for name in (served, *aliases):
            found[name] = found.get(name, False) or provider != Deployment.Provider.ECHO
    return found


def _table(row: RoundTable) -> TableFacts:
    return TableFacts(
        name=row.name,
        members=row.members,
        values=row.values,
        reflective_model=row.reflective_model,
        created_by=row.created_by,
        created_at=row.created_at,
    )
