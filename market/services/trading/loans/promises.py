"""Quota of a later period that is promised: never more of a budget than the policy and the budget allow.

A promise is backed by money: whoever places an offer of a later period keeps `forward_collateral` of its
lots in escrow in the team's account, and `open_forward_legs` takes it over with each fill.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from budgets import selectors as budgets
from budgets.domain.units import from_steps, to_steps
from config.kernel.errors import Conflict
from market.domain.trading.forwards import most_promised
from market.domain.trading.instruments import Contract
from market.domain.trading.terms import MarketTerms
from market.models import QuotaPromise


@transaction.atomic
def promise_quota(*, budget_id: UUID, contract: Contract, steps: int, terms: MarketTerms, now: datetime) -> None:
    """Promise so many steps more of a budget's later period. Part of the caller's transaction, before money.

    Raises Conflict `not_a_forward` if the period of `contract` has begun, `not_tradeable` with the facts
    `may_promise` and `promised` (in the budget's unit) if it is more than may be promised.
    """
    if not contract.is_forward(now) or contract.starts_at is None:
        raise Conflict("This period has begun: offer its quota itself.", code="not_a_forward")
    budget = budgets.get_budget(budget_id)
    most = most_promised(
        base_steps=to_steps(budget.unit, budget.base_limit),
        most_promised_percent=terms.most_promised_percent,
        tradeable_percent=budget.tradeable_percent,
    )
    row = _locked(budget_id, contract.starts_at)
    promised = row.promised_steps + steps
    if promised > most:
        left, all_of_it = (f"{from_steps(budget.unit, value):f}" for value in (max(0, most - row.promised_steps), most))
        raise Conflict(
            f"{left} {budget.unit} of {all_of_it} that may be promised of that period are left.",
            field="quantity",
            code="not_tradeable",
            may_promise=all_of_it,
            promised=f"{from_steps(budget.unit, row.promised_steps):f}",
        )
    row.promised_steps, row.most_steps = promised, most
    row.save(update_fields=["promised_steps", "most_steps"])


@transaction.atomic
def release_promise(*, budget_id: UUID, contract: Contract, steps: int) -> None:
    """Take back so many steps of a promise: an offer was cancelled, or what was promised is delivered.

    Part of the caller's transaction. Raises ValueError if less is promised.
    """
    if contract.starts_at is None:
        raise ValueError("Quota without an end has no later period.")
    row = _locked(budget_id, contract.starts_at)
    if steps > row.promised_steps:
        raise ValueError(f"Budget {budget_id} has promised {row.promised_steps} steps, not {steps}.")
    row.promised_steps -= steps
    row.save(update_fields=["promised_steps"])


def _locked(budget_id: UUID, period_starts_at: datetime) -> QuotaPromise:
    QuotaPromise.objects.get_or_create(
        budget_id=budget_id, period_starts_at=period_starts_at, defaults={"most_steps": 0}
    )
    return QuotaPromise.objects.select_for_update().get(budget_id=budget_id, period_starts_at=period_starts_at)
