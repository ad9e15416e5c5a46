"""Trades at once on PostgreSQL: everybody locks in one order, so nobody's work is undone for somebody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import transaction

from budgets.domain.periods import Period
from budgets.domain.units import Amounts
from budgets.services import place_hold
from market.models import Trade
from market.services.trading.deposits import deposit
from tests.integration.market.trading.calling import HIGH, LOW, assert_sound, change_market
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.processes import in_processes
from tests.integration.world import NOW, load_world, make_budget

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
TIMES = 5


@pytest.fixture
def traders(transactional_db) -> tuple[Trader, Trader, Trader]:
    """Who gives, who takes quota for any class, and the same team with a budget for one class: an open book of each."""
    load_world()
    change_market(mechanism="continuous", holding_limit_percent=100)
    giver, taker = make_trader("Giver", tokens=1_000_000), make_trader("Taker", tokens=1_000_000)
    of_class = make_budget(taker.team, 1_000_000, name="small", period=Period.MONTH, model_class="L")
    for trader in (giver, taker):
        deposit(team_id=trader.team.team_id, micro_usd=10_000_000, actor="test", reason="test", now=NOW)
    buy(taker, 50_000, HIGH, budget_id=taker.tokens)
    sell(giver, 50_000, LOW, model_class="L")
    return giver, taker, replace(taker, tokens=of_class)


def test_eight_processes_that_trade_at_once_across_two_books_never_wait_for_each_other_in_a_ring(traders):
    giver, taker, for_class = traders
    sells = [partial(_often, partial(sell, giver, 1_000, None))] * 3
    buys = [partial(_often, partial(buy, for_class, 1_000, None, budget_id=for_class.tokens, model_class="L"))] * 3
    holds = [partial(_often, partial(_hold, each)) for each in (giver, taker)]
    in_processes([*sells, *buys, *holds])
    assert Trade.objects.filter(side="sell").count() == 6 * TIMES
    assert_sound()


def _often(work) -> None:
    for _ in range(TIMES):
        with transaction.atomic():  # nobody may begin it anew: a deadlock would be raised
            work()


def _hold(trader: Trader) -> None:
    place_hold(
        reference=f"request:{uuid4()}",
        budget_id=trader.tokens,
        amounts=Amounts(tokens=1, carbon_ug=0, micro_usd=0),
        lease_expires_at=NOW + timedelta(hours=1),
        actor="test",
        now=NOW,
    )
