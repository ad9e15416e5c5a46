"""Many at once on PostgreSQL: no account is overdrawn, no quota offered twice, no order closed twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from budgets import selectors as budgets
from config.kernel.errors import DomainError
from market.models import Account, Journal, Order
from market.selectors import list_market_differences
from market.services.trading.changing import cancel_order, expire_orders, improve_order
from market.services.trading.deposits import pay_out, top_up
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.world import NOW, load_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
THREADS = 8


def _at_once(*works: Callable[[], object]) -> list[str]:
    """Run all at the same moment; the code of each refusal, or `done`."""
    gate = Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        try:
            gate.wait()
            work()
        except DomainError as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(works)) as pool:
        return sorted(pool.map(run, works))


@pytest.fixture
def trader() -> Trader:
    load_world()
    return make_trader("Trader", micro_usd=10_000)


def test_many_bids_on_one_account_never_overdraw_it(trader: Trader) -> None:
    """Each keeps 3,000 micro-USD; the budget behind the account has 10,000."""
    answers = _at_once(*[lambda: buy(trader)] * THREADS)
    assert answers == ["budget_exhausted"] * (THREADS - 3) + ["done"] * 3
    assert trader.balance == (9_000, 9_000)
    assert budgets.get_budget(trader.money).limit == 1_000
    assert list_market_differences() == []


def test_many_offers_out_of_one_budget_never_offer_it_twice(trader: Trader) -> None:
    """Half of 100,000 tokens may be sold."""
    answers = _at_once(*[lambda: sell(trader, 20_000)] * THREADS)
    assert answers == ["done"] * 2 + ["not_tradeable"] * (THREADS - 2)
    assert budgets.get_budget(trader.tokens).reserved == 40_000
    assert list_market_differences() == []


def test_the_holding_limit_holds_for_bids_at_once(trader: Trader) -> None:
    """A quarter of 100,000 tokens: one bid of 15,000, not two."""
    rich = make_trader("Rich", tokens=1)
    answers = _at_once(*[lambda: buy(rich, 15_000)] * 4)
    assert answers == ["done"] + ["holding_limit"] * 3


def test_an_order_is_closed_once_whoever_closes_it(trader: Trader) -> None:
    order = buy(trader)
    after = order.good_until
    principal = trader.team.principal
    answers = _at_once(
        *[lambda: cancel_order(order_id=order.id, principal=principal, now=NOW)] * 4,
        *[lambda: expire_orders(now=after)] * 2,
        *[lambda: improve_order(order_id=order.id, add_quantity=Decimal(100), principal=principal, now=NOW)] * 2,
    )
    assert "done" in answers
    order.refresh_from_db()
    assert order.status in {"cancelled", "expired"}
    assert trader.balance[1] == 0
    assert order.events.filter(kind__in=["cancelled", "expired"]).count() == 1
    assert list_market_differences() == []


def test_bids_cancels_offers_and_money_at_once_leave_the_books_whole(trader: Trader) -> None:
    others = [make_trader(f"Trader {each}", micro_usd=20_000) for each in range(4)]

    def busy(each: Trader) -> None:
        principal, team_id = each.team.principal, each.team.team_id
        for _ in range(4):
            bid, offer = buy(each), sell(each)
            top_up(team_id=team_id, micro_usd=500, budget_id=None, actor="test", now=NOW)
            cancel_order(order_id=bid.id, principal=principal, now=NOW)
            pay_out(team_id=team_id, micro_usd=500, budget_id=None, actor="test", now=NOW)
            cancel_order(order_id=offer.id, principal=principal, now=NOW)

    assert _at_once(*[lambda each=each: busy(each) for each in others for _ in range(2)]) == ["done"] * 8  # type: ignore[misc]
    assert not Order.objects.filter(status="open").exists()
    assert Journal.objects.count() > 0
    assert all(each.reserved_micro_usd == 0 for each in Account.objects.all())
    assert list_market_differences() == []
    assert budgets.list_ledger_differences() == []
