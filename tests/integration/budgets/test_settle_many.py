"""Holds that end together end as one by one: with blocks in escrow, overdraft, windows and turns of periods."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import models, services
from budgets.domain.ending import HoldReturn, HoldUse
from budgets.models import EscrowLease, Hold
from budgets.services import escrow
from tests.integration.budgets.twin_trees import LEAVES, Tree, amounts_of, assert_sound
from tests.integration.world import NOW, load_world, make_budget, make_team, undone

pytestmark = pytest.mark.django_db
TABLES = [
    models.Budget,
    models.Hold,
    models.HoldLine,
    models.LedgerEntry,
    models.SpendBucket,
    models.BudgetAlert,
    models.PeriodRecord,
    models.EscrowLease,
]
LATER = st.sampled_from([timedelta(seconds=5), timedelta(minutes=50), timedelta(hours=2), timedelta(hours=14)])
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def stored():
    """Every column but the keys that the database gives out, in no order."""
    return {
        table.__name__: Counter(
            repr(sorted((name, value) for name, value in row.items() if name != "id"))
            for row in table.objects.order_by().values()
        )
        for table in TABLES
    }


def place(budget_id, number):
    return services.place_hold(
        budget_id=budget_id,
        amounts=amounts_of(100),
        reference=f"test:{number}",
        lease_expires_at=NOW + timedelta(hours=24),
        actor="test",
        now=NOW,
    ).hold_id


@pytest.fixture
def holds(db):
    """Open holds on every leaf; those of one roomy leaf are covered by a block."""
    load_world()
    team = make_team()
    tree = Tree(team)
    root = make_budget(team, 10**6, name="roomy root")
    roomy = make_budget(team, 10**6, name="roomy", parent_id=root)
    escrow.tend(budget_id=roomy, amounts=amounts_of(100), asks_per_second=10.0, now=NOW)
    assert EscrowLease.objects.filter(budget=roomy).exists()
    leaves = [*(tree.ids[name] for name in LEAVES), tree.ids["desk"], tree.ids["other"], roomy, roomy]
    return [place(leaf, number) for number, leaf in enumerate(leaves)]


def test_a_block_covers_some_of_them(holds):
    assert Hold.objects.filter(pk__in=holds).exclude(escrow=None).count() == 2


@EXAMPLES
@given(
    used=st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from([0, 60, 100, 130, 900, 2000])), unique_by=lambda it: it[0]
    ),
    later=LATER,
)
def test_settled_together_is_settled_one_by_one(holds, used, later):
    now = NOW + later
    with undone():
        warnings = [
            services.settle_hold(hold_id=holds[index], amounts=amounts_of(tokens), actor="test", now=now)
            for index, tokens in used
        ]
        expected = warnings, stored()
    with undone():
        locked = services.lock_holds([holds[index] for index, _ in used])
        uses = [HoldUse(hold=locked[holds[index]], amounts=amounts_of(tokens), actor="test") for index, tokens in used]
        settled = services.end_holds(uses, now=now)
        assert ([each.warning_percent for each in settled], stored()) == expected
        assert_sound()


@EXAMPLES
@given(chosen=st.lists(st.integers(0, 7), unique=True), later=LATER)
def test_released_together_is_released_one_by_one(holds, chosen, later):
    now = NOW + later
    with undone():
        # Those under a block come after the others.
        for index in sorted(chosen, key=lambda each: each > 5):
            services.release_hold(hold_id=holds[index], actor="test", reason="over", now=now)
        expected = stored()
    with undone():
        locked = services.lock_holds([holds[index] for index in chosen])
        services.end_holds(
            [], [HoldReturn(hold=each, actor="test", reason="over") for each in locked.values()], now=now
        )
        assert stored() == expected
        assert_sound()


def test_what_is_no_work_of_its_own_is_not_locked_for_an_end(holds):
    block = EscrowLease.objects.get().hold_id
    assert services.lock_holds([block, holds[0]]).keys() == {holds[0]}
