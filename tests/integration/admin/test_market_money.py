"""Money and orders in the administration: who operates the market deposits, withdraws and cancels, with a reason."""

from __future__ import annotations

import pytest
from django.test import Client

from market.models import Account, Journal, Order
from tests.integration.market.trading.desk import Trader, buy, make_trader
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
ACCOUNTS = "/admin/market/account/"


@pytest.fixture
def trader(db: None) -> Trader:
    load_world()
    return make_trader("Desk")


def _money(root: Client, action: str, trader: Trader, usd: str, reason: str = "agreed") -> int:
    values = {"team": trader.team.team_id, "usd": usd, "reason": reason}
    return root.post(f"{ACCOUNTS}{action}/", values).status_code


def test_money_is_deposited_and_withdrawn_with_a_reason(root: Client, trader: Trader) -> None:
    assert _money(root, "deposit", trader, "2.5") == 302
    assert _money(root, "withdraw", trader, "1") == 302
    assert trader.balance == (1_500_000, 0)
    assert set(Journal.objects.values_list("kind", "reason", "actor")) == {
        ("deposit", "agreed", "person root"),
        ("payout", "agreed", "person root"),
    }


def test_more_than_there_is_or_no_reason_moves_nothing(root: Client, trader: Trader) -> None:
    assert _money(root, "withdraw", trader, "1") == 200  # the form again, with what is wrong
    assert _money(root, "deposit", trader, "1", reason="") == 200
    assert not Journal.objects.exists()


def test_an_order_is_cancelled_with_a_reason_that_its_team_reads(root: Client, trader: Trader) -> None:
    order = buy(trader)
    address = f"/admin/market/order/{order.pk}/strike/"
    assert root.get(address).status_code == 200
    assert root.post(address, {"reason": "a mistake"}).status_code == 302
    order.refresh_from_db()
    assert (order.status, order.close_reason, trader.balance) == ("cancelled", "a mistake", (3_000, 0))


def test_an_auditor_reads_and_does_none_of_it(member_of, trader: Trader) -> None:
    order, auditor = buy(trader), member_of("auditors")
    assert auditor.get(ACCOUNTS).status_code == 200
    for address in (f"{ACCOUNTS}deposit/", f"{ACCOUNTS}withdraw/", f"/admin/market/order/{order.pk}/strike/"):
        assert auditor.get(address).status_code == 403
    assert Order.objects.get().status == "open"
    assert Account.objects.get(kind="team").balance_micro_usd == 3_000
