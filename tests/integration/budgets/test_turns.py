"""What happens when a calendar period ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import services
from budgets.domain.admission import Reason, Refused
from budgets.domain.gears import GearChoice
from budgets.domain.periods import Period
from budgets.domain.units import LARGEST_AMOUNT, Amounts
from budgets.models import Budget, EconomicEvent, Hold, PeriodRecord
from budgets.selectors import list_ledger_differences
from budgets.selectors.economy import get_economy
from budgets.selectors.efficiencies import list_efficiencies
from budgets.services import periods
from budgets.services.buckets import note_refusals
from budgets.services.escrow import tend
from budgets.services.holds.remedies import mend
from tests.integration.budgets.twin_trees import Tree, amounts_of
from tests.integration.budgets.work import hold, row, settle, spend
from tests.integration.world import NOW, make_budget, make_team, undone

pytestmark = pytest.mark.django_db
TOMORROW = NOW + timedelta(days=1)


def record(budget_id) -> PeriodRecord:
    (only,) = PeriodRecord.objects.filter(budget=budget_id)
    return only


def test_a_turn_keeps_how_the_period_ended():
    budget = make_budget(make_team(), 1000, period=Period.DAY)
    spend(budget, 1300, held=600)
    note_refusals(row(budget), count=3, now=NOW)
    note_refusals(row(budget), count=2, now=NOW + timedelta(hours=2))
    services.begin_due_periods(now=TOMORROW)
    kept = record(budget)
    assert (kept.starts_at, kept.ended_at) == (NOW.replace(hour=0, minute=0), TOMORROW.replace(hour=0, minute=0))
    assert (kept.base_limit, kept.limit, kept.spent, kept.reserved, kept.overdraft) == (1000, 1000, 1000, 0, 300)
    assert (kept.refusals, kept.hours_refused, kept.efficiency) == (5, 2, None)


def test_a_budget_that_slept_turns_once_and_says_so():
    budget = make_budget(make_team(), 1000, period=Period.DAY, rollover_percent=50)
    spend(budget, 600)
    later = NOW + timedelta(days=5)
    assert services.begin_due_periods(now=later) == 1
    assert record(budget).ended_at == later.replace(hour=0, minute=0)
    assert row(budget).carried == 200
    assert "4 in between" in row(budget).ledger.get(kind="period").reason


def test_what_is_left_goes_on_up_to_the_cap_and_again_from_there():
    budget = make_budget(make_team(), 1000, period=Period.DAY, rollover_percent=50, rollover_cap_percent=60)
    limits = []
    for day in range(1, 4):
        services.begin_due_periods(now=NOW + timedelta(days=day))
        limits.append(row(budget).limit)
    assert limits == [1500, 1600, 1600]
    assert row(budget).base_limit == 1000
    assert list_ledger_differences() == []


def test_holds_over_the_turn_are_settled_from_the_next_period():
    budget = make_budget(make_team(), 1000, period=Period.DAY, rollover_percent=100)
    open_hold = hold(budget, 1000)
    services.begin_due_periods(now=TOMORROW)
    assert (row(budget).limit, row(budget).carried, row(budget).reserved) == (2000, 1000, 1000)
    settle(open_hold, 1000, now=TOMORROW)
    assert (row(budget).spent, row(budget).limit) == (1000, 2000)
    assert list_ledger_differences() == []


@pytest.mark.parametrize("first", ["the calendar", "its owner", "the sweeper"])
def test_what_is_given_back_after_the_end_was_held_over_the_turn_whoever_looks_first(first):
    budget = make_budget(make_team(), 1000, period=Period.DAY, rollover_percent=100)
    services.begin_due_periods(now=TOMORROW)
    held = hold(budget, 1500, now=TOMORROW)
    services.allot(budget_id=budget, limit=Decimal(500), actor="test", reason="cut", now=TOMORROW)
    services.configure_budget(budget_id=budget, actor="test", now=TOMORROW, rollover_percent=0)
    later = TOMORROW + timedelta(days=1)
    if first == "the calendar":
        services.begin_due_periods(now=later)
    if first == "the sweeper":
        services.expire_hold(hold_id=held, now=later)
    else:
        services.release_hold(hold_id=held, actor="test", now=later)
    services.begin_due_periods(now=later)
    assert (row(budget).limit, row(budget).carried, row(budget).reserved) == (1500, 1000, 0)
    assert PeriodRecord.objects.order_by("-starts_at")[0].reserved == 1500
    assert list_ledger_differences() == []


def test_nor_does_it_depend_on_blocks_in_escrow():
    services.load_reference(now=NOW)
    team, later = make_team(), NOW + timedelta(hours=1)
    trees = Tree(team), Tree(team, gear=GearChoice.DIRECT)
    services.begin_due_periods(now=later)
    tend(budget_id=trees[0].ids["desk"], amounts=amounts_of(10), asks_per_second=20.0, now=later)
    for tree in trees:
        tree.holds = [hold(tree.ids["desk"], tokens, now=later) for tokens in (46, 94)]
        services.allot(budget_id=tree.ids["team"], limit=Decimal(26), actor="test", reason="cut", now=later)
    assert set(Hold.objects.filter(escrow__isnull=False).values_list("pk", flat=True)) == set(trees[0].holds)
    after = later + timedelta(minutes=61)
    assert services.sweep_holds(now=after) == 4
    leased, plain = (tree.books(after) for tree in trees)
    assert leased == plain
    assert (plain["team"]["limit"], plain["team"]["carried"], plain["team"]["reserved"]) == (140, 114, 0)


def value(budget_id, reference: str, *, used: int, quality: float, held: int | None = None, at=NOW) -> None:
    services.record_value(
        budget_id=budget_id,
        reference=reference,
        held_tokens=held or used,
        used_tokens=used,
        quality=quality,
        collaboration=None,
        at=at,
    )


def test_an_efficient_period_earns_a_bonus_half_of_which_may_be_sold():
    services.load_reference(now=NOW)
    team = make_team()
    parent = make_budget(team, 2000, period=Period.DAY)
    budget = make_budget(team, 1000, period=Period.DAY, parent_id=parent)
    idle = make_budget(team, 1000, period=Period.DAY)
    value(budget, "request:1", used=500, quality=0.9)
    services.begin_due_periods(now=TOMORROW)
    state = row(budget)
    assert record(budget).efficiency == pytest.approx(0.9)
    assert (state.limit, state.bonus, state.tradeable, state.base_limit) == (1100, 100, 50, 1000)
    assert row(parent).bonus == 200  # what is done below a budget is done with its quota
    assert (row(idle).bonus, record(idle).efficiency) == (0, None)
    (earned,) = state.ledger.filter(kind="bonus")
    assert (earned.limit_delta, earned.tradeable_delta) == (100, 50)
    services.begin_due_periods(now=TOMORROW + timedelta(days=1))
    assert (row(budget).limit, row(budget).bonus, row(budget).tradeable) == (1000, 0, 0)
    assert list_ledger_differences() == []


def test_the_efficiencies_of_many_are_those_of_each():
    team = make_team()
    top = make_budget(team)
    middle = make_budget(team, parent_id=top)
    leaf, quiet = make_budget(team, parent_id=middle), make_budget(team)
    value(top, "request:1", used=100, quality=0.5)
    value(leaf, "request:2", used=300, held=400, quality=0.9)
    value(leaf, "request:3", used=300, quality=0.1, at=TOMORROW)
    budget_ids = [top, middle, leaf, quiet]
    many = list_efficiencies(budget_ids, since=NOW, until=TOMORROW)
    each = {budget_id: get_economy(budget_id, since=NOW, until=TOMORROW).efficiency for budget_id in budget_ids}
    assert many == {budget_id: found for budget_id, found in each.items() if found is not None}
    assert many == {top: pytest.approx(320 / 500), middle: 270 / 400, leaf: 270 / 400}


def test_an_efficiency_at_the_threshold_earns_nothing():
    services.load_reference(now=NOW)
    budget = make_budget(make_team(), 1000, period=Period.DAY)
    value(budget, "request:1", used=500, quality=0.8)
    services.begin_due_periods(now=TOMORROW)
    assert (row(budget).limit, row(budget).bonus) == (1000, 0)
    assert EconomicEvent.objects.exists()


POLICIES = st.fixed_dictionaries(
    {
        "rollover_percent": st.integers(0, 100),
        "rollover_cap_percent": st.integers(0, 300),
    }
)
WORK = st.lists(st.tuples(st.sampled_from(["hold", "spend", "over", "turn", "settle"]), st.integers(1, 900)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policy=POLICIES, work=WORK)
def test_no_policy_breaks_a_constraint_or_exceeds_its_cap_while_holds_are_open(policy, work):
    with undone():
        budget, now, holds = make_budget(make_team(), 1000, period=Period.DAY, **policy), NOW, []
        for what, tokens in work:
            if what == "turn":
                now += timedelta(days=1)
                services.begin_due_periods(now=now)
                cap = 1000 * policy["rollover_cap_percent"] // 100
                assert row(budget).carried <= cap or row(budget).limit == row(budget).reserved
            elif what == "settle" and holds:
                settle(holds.pop(), tokens, now=now)
            else:
                room = row(budget).limit - row(budget).spent - row(budget).reserved
                held = min(room, tokens)
                holds.append(hold(budget, held, now=now))
                if what != "hold":
                    settle(holds.pop(), held + (tokens if what == "over" else 0), now=now)
            state = row(budget)
            assert state.spent + state.reserved <= state.limit == 1000 + state.carried
            assert list_ledger_differences() == []


def test_many_budgets_turn_with_few_statements():
    team = make_team()
    for number in range(60):
        spend(make_budget(team, 1000, name=f"{number}", period=Period.DAY), number)
    with CaptureQueriesContext(connection) as few:
        assert services.begin_due_periods(now=TOMORROW) == 60
    assert len(few) < 30
    assert not Budget.objects.exclude(spent=0).exists()
    assert PeriodRecord.objects.count() == 60
    assert list_ledger_differences() == []


def test_a_parent_forgets_at_its_own_turn_what_was_drawn_on_its_pool():
    team = make_team()
    parent = make_budget(team, 1000, period=Period.DAY, pool=Decimal(300))
    child = make_budget(team, 100, period=Period.HOUR, parent_id=parent, overflow_percent=100)
    assert services.draw_overflow(budget_id=child, short_steps=80, now=NOW)
    assert services.begin_due_periods(now=NOW + timedelta(hours=1)) == 1
    assert (row(child).limit, row(child).pooled, row(parent).pool_drawn) == (100, 0, 80)
    services.begin_due_periods(now=TOMORROW)
    assert row(parent).pool_drawn == 0
    assert list_ledger_differences() == []


def busy_family():
    """A parent and two children whose day ends; one of them works out of a block, the other has an open hold."""
    team = make_team()
    parent = make_budget(team, 10_000, period=Period.DAY)
    leased = make_budget(team, 5000, name="leased", period=Period.DAY, parent_id=parent, gear=GearChoice.LEASED)
    other = make_budget(team, 1000, name="other", period=Period.DAY, parent_id=parent, gear=GearChoice.DIRECT)
    tend(budget_id=leased, amounts=Amounts(tokens=100, carbon_ug=0, micro_usd=0), asks_per_second=20.0, now=NOW)
    settle(hold(leased, 100), 80)
    return parent, other, hold(other, 100)


@pytest.mark.parametrize("ends", ["by an ask", "by a settlement", "by a release"])
def test_a_path_turns_with_all_blocks_in_its_way_locked_before_its_first_row(ends):
    parent, other, open_hold = busy_family()
    with CaptureQueriesContext(connection) as captured:
        if ends == "by an ask":
            mend(Refused(reason=Reason.OVER, path=(other, parent), choice=GearChoice.AUTO), {}, now=TOMORROW)
        elif ends == "by a settlement":
            settle(open_hold, 100, now=TOMORROW)
        else:
            services.release_hold(hold_id=open_hold, actor="test", now=TOMORROW)
    statements = [query["sql"] for query in captured]
    first_row = next(at for at, sql in enumerate(statements) if sql.startswith('UPDATE "budgets_budget"'))
    blocks = [at for at, sql in enumerate(statements) if 'FROM "budgets_escrowlease"' in sql]
    assert blocks
    assert max(blocks) < first_row
    assert record(parent).spent == 80
    assert (row(parent).period_starts_at, row(other).period_starts_at) == (TOMORROW.replace(hour=0, minute=0),) * 2
    assert list_ledger_differences() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_turn_locks_the_whole_path_so_that_nobody_waits_for_a_leaf_while_its_root_is_locked():
    team = make_team()
    root = make_budget(team, 1000, period=Period.DAY)
    leaf = make_budget(team, 1000, parent_id=root)
    with transaction.atomic():
        mend(Refused(reason=Reason.OVER, path=(leaf, root), choice=GearChoice.AUTO), {}, now=TOMORROW)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(_not_locked).result() == []


def _not_locked() -> list[Budget]:
    try:
        with transaction.atomic():
            return list(Budget.objects.select_for_update(skip_locked=True))
    finally:
        connection.close()


def test_the_largest_budget_that_carries_over_stands_in_nobodys_way():
    team = make_team()
    largest = make_budget(team, LARGEST_AMOUNT, period=Period.DAY, rollover_percent=100)
    usual = make_budget(team, 1000, name="usual", period=Period.DAY)
    assert services.begin_due_periods(now=TOMORROW) == 2
    assert (row(largest).limit, row(usual).limit) == (LARGEST_AMOUNT, 1000)
    assert row(usual).period_starts_at == TOMORROW.replace(hour=0, minute=0)


def test_a_pool_lifts_no_limit_above_the_largest_amount():
    team = make_team()
    parent = make_budget(team, LARGEST_AMOUNT, pool=Decimal(LARGEST_AMOUNT))
    child = make_budget(team, LARGEST_AMOUNT, name="child", parent_id=parent, overflow_percent=1000)
    assert not services.draw_overflow(budget_id=child, short_steps=LARGEST_AMOUNT, now=NOW)
    assert (row(child).limit, row(parent).pool_drawn) == (LARGEST_AMOUNT, 0)


def test_a_late_report_begins_no_period_of_a_budget_that_has_ended():
    budget = make_budget(make_team(), 1000, period=Period.DAY)
    held = hold(budget, 100)
    services.dispatch_hold(hold_id=held, lease_expires_at=NOW + timedelta(minutes=1), actor="test", now=NOW)
    services.settle_unverified(hold_id=held, now=NOW + timedelta(minutes=2))
    services.deallocate(budget_id=budget, actor="test", reason="over", now=NOW + timedelta(minutes=3))
    settle(held, 60, now=TOMORROW)
    assert (row(budget).period_starts_at, row(budget).limit) == (NOW.replace(hour=0, minute=0), 100)
    assert not PeriodRecord.objects.exists()
    assert list_ledger_differences() == []


@pytest.mark.django_db(transaction=True)
def test_the_clock_tries_again_what_the_database_undid(monkeypatch):
    budget = make_budget(make_team(), 1000, period=Period.DAY)
    failures = [OperationalError("database is locked")]
    turn = periods._turn

    def undone_once(rows, *, now):
        turn(rows, now=now)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(periods, "_turn", undone_once)
    assert services.begin_due_periods(now=TOMORROW) == 1
    assert record(budget).ended_at == TOMORROW.replace(hour=0, minute=0)
