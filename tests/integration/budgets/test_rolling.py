"""Rolling windows: compared with a model that remembers every single spending."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import services
from budgets.domain.periods import Period, bucket_of, leaves_at
from budgets.domain.refusals import BudgetExhausted
from budgets.models import BudgetAlert, PeriodRecord
from budgets.selectors import get_budget, list_ledger_differences
from config.kernel.errors import Conflict
from tests.integration.budgets.work import hold, row, settle, spend
from tests.integration.world import NOW, make_budget, make_team, undone

pytestmark = pytest.mark.django_db
WINDOW = 24
SLICE = timedelta(minutes=WINDOW)


def make_rolling(limit: int = 1000, **changes):
    return make_budget(make_team(), limit, period=Period.ROLLING, window_hours=WINDOW, **changes)


def truly_spent(spendings: list[tuple[datetime, int]], now: datetime) -> int:
    return sum(tokens for at, tokens in spendings if now - timedelta(hours=WINDOW) < at <= now)


def counted(spendings: list[tuple[datetime, int]], now: datetime) -> list[tuple[datetime, int]]:
    """Slices that have not left yet, by the words of the design."""
    slices = [(bucket_of(at, window_hours=WINDOW), tokens) for at, tokens in spendings]
    return [(start, tokens) for start, tokens in slices if leaves_at(start, window_hours=WINDOW) > now]


STEPS = st.lists(
    st.tuples(st.integers(0, 60 * 20), st.integers(0, 700), st.sampled_from(["spend", "late", "wait", "reset"])),
    max_size=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_true_window_ever_exceeds_the_limit(steps):
    with undone():
        budget, now, open_holds = make_rolling(1000), NOW, []
        every: list[tuple[datetime, int]] = []
        since_reset: list[tuple[datetime, int]] = []
        for minutes, tokens, what in steps:
            now += timedelta(minutes=minutes)
            if what == "reset":
                services.reset_budget(budget_id=budget, actor="test", reason="test", now=now)
                since_reset, every = [], []
            elif what == "wait":
                services.begin_due_periods(now=now)
            elif what == "late" and open_holds:
                settle(open_holds.pop(), tokens % 100, now=now)
                since_reset.append((now, tokens % 100))
                every.append((now, tokens % 100))
            else:
                fits = sum(tokens for _, tokens in counted(since_reset, now)) + row(budget).reserved + tokens <= 1000
                try:
                    held = hold(budget, max(tokens, 100) if what == "late" else tokens, now=now)
                except BudgetExhausted:
                    assert not fits or what == "late"
                    continue
                if what == "late":
                    open_holds.append(held)
                    continue
                assert fits
                settle(held, tokens, now=now)
                since_reset.append((now, tokens))
                every.append((now, tokens))
            services.begin_due_periods(now=now)
            still = counted([each for each in since_reset if each[1]], now)
            state = row(budget)
            assert state.spent == sum(tokens for _, tokens in still)
            assert truly_spent(every, now) <= state.spent <= 1000
            oldest = min((start for start, _ in still), default=None)
            assert state.period_ends_at == (oldest and leaves_at(oldest, window_hours=WINDOW))
            assert list_ledger_differences() == []


def test_spending_counts_until_it_leaves_the_window():
    budget = make_rolling()
    assert row(budget).period_ends_at is None
    spend(budget, 600)
    spend(budget, 400, now=NOW + timedelta(hours=12))
    leaves = row(budget).period_ends_at
    assert NOW + timedelta(hours=24) < leaves <= NOW + timedelta(hours=24) + SLICE
    with pytest.raises(BudgetExhausted) as refused:
        hold(budget, 1, now=leaves - timedelta(seconds=1))
    assert refused.value.facts["resets_at"] == leaves.isoformat()
    hold(budget, 600, now=leaves)
    assert (row(budget).spent, row(budget).reserved) == (400, 600)
    assert list_ledger_differences() == []


def test_what_was_overdrawn_is_paid_from_the_room_and_counts_from_then_on():
    budget = make_rolling()
    spend(budget, 1300, held=800)
    assert (row(budget).spent, row(budget).overdraft) == (1000, 300)
    leaves = row(budget).period_ends_at
    assert services.begin_due_periods(now=leaves) == 1
    assert (row(budget).spent, row(budget).overdraft) == (300, 0)
    assert services.begin_due_periods(now=leaves + timedelta(hours=23)) == 0
    assert services.begin_due_periods(now=leaves + timedelta(hours=25)) == 1
    assert (row(budget).spent, row(budget).period_ends_at) == (0, None)
    assert list_ledger_differences() == []


def test_a_threshold_is_passed_at_most_once_in_a_window():
    services.load_reference(now=NOW)
    budget = make_rolling()
    spend(budget, 800)
    services.release_hold(hold_id=hold(budget, 10, now=NOW + timedelta(hours=23)), actor="test", now=NOW)
    assert BudgetAlert.objects.filter(level=75).count() == 1
    later = NOW + timedelta(hours=30)
    spend(budget, 800, now=later)
    assert BudgetAlert.objects.filter(level=75).count() == 2
    assert get_budget(budget).period_starts_at == NOW + timedelta(hours=24)
    assert get_budget(budget).crossed == (75,)


def test_a_turn_of_a_rolling_window_is_in_the_ledger_and_leaves_no_record_of_a_period():
    budget = make_rolling()
    spend(budget, 250)
    services.begin_due_periods(now=NOW + timedelta(days=3))
    (last,) = row(budget).ledger.filter(kind="period")
    assert (last.spent_delta, last.actor) == (-250, "calendar")
    assert not PeriodRecord.objects.exists()


def test_a_correction_of_what_was_spent_leaves_the_window_with_it():
    budget = make_rolling()
    spend(budget, 300)
    spend(budget, 200, now=NOW + timedelta(hours=5))
    services.propose_adjustment(
        budget_id=budget, kind="spent", amount=Decimal(-250), reason="counted twice", actor="test", now=NOW
    )
    assert row(budget).spent == 250
    services.begin_due_periods(now=NOW + timedelta(hours=27))
    assert row(budget).spent in (0, 200)
    services.begin_due_periods(now=NOW + timedelta(days=3))
    assert row(budget).spent == 0
    assert list_ledger_differences() == []


def test_a_window_changes_only_while_nothing_counts_in_it():
    budget = make_rolling()
    spend(budget, 300)
    with pytest.raises(Conflict) as refused:
        services.configure_budget(budget_id=budget, actor="test", now=NOW, window_hours=48)
    assert refused.value.code == "window_in_use"
    # It has left the window of a day, but would count again in one of two days.
    with pytest.raises(Conflict):
        services.configure_budget(budget_id=budget, actor="test", now=NOW + timedelta(hours=30), window_hours=48)
    assert row(budget).window_hours == WINDOW
    services.reset_budget(budget_id=budget, actor="test", reason="another window", now=NOW)
    services.configure_budget(budget_id=budget, actor="test", now=NOW, window_hours=48)
    assert row(budget).window_hours == 48
