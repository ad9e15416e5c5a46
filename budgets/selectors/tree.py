"""Reads of budgets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import F, Q, QuerySet

from budgets.domain.bands import Bands, UtilisationSteps, status_of, used_percent, utilisation_of
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget, BudgetAlert, Threshold
from budgets.selectors.figures import get_bands
from config.kernel.errors import NotFound


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


def list_path(budget_id: UUID) -> list[BudgetState]:
    """A budget and those above it, the root first; ended ones too. Raises NotFound."""
    path_ids = Budget.objects.filter(pk=budget_id).values_list("path_ids", flat=True).first()
    if path_ids is None:
        raise NotFound("There is no such budget.", field="budget")
    return sorted(_states(Budget.objects.filter(pk__in=path_ids)), key=lambda state: state.depth)


def list_children(budget_id: UUID) -> list[BudgetState]:
    """The budgets right below one, by name; ended ones left out."""
    rows = Budget.objects.filter(parent=budget_id, deallocated_at=None)
    return sorted(_states(rows), key=lambda state: state.name)


def find_default_budget_id(*, team_id: int) -> UUID | None:
    """The budget that pays when a request of the team names none."""
    return (
        Budget.objects.filter(team=team_id, is_default=True, deallocated_at=None).values_list("pk", flat=True).first()
    )


def _states(rows: QuerySet[Budget]) -> list[BudgetState]:
    budgets = list(rows.select_related("team"))
    bands, steps, passed = get_bands(), _utilisation_steps(), _passed(budgets)
    return [_state(row, bands, steps, passed[row.pk]) for row in budgets]


def _utilisation_steps() -> UtilisationSteps:
    """The thresholds in force at which utilisation gets another name."""
    prefix = "utilisation-"
    rows = Threshold.objects.filter(name__in=[f"{prefix}{name}" for name in ("moderate", "high", "critical")])
    return UtilisationSteps(**{name.removeprefix(prefix): value for name, value in rows.values_list("name", "value")})


def _passed(budgets: Sequence[Budget]) -> dict[UUID, list[tuple[str, int]]]:
    """Kinds and levels of the alerts of each budget in its present period, rising."""
    passed: dict[UUID, list[tuple[str, int]]] = defaultdict(list)
    present = BudgetAlert.objects.filter(
        budget__in=budgets,
        kind__in=[BudgetAlert.Kind.PERCENT, BudgetAlert.Kind.AMOUNT],
        period_starts_at=F("budget__period_starts_at"),
    )
    for budget_id, kind, level in present.order_by("level").values_list("budget", "kind", "level"):
        passed[budget_id].append((kind, level))
    return passed


def _state(row: Budget, bands: Bands, steps: UtilisationSteps, passed: Iterable[tuple[str, int]]) -> BudgetState:
    unit = Unit(row.unit)
    used = row.spent + row.reserved
    return BudgetState(
        id=row.pk,
        name=row.name,
        level=row.level,
        organisation_id=row.organisation_id,
        team_id=row.team_id,
        team_name=row.team.name if row.team else "",
        parent_id=row.parent_id,
        depth=row.depth,
        unit=unit,
        model_class=row.model_class,
        period=row.period,
        window_hours=row.window_hours,
        period_starts_at=row.period_starts_at,
        period_ends_at=row.period_ends_at,
        limit=from_steps(unit, row.limit),
        spent=from_steps(unit, row.spent),
        reserved=from_steps(unit, row.reserved),
        tradeable=from_steps(unit, row.tradeable),
        overdraft=from_steps(unit, row.overdraft),
        available=from_steps(unit, row.limit - used),
        base_limit=from_steps(unit, row.base_limit),
        carried=from_steps(unit, row.carried),
        pooled=from_steps(unit, row.pooled),
        bonus=from_steps(unit, row.bonus),
        sold=from_steps(unit, row.sold),
        pool=from_steps(unit, row.pool),
        pool_drawn=from_steps(unit, row.pool_drawn),
        floor=from_steps(unit, row.floor),
        warning_amounts=tuple(from_steps(unit, steps) for steps in sorted(row.warning_amounts)),
        rollover_percent=row.rollover_percent,
        rollover_cap_percent=row.rollover_cap_percent,
        overflow_percent=row.overflow_percent,
        tradeable_percent=row.tradeable_percent,
        gear_choice=row.gear,
        needs_two=row.needs_two,
        used_percent=used_percent(used=used, limit=row.limit),
        status=status_of(used=used, limit=row.limit, bands=bands),
        utilisation=utilisation_of(used=used, limit=row.limit, steps=steps),
        crossed=tuple(level for kind, level in passed if kind == BudgetAlert.Kind.PERCENT),
        warnings_passed=tuple(from_steps(unit, level) for kind, level in passed if kind == BudgetAlert.Kind.AMOUNT),
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
