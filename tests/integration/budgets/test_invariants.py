"""Any order of operations keeps every budget within its limit and equal to its ledger."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import services
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from config.kernel.errors import Conflict
from tests.integration.world import NOW, make_budget, make_team, undone

OPERATIONS = st.tuples(
    st.sampled_from(["hold", "settle", "release", "expire", "allot", "wait"]),
    st.integers(0, 2),
    st.integers(0, 900),
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(OPERATIONS, max_size=25))
def test_no_order_of_operations_overspends_or_loses_anything(steps):
    with undone():
        team = make_team()
        top = make_budget(team, 2000, period=Period.DAY)
        tree = [top, make_budget(team, 1500, parent_id=top), make_budget(team, 1500, parent_id=top)]
        holds, now, names = [], NOW, count()
        for operation, which, amount in steps:
            try:
                if operation == "hold":
                    holds.append(_hold(tree[which], amount, f"step:{next(names)}", now))
                elif operation == "allot":
                    services.allot(
                        budget_id=tree[which], limit=Decimal(amount + 1), actor="test", reason="step", now=now
                    )
                elif operation == "wait":
                    now += timedelta(hours=amount / 30)
                elif holds:
                    _resolve(operation, holds[amount % len(holds)], amount, now)
            except (BudgetExhausted, Conflict):
                pass  # a refusal is a right answer; what counts is that it changed nothing
            assert list_ledger_differences() == []
            for row in Budget.objects.all():
                assert row.spent >= 0
                assert row.reserved >= 0
                assert row.spent + row.reserved <= row.limit


def _hold(budget_id, tokens, reference, now):
    return services.place_hold(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
        reference=reference,
        lease_expires_at=now + timedelta(hours=1),
        actor="test",
        now=now,
    ).hold_id


def _resolve(operation, hold_id, amount, now):
    if operation == "settle":
        amounts = Amounts(tokens=amount, carbon_ug=0, micro_usd=0)
        services.settle_hold(hold_id=hold_id, amounts=amounts, actor="test", now=now)
    elif operation == "release":
        services.release_hold(hold_id=hold_id, actor="test", now=now)
    else:
        services.expire_hold(hold_id=hold_id, now=now)
