"""The stored function and the portable engine give equal answers and leave equal rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import services
from budgets.domain.admission import Admitted
from budgets.domain.asks import HoldAsk
from budgets.domain.gears import Gear
from budgets.domain.periods import Period
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, BudgetAlert, EscrowLease, Hold, HoldLine, LedgerEntry
from budgets.selectors import list_ledger_differences
from budgets.services import escrow
from budgets.services.holds.direct import _lock, admit_all_directly, admit_directly
from budgets.services.holds.together import admit_together
from tests.integration.world import NOW, make_budget, make_team, undone

NOBODYS = UUID(int=1)
LATER = NOW + timedelta(hours=2)
ASKS = st.lists(
    st.tuples(
        st.integers(0, 4),  # which budget; the last one does not exist
        st.integers(0, 400),
        st.integers(0, 40),
        st.integers(0, 30),
        st.integers(0, 30),
        st.integers(0, 9),  # reference: some are asked for twice
    ),
    max_size=14,
)


@pytest.fixture
def leaves() -> list[UUID]:
    """Places in a tree of four units, a budget that has ended, and an id that nobody has."""
    services.load_reference(now=NOW)
    team = make_team()
    money = make_budget(team, 900, unit=Unit.MICRO_USD, period=Period.DAY)
    energy = make_budget(team, "0.0008", unit=Unit.ENERGY_WH, parent_id=money)
    carbon = make_budget(team, "0.0012", unit=Unit.CARBON_G, parent_id=energy)
    leaf = make_budget(team, 1000, parent_id=carbon, warning_amounts=[Decimal(300), Decimal(600)])
    sibling = make_budget(team, 800, parent_id=carbon, period=Period.HOUR)
    ended = make_budget(team, 500)
    services.deallocate(budget_id=ended, actor="test", reason="over", now=NOW)
    return [leaf, sibling, carbon, ended, NOBODYS]


@pytest.mark.postgres
@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asks=ASKS, is_later=st.booleans(), has_block=st.booleans())
def test_the_function_answers_as_the_engine_does(leaves, asks, is_later, has_block):
    now = LATER if is_later else NOW
    wanted = [_ask(leaves[which], *amounts) for which, *amounts in asks]
    seen: list[Any] = []
    with undone():
        if has_block:
            amounts = Amounts(tokens=100, carbon_ug=10, micro_usd=10, energy_uwh=10)
            escrow.tend(budget_id=leaves[0], amounts=amounts, asks_per_second=50.0, now=NOW)
        for engine in (
            lambda: [admit_directly(ask, now=now) for ask in wanted],
            lambda: [admit_together([ask], gear=Gear.DIRECT, now=now)[0] for ask in wanted],
            lambda: admit_together(wanted, gear=Gear.DIRECT, now=now),
            lambda: admit_all_directly(wanted, gear=Gear.DIRECT, now=now) if wanted else [],
        ):
            with undone():
                answers = engine()
                seen.append(([_said(answer) for answer in answers], _rows(answers)))
    assert all(each == seen[0] for each in seen[1:])


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("asked", "left_free"), [(1, True), (1200, False)])
def test_several_leaves_have_every_row_they_may_need_locked_in_order_before_the_first_ask(leaves, asked, left_free):
    leaf, sibling, carbon, *_ = leaves
    amounts = Amounts(tokens=10, carbon_ug=10, micro_usd=10, energy_uwh=10)
    escrow.tend(budget_id=leaf, amounts=amounts, asks_per_second=50.0, now=NOW)
    root = Budget.objects.get(parent=None, deallocated_at=None).pk
    with transaction.atomic():
        _lock([_ask(leaf, 1, asked, 0, 0, 1), _ask(leaf, 1, 0, 0, 0, 2)])
        with ThreadPoolExecutor(1) as other:
            free = other.submit(_not_locked).result()
    energy = Budget.objects.get(parent=root).pk
    assert free == ({sibling, carbon, energy, root} if left_free else {sibling})


def _not_locked() -> set[UUID]:
    """Live budgets that another transaction could change now."""
    try:
        with transaction.atomic():
            rows = Budget.objects.filter(deallocated_at=None).select_for_update(skip_locked=True)
            return {row.pk for row in rows}
    finally:
        connection.close()


def _ask(budget_id: Any, tokens: int, carbon_ug: int, micro_usd: int, energy_uwh: int, name: int) -> HoldAsk:
    return HoldAsk(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=carbon_ug, micro_usd=micro_usd, energy_uwh=energy_uwh),
        reference=f"ask:{name}",
        lease_expires_at=NOW + timedelta(hours=3),
        actor="test",
    )


def _said(answer: Any) -> Any:
    """An answer without the id that is made anew each time."""
    names = [name for name in answer.__dataclass_fields__ if name != "hold_id"]
    return {name: getattr(answer, name) for name in names}


def _rows(answers: list[Any]) -> Any:
    """Everything that admission writes, with holds named by the order in which they came."""
    order = {answer.hold_id: index for index, answer in enumerate(answers) if isinstance(answer, Admitted)}
    named = {None: None, **order}
    holds = [
        {**row, "id": order[row["id"]]} for row in Hold.objects.filter(pk__in=order).values() if row["id"] in order
    ]
    lines = HoldLine.objects.filter(hold__in=order).values_list("hold", "budget", "reserved", "settled")
    entries = LedgerEntry.objects.filter(hold__in=order).values()
    return {
        "holds": sorted(holds, key=lambda row: row["id"]),
        "lines": sorted((named[hold], str(budget), *rest) for hold, budget, *rest in lines),
        "entries": sorted(
            str(sorted({**row, "id": 0, "hold_id": named[row["hold_id"]]}.items(), key=str)) for row in entries
        ),
        "budgets": list(Budget.objects.order_by("pk").values()),
        "leases": list(EscrowLease.objects.order_by("pk").values()),
        "alerts": sorted(str(sorted({**row, "id": 0}.items(), key=str)) for row in BudgetAlert.objects.values()),
    }


@pytest.mark.postgres
@pytest.mark.django_db
def test_whoever_knows_three_units_only_is_charged_no_energy(leaves):
    asked = [UUID(int=9), leaves[0], 10, 10, 10, "ask:old", LATER, "test", NOW, "direct"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT answer FROM commonwatt_place_hold({', '.join(['%s'] * len(asked))})", asked)
        assert cursor.fetchone() == ("placed",)
    assert Budget.objects.get(unit=Unit.ENERGY_WH).reserved == 0
    assert list_ledger_differences() == []
