"""`verify_ledger` names what of the market's books does not agree."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from market.models import FUND, OUTSIDE, Account, FundEntry, Journal, Order, Posting, QuotaPromise, team_account
from market.selectors import list_market_differences
from market.services.trading.money import FundMove, Line, post
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.test_orders import APRIL
from tests.integration.world import NOW

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]


@pytest.fixture
def trader() -> Trader:
    """A team with a bid, an offer and a promise, and a Fund that the market has brought something."""
    trader = make_trader("Trader")
    buy(trader)
    sell(trader)
    sell(trader, 500, delivery=APRIL)
    post(
        kind=Journal.Kind.CHARGE,
        lines=[Line(account=OUTSIDE, delta_micro_usd=-5)],
        fund=[FundMove(kind=FundEntry.Kind.CHARGE, micro_usd=5, reason="test")],
        actor="test",
        reason="test",
        now=NOW,
    )
    return trader


def test_books_that_agree_have_no_differences(trader: Trader) -> None:
    assert list_market_differences() == []
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert "Every budget, fund and account is the sum of its ledger." in out.getvalue()


def test_every_book_that_was_changed_by_hand_is_named(trader: Trader) -> None:
    name = team_account(trader.team.team_id)
    Account.objects.filter(name=name).update(balance_micro_usd=F("balance_micro_usd") + 1)
    Posting.objects.filter(account=FUND).update(delta_micro_usd=6)
    Order.objects.filter(side="sell", escrow_micro_usd=0).update(lots=11)
    QuotaPromise.objects.update(promised_steps=499)
    found = "\n".join(list_market_differences())
    for words in (
        f"account {name}: balance and escrow are (5251, 5250) but (5250, 5250) by its postings",
        "accounts: all balances together are 1, not 0",
        "its postings sum to 1, not 0",
        "499 steps but 500 by offers and forwards",
        "1000) but",
    ):
        assert words in found
    with pytest.raises(CommandError):
        call_command("verify_ledger", stdout=StringIO())


def test_escrow_that_is_for_nothing_is_named(trader: Trader) -> None:
    Order.objects.filter(side="buy").update(escrow_micro_usd=2_999)
    FundEntry.objects.update(balance_delta_micro_usd=4)
    assert list_market_differences() == [
        f"account {team_account(trader.team.team_id)}: keeps 5250 in escrow but 5249 is for orders, loans and forwards",
        "account fund: balance is 5 but the Fund's own books have 4 of the market",
    ]
