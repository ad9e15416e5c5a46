"""Reads of budgets, holds and the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from budgets.domain.bands import Bands, status_of, used_percent
from budgets.domain.estimates import EstimateTerms
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget, Hold, HoldLine, LedgerEntry, Threshold, ThresholdCrossing
from config.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueHold:
    """A reservation whose lease has run out."""

    hold_id: UUID
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One ledger entry; amounts in the budget's unit."""

    id: int
    at: datetime
    kind: str
    actor: str
    reason: str
    hold_id: UUID | None
    limit_delta: Decimal
    spent_delta: Decimal
    reserved_delta: Decimal
    overdraft_delta: Decimal


def get_bands() -> Bands:
    """The thresholds of budgets in force."""
    names = {"budget-warn": "warn", "budget-critical": "critical", "budget-emergency": "emergency"}
    rows = Threshold.objects.filter(name__in=names).values_list("name", "value")
    return Bands(**{names[name]: int(value) for name, value in rows})


def get_estimate_terms() -> EstimateTerms:
    """The figures in force from which tokens are estimated."""
    rows = dict(Threshold.objects.values_list("name", "value"))
    cold = EstimateTerms()
    return EstimateTerms(
        express_tokens=int(rows.get("estimate-express", cold.express_tokens)),
        council_tokens=int(rows.get("estimate-council", cold.council_tokens)),
        extra_role_tokens=int(rows.get("estimate-extra-role", cold.extra_role_tokens)),
        margin_tokens=int(rows.get("estimate-margin", cold.margin_tokens)),
        council_complexity=rows.get("council-complexity", cold.council_complexity),
    )


def list_budgets(*, team_ids: frozenset[int] | None, organisation_id: int | None = None) -> list[BudgetState]:
    """Budgets in tree order (a parent before its children); None means of all teams.

    With `organisation_id` the organisation's own budgets, which no team owns, are listed too.
    """
    rows = Budget.objects.filter(deallocated_at=None)
    if team_ids is not None:
        own = Q(team__in=team_ids)
        if organisation_id is not None:
            own |= Q(team=None, organisation=organisation_id)
        rows = rows.filter(own)
    return _in_tree_order(_states(rows))


def get_budget(budget_id: UUID) -> BudgetState:
    """One budget, also an ended one. Raises NotFound."""
    states = _states(Budget.objects.filter(pk=budget_id))
    if not states:
        raise NotFound("There is no such budget.", field="budget")
    return states[0]


def find_default_budget_id(*, team_id: int) -> UUID | None:
    """The budget that pays when a request of the team names none."""
    return (
        Budget.objects.filter(team=team_id, is_default=True, deallocated_at=None).values_list("pk", flat=True).first()
    )


def list_ledger(budget_id: UUID, *, before_id: int | None = None, limit: int = 100) -> list[LedgerLine]:
    """Entries of a budget, newest first, `before_id` onwards; keyset paging stays fast at any depth."""
    rows = LedgerEntry.objects.filter(budget=budget_id).select_related("budget")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return [_ledger_line(row) for row in rows.order_by("-id")[:limit]]


def list_overdue_holds(*, now: datetime, limit: int = 500) -> list[OverdueHold]:
    """Reservations whose lease has run out, oldest first."""
    rows = Hold.objects.filter(status=Hold.Status.RESERVED, lease_expires_at__lte=now).order_by("lease_expires_at")
    return [OverdueHold(hold_id=row.pk, reference=row.reference) for row in rows[:limit]]


def count_open_holds(*, team_ids: frozenset[int] | None) -> int:
    """Holds that still reserve something; None means of all teams."""
    rows = Hold.objects.filter(status__in=Hold.OPEN)
    return rows.count() if team_ids is None else rows.filter(budget__team__in=team_ids).count()


def list_ledger_differences() -> list[str]:
    """Every budget whose state is not the sum of its ledger or of its open holds, in words."""
    sums = _sums_by_budget(LedgerEntry.objects.all(), "limit_delta", "spent_delta", "reserved_delta", "overdraft_delta")
    held = _sums_by_budget(HoldLine.objects.filter(hold__status__in=Hold.OPEN), "reserved")
    found = []
    for row in Budget.objects.all().iterator():
        state = (row.limit, row.spent, row.reserved, row.overdraft)
        ledger = sums.get(row.pk, (0, 0, 0, 0))
        if state != ledger:
            found.append(f"budget {row.pk} {row.name}: state {state} but ledger {ledger}")
        if row.reserved != held.get(row.pk, (0,))[0]:
            found.append(
                f"budget {row.pk} {row.name}: reserved {row.reserved} but open holds {held.get(row.pk, (0,))[0]}"
            )
    return found


def _sums_by_budget(rows: QuerySet[Any], *columns: str) -> dict[UUID, tuple[int, ...]]:
    grouped = rows.values("budget").annotate(**{f"sum_{column}": Sum(column) for column in columns})
    return {row["budget"]: tuple(int(row[f"sum_{column}"]) for column in columns) for row in grouped.order_by()}


def _states(rows: QuerySet[Budget]) -> list[BudgetState]:
    budgets = list(rows.select_related("team"))
    bands = get_bands()
    crossed: dict[tuple[UUID, datetime], list[int]] = {}
    for crossing in ThresholdCrossing.objects.filter(budget__in=budgets).order_by("percent"):
        crossed.setdefault((crossing.budget_id, crossing.period_starts_at), []).append(crossing.percent)
    return [_state(row, bands, crossed.get((row.pk, row.period_starts_at), [])) for row in budgets]


def _state(row: Budget, bands: Bands, crossed: Iterable[int]) -> BudgetState:
    unit = Unit(row.unit)
    used = row.spent + row.reserved
    return BudgetState(
        id=row.pk,
        name=row.name,
        organisation_id=row.organisation_id,
        team_id=row.team_id,
        team_name=row.team.name if row.team else "",
        parent_id=row.parent_id,
        depth=row.depth,
        unit=unit,
        period=row.period,
        period_starts_at=row.period_starts_at,
        period_ends_at=row.period_ends_at,
        limit=from_steps(unit, row.limit),
        spent=from_steps(unit, row.spent),
        reserved=from_steps(unit, row.reserved),
        tradeable=from_steps(unit, row.tradeable),
        overdraft=from_steps(unit, row.overdraft),
        available=from_steps(unit, row.limit - used),
        used_percent=used_percent(used=used, limit=row.limit),
        status=status_of(used=used, limit=row.limit, bands=bands),
        crossed=tuple(crossed),
        is_default=row.is_default,
    )


def _in_tree_order(states: list[BudgetState]) -> list[BudgetState]:
    known = {state.id for state in states}
    children: dict[UUID | None, list[BudgetState]] = {}
    for state in sorted(states, key=lambda each: each.name):
        children.setdefault(state.parent_id if state.parent_id in known else None, []).append(state)
    ordered: list[BudgetState] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        state = waiting.pop()
        ordered.append(state)
        waiting.extend(reversed(children.get(state.id, [])))
    return ordered


def _ledger_line(row: LedgerEntry) -> LedgerLine:
    unit = Unit(row.budget.unit)
    limit, spent, reserved, overdraft = (
        from_steps(unit, steps) for steps in (row.limit_delta, row.spent_delta, row.reserved_delta, row.overdraft_delta)
    )
    return LedgerLine(
        id=row.pk,
        at=row.at,
        kind=row.kind,
        actor=row.actor,
        reason=row.reason,
        hold_id=row.hold_id,
        limit_delta=limit,
        spent_delta=spent,
        reserved_delta=reserved,
        overdraft_delta=overdraft,
    )
