"""What the market app tells the apps above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDecided(Event):
    """A request got a verdict (granted, partial, queued or denied)."""

    request_id: UUID
    decision_id: int
    team_id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsDecided(Event):
    """Several requests of these teams got their verdicts at once: planned work was taken up."""

    team_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestResolved(Event):
    """A request was settled, released, cancelled or has expired."""

    request_id: UUID
    team_id: int
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FundChanged(Event):
    """The Fund's balance or reserve changed."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChanged(Event):
    """Another plan is in force: what waits may have another region, hour and price."""

    run_id: int
    kind: str
    at: datetime
