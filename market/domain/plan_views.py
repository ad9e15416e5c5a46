"""Plans, their fairness and their savings as values that cross a door.

Grams are g CO2e, times UTC, None is unknown. Party figures are aggregates over an origin and a
purpose; nothing here tells one request of one team from another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

REFERENCE = "run now at home region, as far as it has room"
BOUND_LABEL = "ignores capacity: a bound, never a saving"
LABEL = "estimated, unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One allocation pass. `planned_g` is all that it placed; the reference is the same work run now at home.

    The two are compared over the `compared_tokens` that both serve, as home has room: `compared_g` of
    the plan, `reference_g`, and what is saved of it. Misses stand beside: who serves less emits less.
    """

    run_id: int
    trigger: str
    kind: str
    state: str
    is_current: bool
    is_degraded: bool
    started_at: datetime
    finished_at: datetime | None
    considered: int
    granted: int
    denied: int
    waiting: int
    solver: str
    asked_tokens: int | None
    planned_tokens: int | None
    missed_tokens: int | None
    planned_g: float | None
    compared_tokens: int | None
    compared_g: float | None
    reference_g: float | None
    reference_missed_tokens: int | None
    saved_share: float | None
    total_seconds: float | None
    error: str
    kept_run_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """A run with its record. `bound_g` ignores capacity and is never a claim; `seconds` by stage.

    `first_hour` and `hour_count` are None where the inputs are not kept any more.
    """

    row: RunRow
    fingerprint: str
    seconds: dict[str, float]
    bound_g: float | None
    fund_promised_micro_usd: int
    first_hour: datetime | None
    hour_count: int | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRow:
    """What one party asked, was served by policy, and would have been served first come, first served. Tokens.

    `served_share` = service / asked. `served_per_weight` is None for a party that asked nothing.
    """

    origin: str
    scored: str
    purpose: str
    weight: float
    factors: tuple[tuple[str, float], ...]
    floor_tokens: float
    asked_tokens: int
    service_tokens: int
    baseline_tokens: int
    served_share: float | None
    served_per_weight: float | None
    baseline_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessIndices:
    """Over all parties that asked: the smallest share served, and how even the service is.

    Jain 1/n..1 (1: all alike), Gini 0..1 (0: all alike): of the shares served of what was asked, and
    `weighted` of service over weight of the parties that got less than they asked. None: nobody to compare.
    """

    minimum_share: float | None
    jain: float | None
    gini: float | None
    service_tokens: int
    weighted_jain: float | None
    weighted_gini: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """A water level (tokens per weight) at which parties stopped, and what stopped them, in words.

    `parties` are indices into the report's parties.
    """

    level: float
    parties: tuple[int, ...]
    bottleneck: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessReport:
    """Who got what of a plan, with and without the policy: `policy` names the version that weighed all parties.

    `price_of_justice` is set under a carbon budget only.
    """

    run_id: int
    made_at: datetime
    is_current: bool
    kind: str
    policy: str
    parties: tuple[PartyRow, ...]
    with_policy: FairnessIndices
    without_policy: FairnessIndices
    floor_scale: float
    levels: tuple[LevelRow, ...]
    price_of_justice: dict[str, Any] | None
    emergencies: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """One region, hour and model class of a plan. Tokens; `kept_tokens` is room for expected work.

    `hour_price_g_per_1k_tokens`: what room for 1,000 tokens more would have saved in this plan; 0
    where room was left, None where the plan has no prices (degraded).
    """

    region: str
    city: str
    zone: str
    model_class: str
    starts_at: datetime
    capacity_tokens: int
    promised_tokens: int
    kept_tokens: int
    planned_tokens: int
    free_tokens: int
    intensity_g_per_kwh: float | None
    low_g_per_kwh: float | None
    high_g_per_kwh: float | None
    basis: str
    source: str
    as_of: datetime | None
    hour_price_g_per_1k_tokens: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanGrid:
    """Cells of the plan in force, by region, model class and hour. `fits` all that the filter left in."""

    run_id: int
    made_at: datetime
    kind: str
    scope: str
    is_degraded: bool
    cells: tuple[GridCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSavings:
    """What a plan saves by what was known when it was made. See `RunRow`."""

    run_id: int
    made_at: datetime
    planned_tokens: int | None
    missed_tokens: int | None
    planned_g: float | None
    compared_tokens: int | None
    compared_g: float | None
    reference_g: float | None
    reference_missed_tokens: int | None
    saved_share: float | None
    bound_g: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSavings:
    """Settled work beside the same work run at once at its home region, as far as that had room.

    `tokens` used; `location_g` what they emitted; `compared_g` the part of it that the reference had
    room for, `reference_g` what that part would have emitted at home; `saved_g` = reference - compared.
    `reference_missed_tokens` had no room at home.
    """

    tokens: int
    location_g: float
    compared_g: float
    reference_g: float
    saved_g: float
    saved_share: float | None
    reference_missed_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """Savings of a period, told twice and never added up.

    `expected`: settled work by the signals its decisions used. `expected_of_measured` is the same for
    that part of it whose hours, there and at home, have been measured since; `measured` is that part
    by the measured intensities. `unmeasured_tokens` are left out of both. `without_home_tokens` have
    no home region to compare with. `missed_tokens`: asked for with a deadline in the period, refused or expired.
    """

    since: datetime
    until: datetime
    as_of: datetime
    plan: PlanSavings | None
    expected: WorkSavings
    expected_of_measured: WorkSavings
    measured: WorkSavings
    unmeasured_tokens: int
    without_home_tokens: int
    missed_tokens: int
