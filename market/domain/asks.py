"""What a caller asks for, checked and completed, before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from climate.domain.ladder import HOUR, floor_hour

LARGEST_REQUEST_TOKENS = 10**12
FURTHEST_DEADLINE = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A signal the caller supposes in place of the real one. g CO2e/kWh and share 0..1."""

    intensity_g_per_kwh: float
    renewable_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request as a person or program states it. Times in UTC, money in micro-USD, None is not stated.

    `residency` names the countries (ISO 3166-1) its data may not leave; `min_cfe_share` 0..1 is the
    least carbon-free share of where and when it runs. `may_split`: work that can wait may be served in
    several regions and hours.
    """

    purpose: str
    model_class: str
    origin: str | None = None
    tokens: int | None = None
    input_tokens: int | None = None
    text: str | None = None
    mode: str | None = None
    roles: int = 1
    complexity: float | None = None
    budget_id: UUID | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    latency_class: str = "anywhere"
    eligible_regions: tuple[str, ...] | None = None
    residency: tuple[str, ...] | None = None
    min_cfe_share: float | None = None
    may_split: bool = False
    price_cap_micro_usd: int | None = None
    policy: str | None = None
    what_if: WhatIf | None = None


def is_flexible(earliest: datetime, latest: datetime, now: datetime) -> bool:
    """Whether the work can wait: it may not start yet, or its deadline is in a later hour."""
    return floor_hour(earliest) > floor_hour(now) or floor_hour(latest) > floor_hour(now)


def hours_of_window(earliest: datetime, latest: datetime, now: datetime, *, at_most: int) -> list[datetime]:
    """The hours from now on in which the work may run, at most `at_most`."""
    first = floor_hour(max(earliest, now))
    count = int((floor_hour(latest) - first) / HOUR) + 1
    return [first + index * HOUR for index in range(max(0, min(count, at_most)))]


def window_hours(asked_at: datetime, latest: datetime) -> float:
    """How long the work can wait, in hours: what its urgency is priced by."""
    return max(0.0, (latest - asked_at) / HOUR) if floor_hour(latest) > floor_hour(asked_at) else 0.0
