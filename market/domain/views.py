"""Decisions and headline figures as values that cross a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One line of the feed. Money in micro-USD, carbon in g CO2e; None is unknown."""

    decision_id: int
    request_id: UUID
    made_at: datetime
    team_id: int
    team_name: str
    organisation_name: str
    purpose: str
    purpose_title: str
    origin_code: str
    model_class: str
    asked_tokens: int
    granted_tokens: int
    status: str
    region_code: str | None
    region_city: str
    zone_code: str
    starts_at: datetime | None
    intensity_g_per_kwh: float | None
    basis: str
    source: str
    as_of: datetime | None
    location_g: float | None
    avoided_g: float | None
    total_micro_usd: int | None
    weight: float
    explanation: str
    policy: str
    is_simulated: bool
    service_micro_usd: int | None = None
    carbon_micro_usd: int | None = None
    justice_micro_usd: int | None = None
    renewable_micro_usd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDetail:
    """A request with its latest decision as the API answers it, and its whole story.

    `answer` is the body of `GET /api/v1/requests/{id}/`. `candidates` are the regions that were
    looked at, best first, each {code, zone, starts_at, intensity_g_per_kwh, basis, pue, free_tokens, distance_km,
    reason}. `renewable_share_of` is what its policy's renewable discount is measured by: contracted_supply or grid.
    """

    id: UUID
    team_id: int
    team_name: str
    organisation_name: str
    actor: str
    created_at: datetime
    purpose: str
    purpose_title: str
    origin_code: str
    model_class: str
    asked_tokens: int
    input_tokens: int | None
    tokens_basis: str
    mode: str
    latency_class: str
    earliest_at: datetime
    latest_at: datetime
    status: str
    answer: dict[str, Any]
    reasons: tuple[str, ...]
    candidates: tuple[dict[str, Any], ...]
    timeline: tuple[tuple[datetime, str], ...]
    settlement: dict[str, Any] | None
    renewable_share_of: str = "contracted_supply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """Figures of the day since 00:00 UTC, simulated decisions left out. Money in micro-USD."""

    day_starts_at: datetime
    as_of: datetime
    requests: int
    granted_tokens: int
    location_g: float
    avoided_g: float
    open_holds: int
    queued: int
    denied: int
    fund_balance_micro_usd: int
    fund_reserved_micro_usd: int
