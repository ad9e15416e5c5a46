"""Work that begins the moment it is granted, as a gateway asks for it: many grants and settlements in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.principal import Principal
from budgets.domain.estimates import Estimate, Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineAsk:
    """Tokens that are wanted now.

    `regions` are where it may run, best first: the first within reach with room is taken. `routing` is how they
    were put in order, kept with the decision's facts. `least_tokens` below `tokens`: where budget or room has
    less, so much less may be granted, never below. `lease_expires_at`: left alone past it, the work counts as done
    at what was granted, unverified. None for `purpose` or `origin` is not meant: the caller fills them in.
    """

    request_id: UUID
    principal: Principal
    purpose: str
    origin: str
    model_class: str
    tokens: int
    input_tokens: int
    tokens_basis: str
    regions: Sequence[str]
    lease_expires_at: datetime
    budget_id: UUID | None = None
    least_tokens: int | None = None
    latency_class: str = "anywhere"
    residency: Sequence[str] | None = None
    price_cap_micro_usd: int | None = None
    mode: Mode = Mode.EXPRESS
    complexity: float | None = None
    estimate: Estimate | None = None
    routing: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineGrant:
    """What was granted, held and dispatched: where, how much, at what price (micro-USD) and carbon (g CO2e)."""

    request_id: UUID
    decision_id: int
    budget_id: UUID
    hold_id: UUID
    granted_tokens: int
    region: str
    zone: str
    intensity_g_per_kwh: float
    basis: str
    total_micro_usd: int
    location_g: float
    warning_percent: int | None
    remaining: str
    remaining_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineUse:
    """What a granted call used. `used_tokens` is input and output together."""

    request_id: UUID
    actor: str
    used_tokens: int
    input_tokens: int | None = None
    cached_tokens: int = 0
    quality: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineReturn:
    """A granted call of which nothing was used, and why: all of its grant goes back."""

    request_id: UUID
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineSettled:
    """What it came to: micro-USD, g CO2e (location-based, central), and what its budget has left."""

    request_id: UUID
    total_micro_usd: int
    location_g: float
    energy_wh: float
    warning_percent: int | None
    remaining: str
    remaining_unit: str
