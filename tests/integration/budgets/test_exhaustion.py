from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from budgets import services
from budgets.domain.exhaustion import Outlook
from budgets.domain.periods import Period, bucket_of
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, BudgetAlert, SpendBucket
from budgets.selectors import get_advice, get_exhaustion, list_exhaustion
from budgets.services import escrow
from config.kernel.errors import NotFound
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LATER = NOW + 48 * HOUR


@pytest.fixture
def team(db) -> Team:
    services.load_reference(now=NOW)
    return make_team()


def spend_each_hour(
    budget_id: UUID, steps: int, *, hours: int = 48, until=LATER, window_hours: int | None = None
) -> None:
    """The buckets and the spent column of so many hours of even spending, up to `until`."""
    for back in range(hours):
        starts_at = bucket_of(until - (back + 1) * HOUR, window_hours=window_hours)
        SpendBucket.objects.create(budget_id=budget_id, starts_at=starts_at, spent=steps)
    Budget.objects.filter(pk=budget_id).update(spent=steps * hours)


def use(budget_id: UUID, **columns: int) -> None:
    Budget.objects.filter(pk=budget_id).update(**columns)


def test_an_even_burn_runs_out_when_division_says(team):
    budget_id = make_budget(team, 10_000)
    spend_each_hour(budget_id, 100)
    told = get_exhaustion(budget_id, now=LATER)
    assert told.outlook is Outlook.RUNS_OUT
    assert (told.remaining, told.hours_used) == (5_200, 48)
    assert float(told.burn_per_hour) == pytest.approx(100, rel=0.02)
    assert (told.central_at - LATER) / HOUR == pytest.approx(52, rel=0.02)
    assert told.earliest_at <= told.central_at <= told.latest_at
    assert told.resets_at is None
    assert "80 % band" in told.basis


def test_what_is_reserved_counts_as_used(team):
    budget_id = make_budget(team, 10_000)
    spend_each_hour(budget_id, 100)
    use(budget_id, reserved=2_600)
    assert (get_exhaustion(budget_id, now=LATER).central_at - LATER) / HOUR == pytest.approx(26, rel=0.02)


def test_too_little_is_unknown_and_says_so(team):
    budget_id = make_budget(team, 10_000)
    spend_each_hour(budget_id, 100, hours=2)
    told = get_exhaustion(budget_id, now=LATER)
    assert (told.outlook, told.central_at, told.burn_per_hour) == (Outlook.UNKNOWN, None, None)
    assert told.basis == "48 hours known, 2 of them with spending; it takes 6 and 3"
    assert told.words == "Unknown: too little was spent to say."


def test_a_budget_that_resets_before_it_runs_out_says_when(team):
    budget_id = make_budget(team, 50_000, period=Period.DAY)
    spend_each_hour(budget_id, 100)
    use(
        budget_id,
        period_starts_at=NOW + timedelta(hours=37, minutes=40),
        period_ends_at=NOW + timedelta(hours=61, minutes=40),
    )
    told = get_exhaustion(budget_id, now=LATER)
    assert (told.outlook, told.central_at) == (Outlook.RESETS_FIRST, None)
    assert told.resets_at == told.until == NOW + timedelta(hours=61, minutes=40)
    assert "before it runs out" in told.words


def test_a_period_that_is_over_counts_as_begun_anew(team):
    budget_id = make_budget(team, 5_000, period=Period.DAY)
    spend_each_hour(budget_id, 100)
    told = get_exhaustion(budget_id, now=LATER)
    assert told.remaining == 5_000
    assert told.resets_at == LATER.replace(hour=0, minute=0) + timedelta(days=1)
    assert get_advice(budget_id=budget_id, estimate_tokens=100, now=LATER).lines[0].used == 0


def test_what_leaves_a_rolling_window_is_room_again(team):
    even = make_budget(team, 5_000, period=Period.ROLLING, window_hours=24)
    for back in range(60):
        starts_at = bucket_of(LATER - (back + 1) * timedelta(minutes=24), window_hours=24)
        SpendBucket.objects.create(budget_id=even, starts_at=starts_at, spent=40)
    use(even, spent=2_400)
    assert get_exhaustion(even, now=LATER).outlook is Outlook.LASTS
    use(even, limit=2_450)
    assert get_exhaustion(even, now=LATER).outlook in (Outlook.RUNS_OUT, Outlook.MAY_RUN_OUT)


def test_an_empty_budget_is_exhausted(team):
    budget_id = make_budget(team, 100)
    use(budget_id, spent=60, reserved=40)
    assert get_exhaustion(budget_id, now=NOW).outlook is Outlook.EXHAUSTED


def test_what_a_block_holds_and_nobody_was_promised_is_room(team):
    root = make_budget(team, 1000, name="root")
    leaf = make_budget(team, 1000, name="leaf", parent_id=root)
    before = get_exhaustion(root, now=NOW).remaining
    escrow.tend(budget_id=leaf, amounts=Amounts(tokens=10, carbon_ug=0, micro_usd=0), asks_per_second=100.0, now=NOW)
    assert Budget.objects.get(pk=root).reserved > 0
    assert get_exhaustion(root, now=NOW).remaining == before == 1000


def test_many_budgets_take_three_queries_and_ended_ones_are_left_out(team, django_assert_num_queries):
    ids = [make_budget(team, 1000, name=f"b{number}") for number in range(3)]
    services.deallocate(budget_id=ids[2], actor="test", reason="over", now=NOW)
    with django_assert_num_queries(3):
        assert {each.budget_id for each in list_exhaustion(ids, now=NOW)} == set(ids[:2])
    with pytest.raises(NotFound):
        get_exhaustion(uuid4(), now=NOW)


def test_a_budget_that_will_run_out_before_its_period_ends_is_told_of_once(team):
    budget_id = make_budget(team, 5_000, period=Period.MONTH)
    spend_each_hour(budget_id, 100)
    assert services.note_forecasts(now=LATER) == 1
    assert services.note_forecasts(now=LATER + HOUR) == 0
    alert = BudgetAlert.objects.get(kind=BudgetAlert.Kind.FORECAST)
    assert (alert.budget_id, alert.level) == (budget_id, 100)
    assert alert.facts["runs_out_at"].startswith("2026-03-06T12:")


def test_a_one_off_budget_is_told_of_a_day_ahead(team):
    far, near = make_budget(team, 10_000), make_budget(team, 6_000, name="near")
    spend_each_hour(far, 100)
    spend_each_hour(near, 100)
    assert services.note_forecasts(now=LATER) == 1
    assert BudgetAlert.objects.get(kind=BudgetAlert.Kind.FORECAST).budget_id == near


def test_budgets_that_last_or_are_unknown_are_not_told_of(team):
    lasting, quiet = make_budget(team, 10**9, period=Period.MONTH), make_budget(team, 300, name="quiet")
    spend_each_hour(lasting, 100)
    spend_each_hour(quiet, 100, hours=2)
    assert services.note_forecasts(now=LATER) == 0
    assert not BudgetAlert.objects.exists()


def test_advice_looks_at_every_budget_of_the_path(team):
    carbon = make_budget(team, 100, name="carbon", unit=Unit.CARBON_G)
    pool = make_budget(team, 10_000, name="pool", parent_id=carbon)
    leaf = make_budget(team, 100_000, name="leaf", parent_id=pool)
    use(pool, spent=5_000, reserved=1_000)
    told = get_advice(budget_id=leaf, estimate_tokens=1_000, now=NOW)
    assert [line.name for line in told.lines] == ["leaf", "pool", "carbon"]
    assert told.should_warn
    assert told.lines[1].crosses == (75,)
    assert (told.margin_tokens, told.is_complete) == (500, False)
    assert not get_advice(budget_id=leaf, estimate_tokens=999, now=NOW).should_warn
    with pytest.raises(NotFound):
        get_advice(budget_id=uuid4(), estimate_tokens=1, now=NOW)
