"""A new alert is delivered soon: this only asks for it. The schedule makes up for what is lost."""

from __future__ import annotations

from django.core.cache import cache

from budgets.events import BudgetAlerted
from config.kernel.events import subscribe

ASKED = "budgets:delivery-asked"
WAIT_SECONDS = 1
"""Alerts come in crowds: one task delivers all of a second."""
EXPIRES_SECONDS = 60


def connect() -> None:
    """Listen, once per process."""
    subscribe(BudgetAlerted, _budget_alerted)


def _budget_alerted(event: BudgetAlerted) -> None:
    from budgets.tasks import deliver_alerts

    if cache.add(ASKED, True, timeout=WAIT_SECONDS):
        deliver_alerts.apply_async(countdown=WAIT_SECONDS, expires=EXPIRES_SECONDS)
