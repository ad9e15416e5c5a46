"""What budgets tell: each threshold once per budget, period and level; each overdraft once per hold.

Called in the transaction that made it true. What is written here waits for `deliveries.fan_out`. The function that
places holds on PostgreSQL writes the same rows as `note_crossings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from budgets.domain.bands import Bands, percentages_passed
from budgets.events import BudgetAlerted
from budgets.models import Budget, BudgetAlert
from budgets.selectors.escrow import free_in_escrow
from budgets.selectors.figures import get_bands
from config.kernel.events import publish

Key = tuple[UUID, str, datetime, int]


def note_crossings(*, budget_ids: Sequence[UUID], now: datetime) -> int | None:
    """Record what these budgets have newly passed; return the highest percentage any of them is past.

    The caller's locks on their rows make what is read here the last word of this transaction. What
    blocks in escrow hold at them and nobody has been promised is not used.
    """
    bands = get_bands()
    highest: int | None = None
    passed: list[BudgetAlert] = []
    budgets = list(Budget.objects.filter(pk__in=budget_ids))
    free = free_in_escrow([each.pk for each in budgets if _may_have_passed(each, bands)])
    for budget in budgets:
        budget.reserved -= free.get(budget.pk, 0)
        used = budget.spent + budget.reserved
        percentages = percentages_passed(used=used, limit=budget.limit, bands=bands)
        highest = max([highest or 0, *percentages]) or None
        passed += [alert_of(budget, BudgetAlert.Kind.PERCENT, percent, now=now) for percent in percentages]
        amounts = [steps for steps in budget.warning_amounts if used >= steps]
        passed += [alert_of(budget, BudgetAlert.Kind.AMOUNT, steps, now=now) for steps in amounts]
    if passed:
        _record(passed, now=now)
    return highest


def note_passed(passed: Sequence[BudgetAlert], *, now: datetime) -> None:
    """Record those of these unsaved alerts that are news in their period."""
    if passed:
        _record(passed, now=now)


def _may_have_passed(budget: Budget, bands: Bands) -> bool:
    used = budget.spent + budget.reserved
    return bool(budget.warning_amounts or percentages_passed(used=used, limit=budget.limit, bands=bands))


def note_overdraft(*, hold_id: UUID, budget: Budget, steps: int, now: datetime) -> None:
    """Record that the work of a hold used `steps` more than fitted into the budget; once for each of the two.

    Called after the budget's row was moved: its figures are read again.
    """
    row = Budget.objects.get(pk=budget.pk)
    alert = alert_of(row, BudgetAlert.Kind.OVERDRAFT, steps, now=now, overdraft=row.overdraft)
    alert.hold_id = hold_id
    if not BudgetAlert.objects.filter(budget=row, kind=BudgetAlert.Kind.OVERDRAFT, hold=hold_id).exists():
        _insert([alert], now=now)


def note_forecast(*, budget: Budget, percent: int, facts: Mapping[str, Any], now: datetime) -> bool:
    """Record that a budget is forecast to pass `percent` before its period ends; False if that was told already.

    `facts` are plain JSON values; `runs_out_at` (ISO 8601) is shown to people.
    """
    return _record([alert_of(budget, BudgetAlert.Kind.FORECAST, percent, now=now, **facts)], now=now)


def notify_team(*, budget_id: UUID, number: int, notice: str, hold_id: UUID | None, now: datetime) -> bool:
    """Tell the channels of a budget's team something about work that it pays for; False if that was told already.

    `number` is the caller's own of the notice: one for each. It waits for `deliveries.fan_out` like every alert.
    """
    budget = Budget.objects.get(pk=budget_id)
    alert = alert_of(budget, BudgetAlert.Kind.NOTICE, number, now=now, notice=notice)
    alert.hold_id = hold_id
    return _record([alert], now=now)


def alert_of(budget: Budget, kind: BudgetAlert.Kind, level: int, *, now: datetime, **facts: Any) -> BudgetAlert:
    """An unsaved alert with the figures that the budget has now."""
    figures = {"limit": budget.limit, "spent": budget.spent, "reserved": budget.reserved}
    return BudgetAlert(
        budget=budget,
        kind=kind,
        level=level,
        period_starts_at=budget.period_starts_at,
        at=now,
        facts={**figures, **facts},
    )


def _record(alerts: Sequence[BudgetAlert], *, now: datetime) -> bool:
    """Insert those that are not known in their period; whether there were any."""
    known = _known(alerts)
    news = [each for each in alerts if _key(each) not in known]
    if news:
        _insert(news, now=now)
    return bool(news)


def _insert(alerts: Sequence[BudgetAlert], *, now: datetime) -> None:
    # Whoever was quicker has told it: a conflict is passed over, and the transaction goes on.
    BudgetAlert.objects.bulk_create(alerts, ignore_conflicts=True)
    publish(BudgetAlerted(budget_ids=tuple(dict.fromkeys(each.budget_id for each in alerts)), at=now))


def _known(alerts: Iterable[BudgetAlert]) -> set[Key]:
    rows = BudgetAlert.objects.filter(
        budget__in={each.budget_id for each in alerts},
        period_starts_at__in={each.period_starts_at for each in alerts},
    ).exclude(kind=BudgetAlert.Kind.OVERDRAFT)
    return set(rows.values_list("budget_id", "kind", "period_starts_at", "level"))


def _key(alert: BudgetAlert) -> Key:
    return alert.budget_id, str(alert.kind), alert.period_starts_at, alert.level
