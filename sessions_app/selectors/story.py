"""What a session's page tells: windows over time, what they hold, forecasts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.db.models import Max, Model

from sessions_app.models import ContextItem, ExhaustionForecast, Handoff, Instance, Usage

MOST_READINGS = 400


class _Row:
    """A dataclass filled from the columns of a row by their names."""

    __slots__ = ()

    @classmethod
    def of(cls, row: Model, **others: Any) -> Self:
        """The same columns as values, and `others` that are no columns."""
        names = [each.name for each in fields(cls)]  # type: ignore[arg-type]  # every one below is a dataclass
        return cls(**{name: getattr(row, name) for name in names if name not in others}, **others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(_Row):
    """How full the window of an agent was after a call, as a share of the window (context and next output)."""

    agent: str
    at: datetime
    seq: int
    occupancy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine(_Row):
    """A thing in a window. `saved_tokens` is what shortening or unloading it saved."""

    id: int
    agent: str
    key: str
    component: str
    kind: str
    tokens: int
    original_tokens: int
    is_pinned: bool
    status: str
    last_access_at: datetime
    archive_id: int | None

    @property
    def saved_tokens(self) -> int:
        """Tokens that it took before and does not take now."""
        return self.original_tokens - self.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastLine(_Row):
    """When a window, or the k-th of them, will be full, in seconds from `at`."""

    kind: str
    agent: str
    at: datetime
    k: int
    low_seconds: float
    central_seconds: float
    high_seconds: float
    is_joint: bool
    correlation: float | None
    actual_seconds: float | None
    was_right: bool | None


def list_readings(session_id: UUID, *, limit: int = MOST_READINGS) -> list[Reading]:
    """How full the windows were after the last calls, oldest first."""
    rows = Usage.objects.filter(session_id=session_id).select_related("instance").order_by("-seq")[:limit]
    return [
        Reading(
            agent=row.instance.agent,
            at=row.at,
            seq=row.seq,
            occupancy=(row.context_tokens + row.instance.max_output_tokens) / row.instance.window_tokens,
        )
        for row in reversed(rows)
    ]


def list_item_lines(session_id: UUID, *, limit: int) -> list[ItemLine]:
    """Things in the windows of active instances, the largest first; those that were unloaded last."""
    rows = (
        ContextItem.objects.filter(instance__session_id=session_id, instance__status=Instance.Status.ACTIVE)
        .select_related("instance")
        .defer("text")
        .order_by("-tokens", "-original_tokens", "id")[:limit]
    )
    return [ItemLine.of(row, agent=row.instance.agent) for row in rows]


def list_forecast_lines(session_id: UUID) -> list[ForecastLine]:
    """The newest forecast of each agent and of all together, the collective one first.

    Those from before the last handoff are about windows that nobody holds any more.
    """
    switched = Handoff.objects.filter(session_id=session_id).aggregate(last=Max("switched_seq"))["last"] or 0
    rows = ExhaustionForecast.objects.filter(session_id=session_id, seq__gt=switched).order_by("-id")[:200]
    newest: dict[tuple[str, str], ExhaustionForecast] = {}
    for row in rows:
        newest.setdefault((row.kind, row.agent), row)
    found = [ForecastLine.of(row) for row in newest.values()]
    return sorted(found, key=lambda line: (line.kind != ExhaustionForecast.Kind.COLLECTIVE, line.central_seconds))
