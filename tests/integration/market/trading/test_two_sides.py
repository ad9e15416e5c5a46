"""Need pays for quota that somebody lacks, not for trading with oneself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market.models import Instrument, Trade
from market.services import run_call
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.world import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def crowd(loaded_world: None, db: None) -> list[Trader]:
    """Four rich buyers, four sellers and one poor team that may do both."""
    buyers = [make_trader(f"Buyer {each}", country_code="DE") for each in range(4)]
    sellers = [make_trader(f"Seller {each}", country_code="DE") for each in range(4)]
    for each in buyers:
        buy(each, 1_000, "0.0000036")
    for each in sellers:
        sell(each, 1_000, "0.0000024")
    return [*buyers, *sellers]


def hold() -> dict[tuple[int, str], Trade]:
    auction = run_call(instrument_code=Instrument.objects.get().pk, now=LATER)
    assert auction is not None
    assert auction.status == "cleared", auction.explanation
    return {(each.team_id, each.side): each for each in auction.trades.all()}


def test_a_poor_buyer_is_subsidised_by_the_premia_of_the_others(crowd):
    poor = make_trader("Poor", country_code="BD")
    buy(poor, 1_000, "0.0000036")
    sell(make_trader("Fifth", country_code="DE"), 1_000, "0.0000024")
    assert hold()[poor.team.team_id, "buy"].justice_micro_usd < 0


def test_who_sells_in_the_same_call_is_not_subsidised(crowd):
    poor = make_trader("Poor", country_code="BD")
    buy(poor, 1_000, "0.0000036")
    sell(poor, 1_000, "0.0000024")
    trades = hold()
    assert trades[poor.team.team_id, "buy"].justice_micro_usd >= 0
    paid = trades[poor.team.team_id, "buy"].money_micro_usd
    assert paid >= trades[poor.team.team_id, "sell"].money_micro_usd


def test_where_nobody_is_subsidised_no_premium_is_charged_and_no_bid_is_worth_less(crowd):
    buy(make_trader("Fifth buyer", country_code="DE"), 1_000, "0.0000036")
    sell(make_trader("Fifth seller", country_code="DE"), 1_000, "0.0000024")
    trades = hold()
    assert {each.justice_micro_usd for each in trades.values()} == {0}
    assert {each.price_ticks for each in trades.values()} == {300}
