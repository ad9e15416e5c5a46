"""Standing rules at work: within their limits, one order at a time, and saying why."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets import selectors as budgets
from budgets.models import Budget, SpendBucket
from config.kernel.errors import InvalidInput, NotAllowed, NotFound
from market.models import Order, StandingRule
from market.selectors import get_rule
from market.services import RuleAsk, change_rule, create_rule, halt_trading, pause_rule, run_rules
from market.services.trading import rule_runs
from market.services.trading.closing import close_orders
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.world import NOW, make_budget

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
A_DAY_ON = NOW + timedelta(hours=25)
PRICE = Decimal("0.000003")


@pytest.fixture
def trader() -> Trader:
    return make_trader("Ruled")


def sell_rule(trader: Trader, **changes: Any) -> StandingRule:
    values: dict[str, Any] = {
        "budget_id": trader.tokens,
        "kind": "sell_unused",
        "limit_price_usd": PRICE,
        "most_per_day": Decimal(3_000),
        "by_hour_utc": 18,
    }
    return create_rule(ask=RuleAsk(**{**values, **changes}), principal=trader.team.principal, now=NOW)


def buy_rule(trader: Trader, **changes: Any) -> StandingRule:
    changes = {"by_hour_utc": None, "most_usd_per_day": Decimal(1), **changes}
    return sell_rule(trader, **{"kind": "buy_before_empty", "most_per_day": Decimal(1_000), **changes})


def spends(trader: Trader, *, an_hour: int, left: int) -> None:
    """A day of steady work, after which so much is left."""
    SpendBucket.objects.bulk_create(
        SpendBucket(budget_id=trader.tokens, starts_at=NOW.replace(minute=0) + timedelta(hours=hour), spent=an_hour)
        for hour in range(25)
    )
    budget = Budget.objects.get(pk=trader.tokens)
    Budget.objects.filter(pk=trader.tokens).update(spent=budget.limit - left)


def outcome(rule: StandingRule) -> str:
    return get_rule(rule.pk).last_outcome


def the_order() -> Order:
    return Order.objects.get(status=Order.Status.OPEN)


def test_what_will_not_be_used_is_offered_within_the_limit_of_the_day(trader):
    rule = sell_rule(trader)

    assert run_rules(now=A_DAY_ON) == 1

    order = the_order()
    assert (order.side, order.source, order.rule_id, order.lots, order.limit_ticks) == (
        "sell",
        "rule",
        rule.pk,
        30,
        300,
    )
    assert order.actor == f"rule {rule.pk}"
    assert outcome(rule).startswith("Offered 3,000 tokens at 0.000003 US$ or more for one: 100,000 tokens will be left")
    assert outcome(rule).endswith("; more is not allowed today.")


def test_a_rule_has_one_open_order_at_a_time(trader):
    rule = sell_rule(trader)
    run_rules(now=A_DAY_ON)

    assert run_rules(now=A_DAY_ON + timedelta(minutes=5)) == 0
    assert (Order.objects.count(), outcome(rule)) == (1, "Its order waits: a rule has one at a time.")


def test_what_was_traded_today_counts_and_what_was_taken_back_does_not(trader):
    rule = sell_rule(trader)
    run_rules(now=A_DAY_ON)
    Order.objects.update(filled_lots=20)
    close_orders([the_order()], status=Order.Status.CANCELLED, actor="test", reason="test", now=A_DAY_ON)

    run_rules(now=A_DAY_ON)

    assert the_order().lots == 10
    close_orders([the_order()], status=Order.Status.CANCELLED, actor="test", reason="test", now=A_DAY_ON)
    Order.objects.filter(lots=10).update(filled_lots=10)
    assert run_rules(now=A_DAY_ON) == 0
    assert "more is not allowed today" in outcome(rule)


def test_what_an_order_of_yesterday_trades_today_counts_for_today(trader):
    rule = sell_rule(trader)
    late = A_DAY_ON.replace(hour=23, minute=50)
    run_rules(now=late)
    Order.objects.update(filled_lots=25)
    after = late + timedelta(minutes=20)
    close_orders([the_order()], status=Order.Status.EXPIRED, actor="test", reason="test", now=after)

    run_rules(now=after)

    assert the_order().lots == 5
    close_orders([the_order()], status=Order.Status.EXPIRED, actor="test", reason="test", now=after)
    run_rules(now=after + timedelta(days=1))
    assert (the_order().lots, StandingRule.objects.get().pk) == (30, rule.pk)


def test_a_rule_that_the_program_fails_says_so_to_its_team_and_holds_up_no_other(trader, monkeypatch):
    first, second = sell_rule(trader), sell_rule(make_trader("Second"))
    run = rule_runs._run

    def fail_first(rule_id: int, **given: Any) -> bool:
        if rule_id == first.pk:
            raise RuntimeError("a bug")
        return run(rule_id, **given)

    monkeypatch.setattr(rule_runs, "_run", fail_first)
    run_rules(now=NOW)

    for rule in (first, second):
        rule.refresh_from_db()
    assert first.last_outcome.startswith("failed: an error of the program")
    assert (first.last_run_at, second.last_run_at) == (NOW, NOW)
    assert not second.last_outcome.startswith("failed")


def test_no_more_rules_run_than_may_be_made_however_they_are_paused_and_resumed(trader, monkeypatch):
    monkeypatch.setattr("market.services.trading.rules.MOST_RULES", 1)
    first = sell_rule(trader)
    with pytest.raises(InvalidInput) as refused:
        sell_rule(trader)
    assert (refused.value.field, StandingRule.objects.count()) == ("kind", 1)
    pause_rule(rule_id=first.pk, principal=trader.team.principal, now=NOW)
    sell_rule(trader)

    with pytest.raises(InvalidInput) as refused:
        change_rule(rule_id=first.pk, changes={"is_active": True}, principal=trader.team.principal, now=NOW)

    first.refresh_from_db()
    assert (refused.value.field, first.is_active) == ("is_active", False)


def test_a_rule_of_a_team_that_was_switched_off_or_of_a_budget_that_ended_trades_nothing(trader):
    off, ended = make_trader("Off"), make_trader("Ended")
    of_off, of_ended = sell_rule(off), sell_rule(ended)
    team_model = StandingRule._meta.get_field("team").related_model
    team_model.objects.filter(pk=off.team.team_id).update(is_active=False)
    Budget.objects.filter(pk=ended.tokens).update(deallocated_at=NOW)

    assert run_rules(now=A_DAY_ON) == 0

    assert (outcome(of_off), outcome(of_ended)) == ("The team is switched off.", "The budget has ended.")
    assert not Order.objects.exists()


def test_what_will_be_used_by_the_hour_is_kept(trader):
    spends(trader, an_hour=1_000, left=8_000)
    rule = sell_rule(trader)
    burn = budgets.get_exhaustion(trader.tokens, now=A_DAY_ON).burn_high_per_hour
    assert burn is not None
    unused = 8_000 - burn * 20 / 3  # from 11:20 to 18:00

    run_rules(now=A_DAY_ON)

    assert the_order().lots == unused // 100 > 5
    assert f"{unused:,.0f} tokens will be left at 2026-03-05 18:00 UTC" in outcome(rule)


def test_where_nothing_is_known_of_its_use_nothing_is_sold(trader):
    rule = sell_rule(trader)

    assert run_rules(now=NOW + timedelta(hours=2)) == 0
    assert outcome(rule) == "Nothing is known yet of what it uses."


def test_what_lacks_is_bid_for_within_the_limits(trader):
    spends(trader, an_hour=300, left=2_500)
    rule = buy_rule(trader)

    assert run_rules(now=A_DAY_ON) == 1

    order = the_order()
    assert (order.side, order.lots, order.limit_ticks, order.escrow_micro_usd) == ("buy", 10, 300, 3_000)
    assert outcome(rule).startswith("Bid for 1,000 tokens at 0.000003 US$ or less for one: it lacks")


def test_a_days_money_bounds_what_is_bid_for(trader):
    spends(trader, an_hour=300, left=2_500)
    buy_rule(trader, most_usd_per_day=Decimal("0.002"))

    run_rules(now=A_DAY_ON)

    assert the_order().lots == 6


def test_a_budget_that_lasts_buys_nothing(trader):
    spends(trader, an_hour=10, left=90_000)
    rule = buy_rule(trader)

    assert run_rules(now=A_DAY_ON) == 0
    assert outcome(rule).startswith("It lasts until 2026-04-01 00:00 UTC")


def test_a_limit_that_is_better_than_any_price_can_be_goes_to_the_edge_of_the_collar(trader):
    spends(trader, an_hour=300, left=2_500)
    buy_rule(trader, limit_price_usd=Decimal("0.00001"))
    other = make_trader("Seller")
    sell_rule(other, limit_price_usd=Decimal("0.0000001"))

    assert run_rules(now=A_DAY_ON) == 2
    assert sorted(Order.objects.values_list("side", "limit_ticks")) == [("buy", 450), ("sell", 150)]


def test_a_limit_outside_the_collar_the_other_way_places_nothing_and_says_so(trader):
    rule = sell_rule(trader, limit_price_usd=Decimal("0.00001"))

    assert run_rules(now=A_DAY_ON) == 0
    assert outcome(rule).startswith("Not placed: Prices of tokens-any-month-2026-03-01 stay between")


def test_a_halt_is_told_and_other_rules_go_on(trader):
    rule, other = sell_rule(trader), sell_rule(make_trader("Daily", period="day"))
    halt_trading(instrument_code=None, reason="drill", until=None, actor="test", now=A_DAY_ON)

    assert run_rules(now=A_DAY_ON) == 0
    assert outcome(rule).startswith("Not placed: ")
    assert get_rule(other.pk).last_run_at == A_DAY_ON


def test_a_paused_rule_does_not_run_until_it_is_let(trader):
    rule = sell_rule(trader)
    pause_rule(rule_id=rule.pk, principal=trader.team.principal, now=NOW)
    assert run_rules(now=A_DAY_ON) == 0
    assert get_rule(rule.pk).last_run_at is None

    changes = {"is_active": True, "most_per_day": Decimal(500)}
    change_rule(rule_id=rule.pk, changes=changes, principal=trader.team.principal, now=NOW)

    assert run_rules(now=A_DAY_ON) == 1
    assert the_order().lots == 5
    assert rule.history.count() == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"by_hour_utc": None}, "by_hour_utc"),
        ({"by_hour_utc": 24}, "by_hour_utc"),
        ({"most_usd_per_day": Decimal(1)}, "most_usd_per_day"),
        ({"limit_price_usd": Decimal(0)}, "limit_price_usd"),
        ({"most_per_day": Decimal(0)}, "most_per_day"),
        ({"kind": "gamble"}, "kind"),
        ({"kind": "buy_before_empty"}, "by_hour_utc"),
        ({"kind": "buy_before_empty", "by_hour_utc": None}, "most_usd_per_day"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_naming_the_field(trader, changes, field):
    with pytest.raises(InvalidInput) as refused:
        sell_rule(trader, **changes)

    assert (refused.value.field, StandingRule.objects.count()) == (field, 0)


def test_rules_are_for_quota_of_ones_own_budgets(trader):
    other = make_trader("Other")
    rolling = make_budget(trader.team, 1_000, name="rolling", period="rolling", window_hours=24)

    with pytest.raises(NotAllowed):
        sell_rule(trader, budget_id=other.tokens)
    for budget_id in (trader.money, rolling):
        with pytest.raises(InvalidInput) as refused:
            sell_rule(trader, budget_id=budget_id)
        assert refused.value.field == "budget"
    rule = sell_rule(trader)
    with pytest.raises(NotFound):
        pause_rule(rule_id=rule.pk, principal=other.team.principal, now=NOW)
