"""What budgets have told: alerts that were recorded once and stay, in plain words with their time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from budgets.domain.alerts import AlertFacts, AlertKind
from budgets.domain.states import BudgetState
from dashboard.domain.figures import moment
from dashboard.presentation.budgets import amount

Row = dict[str, Any]

MOST_ROWS = 12
"""Alerts of budgets that the overview lists beside the budgets that are past a mark now."""


def told_rows(strained: Sequence[BudgetState], alerts: Sequence[AlertFacts]) -> list[Row]:
    """Budgets past a mark now, with when they passed it; then what else budgets told, newest first."""
    passed: dict[Any, AlertFacts] = {}
    others = []
    now_strained = {budget.id for budget in strained}
    for alert in alerts:
        if alert.kind is AlertKind.PERCENT and alert.budget_id in now_strained:
            passed.setdefault(alert.budget_id, alert)
        else:
            others.append(alert)
    return [_strained_row(each, passed.get(each.id)) for each in strained] + [_told_row(a) for a in others[:MOST_ROWS]]


def _strained_row(budget: BudgetState, alert: AlertFacts | None) -> Row:
    told = f"; {alert_words(alert)[0]} at {_clock(alert.at)}" if alert else ""
    return {
        "key": f"budget-{budget.id}",
        "tone": "warn" if budget.status == "warn" else "bad",
        "kind": f"budget {budget.status}",
        "title": budget.name,
        "note": f"{budget.used_percent:.0f} % of its limit is spent or held{told}",
    }


def _told_row(alert: AlertFacts) -> Row:
    words, tone = alert_words(alert)
    is_over = alert.kind is AlertKind.PERCENT
    return {
        "key": f"budget-alert-{alert.id}",
        "tone": "calm" if is_over else tone,
        "kind": f"budget {alert.kind.value}",
        "title": alert.budget_name,
        "note": f"{words} at {_clock(alert.at)}{'; below its marks now' if is_over else ''}",
    }


def _clock(at: datetime) -> str:
    return f"{at:%d %b %H:%M} UTC"


def alert_words(alert: AlertFacts) -> tuple[str, str]:
    """What an alert says, and the tone of its pill."""
    if alert.kind is AlertKind.NOTICE:
        return alert.notice, "warn"
    if alert.kind is AlertKind.PERCENT:
        return f"passed {alert.percent} % of its limit", "bad" if (alert.percent or 0) >= 85 else "warn"
    told = amount(alert.amount, alert.unit) if alert.amount is not None else "an amount unknown"
    if alert.kind is AlertKind.AMOUNT:
        return f"passed {told}", "warn"
    if alert.kind is AlertKind.OVERDRAFT:
        return f"overdrawn by {told}", "bad"
    when = f", which runs out at {moment(alert.runs_out_at)}" if alert.runs_out_at else ""
    return f"forecast to pass {alert.percent} %{when}", "warn"
