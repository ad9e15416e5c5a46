"""What pages and doors show of registry units, flags, appeals and standing rules."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from budgets.domain.units import Unit, from_steps
from config.kernel.errors import NotFound
from market.domain.trading.registry import missing_of
from market.domain.trading.rules import usd_of_nano
from market.models import GRAMS_PER_UNIT, Appeal, ConductFlag, RegistryUnit, StandingRule

MICRO = 1_000_000
MOST_ROWS = 1_000
Row = TypeVar("Row", RegistryUnit, ConductFlag, StandingRule)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryUnits:
    """A block of registry units. `missing` names what keeps it from being verified; grams CO2e.

    `used_g` is what offers have used or keep, `free_g` what may still be used: 0 unless it is verified.
    """

    id: int
    team_id: int
    team_name: str
    registry: str
    serial_prefix: str
    serial_first: int
    serial_last: int
    units: int
    project_id: str
    project_name: str
    vintage: int | None
    methodology: str
    verification_body: str
    retirement_beneficiary: str
    retirement_reason: str
    retired_on: date | None
    is_verified: bool
    missing: tuple[str, ...]
    used_g: int
    free_g: int
    imported_at: datetime
    imported_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealFacts:
    """A team's word against a flag and what was decided."""

    id: int
    text: str
    at: datetime
    actor: str
    status: str
    decided_at: datetime | None
    decided_by: str
    decision_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFacts:
    """A pattern that was noticed, its evidence, what it cost in micro-USD, and what became of it."""

    id: int
    kind: str
    title: str
    team_id: int
    team_name: str
    budget_id: UUID | None
    instrument: str | None
    since: datetime
    until: datetime
    evidence: dict[str, Any]
    status: str
    charge_micro_usd: int
    noticed_at: datetime
    decided_at: datetime | None
    decided_by: str
    decision_reason: str
    appeals: tuple[AppealFacts, ...]

    @property
    def may_appeal(self) -> bool:
        """Whether its team may appeal now: it stands, and no appeal waits or was rejected."""
        return self.status != ConductFlag.Status.LIFTED and not self.appeals


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """A standing rule. Prices in US$ for one token, gram or watt hour; `most_per_day` in the budget's unit."""

    id: int
    kind: str
    title: str
    team_id: int
    team_name: str
    budget_id: UUID
    budget_name: str
    unit: Unit
    by_hour_utc: int | None
    limit_price_usd: Decimal
    most_per_day: Decimal
    most_usd_per_day: Decimal | None
    is_active: bool
    created_at: datetime
    created_by: str
    last_run_at: datetime | None
    last_outcome: str


def list_units(
    *, team_ids: Collection[int] | None, before: int | None = None, limit: int | None = MOST_ROWS
) -> list[RegistryUnits]:
    """Registry units of teams (None: of all), newest first. One query."""
    rows = RegistryUnit.objects.select_related("team").order_by("-pk")
    return [_unit(row) for row in _page(rows, team_ids, before, limit)]


def list_flags(*, team_ids: Collection[int] | None, before: int | None = None, limit: int = 100) -> list[FlagFacts]:
    """Flags of teams (None: of all), newest first, with their appeals. Two queries."""
    rows = ConductFlag.objects.select_related("team").prefetch_related("appeals").order_by("-pk")
    return [_flag(row) for row in _page(rows, team_ids, before, limit)]


def get_flag(flag_id: int) -> FlagFacts:
    """One flag. Raises NotFound."""
    row = ConductFlag.objects.select_related("team").prefetch_related("appeals").filter(pk=flag_id).first()
    if row is None:
        raise NotFound("There is no such flag.")
    return _flag(row)


def list_rules(*, team_ids: Collection[int] | None, before: int | None = None, limit: int = 100) -> list[RuleFacts]:
    """Standing rules of teams (None: of all), newest first. One query."""
    rows = StandingRule.objects.select_related("team", "budget").order_by("-pk")
    return [_rule(row) for row in _page(rows, team_ids, before, limit)]


def get_rule(rule_id: int) -> RuleFacts:
    """One rule. Raises NotFound."""
    row = StandingRule.objects.select_related("team", "budget").filter(pk=rule_id).first()
    if row is None:
        raise NotFound("There is no such rule.")
    return _rule(row)


def _page(
    rows: QuerySet[Row], team_ids: Collection[int] | None, before: int | None, limit: int | None
) -> QuerySet[Row]:
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    return (rows if before is None else rows.filter(pk__lt=before))[:limit]


def _unit(row: RegistryUnit) -> RegistryUnits:
    missing = missing_of(row)
    units = row.serial_last - row.serial_first + 1
    names = (
        *("registry", "serial_prefix", "serial_first", "serial_last", "project_id", "project_name", "vintage"),
        *("methodology", "verification_body", "retirement_beneficiary", "retirement_reason", "retired_on"),
        *("team_id", "used_g", "imported_at", "imported_by"),
    )
    return RegistryUnits(
        id=row.pk,
        team_name=row.team.name,
        units=units,
        is_verified=not missing,
        missing=missing,
        free_g=0 if missing else units * GRAMS_PER_UNIT - row.used_g,
        **{name: getattr(row, name) for name in names},
    )


def _flag(row: ConductFlag) -> FlagFacts:
    names = (
        *("kind", "team_id", "budget_id", "since", "until", "evidence", "status", "charge_micro_usd"),
        *("noticed_at", "decided_at", "decided_by", "decision_reason"),
    )
    return FlagFacts(
        id=row.pk,
        title=row.get_kind_display(),
        team_name=row.team.name,
        instrument=row.instrument_id,
        appeals=tuple(_appeal(each) for each in row.appeals.all()),
        **{name: getattr(row, name) for name in names},
    )


def _appeal(row: Appeal) -> AppealFacts:
    names = ("text", "at", "actor", "status", "decided_at", "decided_by", "decision_reason")
    return AppealFacts(id=row.pk, **{name: getattr(row, name) for name in names})


def _rule(row: StandingRule) -> RuleFacts:
    budget = row.budget
    unit = Unit(budget.unit)
    spends = row.most_micro_usd_per_day
    names = ("kind", "team_id", "budget_id", "by_hour_utc", "is_active", "created_at", "created_by", "last_run_at")
    return RuleFacts(
        id=row.pk,
        title=row.get_kind_display(),
        team_name=row.team.name,
        budget_name=budget.name,
        unit=unit,
        limit_price_usd=usd_of_nano(row.limit_nano_usd_per_unit),
        most_per_day=from_steps(unit, row.most_steps_per_day),
        most_usd_per_day=None if spends is None else Decimal(spends) / MICRO,
        last_outcome=row.last_outcome,
        **{name: getattr(row, name) for name in names},
    )
