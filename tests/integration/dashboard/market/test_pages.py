"""Pages of the market, as those see them who trade, who look on and who look after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import pytest_django
from django.core.cache import cache
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from accounts.domain.scopes import Role
from accounts.models import User
from accounts.selectors import find_team_id
from accounts.services.organisations import add_member, create_administrator
from market.models import Account, Auction, ConductFlag, Donation, Loan, Order, StandingRule
from market.services import halt_trading
from market.services.trading.conduct import raise_flag
from tests.integration.dashboard.test_pages import text_of

SELLER, BUYER = "Demo market FR", "Demo market BD"


@dataclass(frozen=True)
class Traded:
    """What the demonstration printed, and people who see one side of it."""

    said: str
    seller_id: int
    buyer_id: int


@pytest.fixture(scope="module")
def traded(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[Traded]:
    """Demo teams have traded once: a call has cleared, a loan runs. Rolled back at the end of the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        cache.clear()
        told = StringIO()
        call_command("demo_market", stdout=told)
        ids = [find_team_id(organisation_name=name, team_name=name) for name in (SELLER, BUYER)]
        yield Traded(told.getvalue(), ids[0] or 0, ids[1] or 0)
        transaction.set_rollback(True)


@pytest.fixture
def owner(traded: Traded, db: None) -> User:
    """A person who owns the selling team."""
    user = User.objects.create_user(username="owner", password="a long enough password")
    add_member(user_id=user.pk, team_id=traded.seller_id, role=Role.OWNER)
    return user


@pytest.fixture
def staff(traded: Traded, db: None) -> User:
    return User.objects.get(pk=create_administrator(username="staff", password="a long enough password"))


@pytest.fixture
def trader(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def own_order(traded: Traded) -> Order:
    return Order.objects.filter(team=traded.seller_id).latest("number")


def test_the_demonstration_prints_a_call_with_what_was_paid(traded):
    assert "Call" in traded.said
    assert "cleared" in traded.said
    assert f"{BUYER} borrowed 10,000 tokens of {SELLER} until tomorrow." in traded.said


def test_visitors_see_prices_and_calls_and_nobodys_orders_or_money(traded, client, db):
    page = text_of(client.get("/market/"))
    assert "tokens of any class" in page
    assert "for 1,000 tokens" in page
    for name in (SELLER, BUYER, "$20."):
        assert name not in page
    assert "Place an order" not in page
    assert "another team" in text_of(client.get(f"/market/calls/{Auction.objects.get().pk}/"))


def test_a_visitor_who_may_see_figures_only_is_asked_to_log_in(traded, client, settings, db):
    settings.VISITORS_MAY_SEE = "figures"
    for path in ("", "calls/", "loans/", "fund/", "conduct/", "week/"):
        assert client.get(f"/market/{path}").status_code == 302


def test_a_trader_sees_the_own_teams_orders_and_account_and_no_others(traded, trader):
    page = text_of(trader.get("/market/"))
    assert SELLER in page
    assert BUYER not in page
    assert "Place an order" in page


def test_staff_see_orders_of_all_teams(traded, client, staff):
    client.force_login(staff)
    page = text_of(client.get("/market/"))
    assert SELLER in page
    assert BUYER in page


def test_a_call_tells_its_curve_its_money_and_that_its_inputs_give_it_again(traded, trader):
    page = text_of(trader.get(f"/market/calls/{Auction.objects.get().pk}/"))
    for words in ("Why this price", "Buyers paid", "Sellers received", "The Fund’s part", "agrees", "yours"):
        assert words in page


def test_a_call_that_never_was_is_not_found(traded, client, db):
    assert client.get("/market/calls/999999/").status_code == 404


def test_an_offer_is_placed_and_taken_back_on_the_page(traded, trader):
    budget_id = own_order(traded).budget_id
    count = Order.objects.count()
    body = {"side": "sell", "budget": str(budget_id), "quantity": "5000", "limit_price": "0.0031", "session": "call"}
    page = text_of(trader.post("/market/orders/", body, follow=True))
    assert "The order is in." in page
    order = own_order(traded)
    assert Order.objects.count() == count + 1
    assert (order.lots, order.limit_ticks, order.status) == (50, 310, "open")
    page = text_of(trader.post(f"/market/orders/{order.id}/cancel/", follow=True))
    assert "Cancelled. What it kept is free again." in page
    order.refresh_from_db()
    assert order.status == "cancelled"


def test_an_offer_without_a_limit_takes_any_price_inside_the_collar(traded, trader):
    body = {"side": "sell", "budget": str(own_order(traded).budget_id), "quantity": "5000"}
    assert "The order is in." in text_of(trader.post("/market/orders/", body, follow=True))
    assert (own_order(traded).kind, own_order(traded).limit_ticks) == ("market", None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limit_price": "1"}, "Limit price, US$: It stays between $0.00"),
        ({"quantity": "5050"}, "Quantity:"),
        ({"quantity": "-1"}, "Quantity:"),
        ({"budget": "c0ffee00-0000-0000-0000-000000000000"}, "Of or for the budget:"),
        ({"side": "steal"}, "I want to:"),
        ({"good_until": "2001-01-01T00:00"}, "Good until, UTC:"),
    ],
)
def test_an_order_that_cannot_be_names_the_field_and_changes_nothing(traded, trader, changes, words):
    count = Order.objects.count()
    body = {"side": "sell", "budget": str(own_order(traded).budget_id), "quantity": "5000", "limit_price": "0.003"}
    assert words in text_of(trader.post("/market/orders/", {**body, **changes}, follow=True))
    assert Order.objects.count() == count


def test_nobody_trades_for_a_team_that_is_not_theirs(traded, trader):
    other = Order.objects.filter(team=traded.buyer_id).latest("number")
    page = text_of(trader.post(f"/market/orders/{other.id}/cancel/", follow=True))
    assert "Cancelled" not in page
    body = {"side": "sell", "budget": str(other.budget_id), "quantity": "5000"}
    assert "Of or for the budget:" in text_of(trader.post("/market/orders/", body, follow=True))


def test_who_trades_for_no_team_is_turned_away(traded, client, staff):
    client.force_login(staff)
    assert client.post("/market/orders/", {"side": "sell"}).status_code == 403
    assert client.post(f"/market/orders/{own_order(traded).id}/cancel/").status_code == 403


def test_a_loan_is_returned_by_its_borrower_on_the_page(traded, client, db):
    user = User.objects.create_user(username="borrower", password="a long enough password")
    add_member(user_id=user.pk, team_id=traded.buyer_id, role=Role.OWNER)
    client.force_login(user)
    loan = Loan.objects.get()
    assert "Return" in text_of(client.get("/market/loans/"))
    page = text_of(client.post(f"/market/loans/{loan.pk}/return/", {"quantity": "10000"}, follow=True))
    assert "Returned, with the fee until now." in page
    loan.refresh_from_db()
    assert (loan.status, loan.outstanding_lots) == ("returned", 0)


def test_a_loan_is_offered_on_the_page_and_nobody_borrows_from_oneself(traded, trader):
    due = datetime.now(UTC) + timedelta(days=2)
    body = {
        "budget": str(own_order(traded).budget_id),
        "quantity": "1000",
        "fee": "0.01",
        "due_at": f"{due:%Y-%m-%dT%H:%M}",
    }
    assert "Offered." in text_of(trader.post("/market/loans/offers/", body, follow=True))
    loan = Loan.objects.get(status="offered")
    assert "Take back" in text_of(trader.get("/market/loans/"))
    page = text_of(trader.post(f"/market/loans/{loan.pk}/accept/", {"budget": body["budget"]}, follow=True))
    assert "A team does not borrow from itself" in page
    assert "The offer is taken back." in text_of(trader.post(f"/market/loans/{loan.pk}/cancel/", follow=True))
    loan.refresh_from_db()
    assert loan.status == "cancelled"


def test_a_loan_cannot_be_broken_without_an_emergency(traded, trader):
    loan = Loan.objects.get(status="running")
    trader.post(f"/market/loans/{loan.pk}/break/", follow=True)
    loan.refresh_from_db()
    assert (loan.status, loan.outstanding_lots) == ("running", 100)
    assert trader.post(f"/market/loans/{loan.pk}/swallow/").status_code == 404


def test_quota_is_donated_to_ones_team_on_the_page(traded, trader):
    body = {"act": "donate", "budget": str(own_order(traded).budget_id), "quantity": "700"}
    page = text_of(trader.post("/market/loans/shares/", body, follow=True))
    assert "Donated: other budgets of the team may draw it." in page
    assert "+0 tokens 700 tokens" in page
    assert Donation.objects.get().left_steps == 700


def test_a_rule_is_added_paused_and_resumed_on_the_page(traded, trader):
    body = {
        "kind": "sell_unused",
        "budget": str(own_order(traded).budget_id),
        "by_hour_utc": "18",
        "limit_price": "0.003",
        "most_per_day": "10000",
    }
    page = text_of(trader.post("/market/conduct/rules/", body, follow=True))
    assert "Sell what will not be used by 18:00 UTC" in page
    rule = StandingRule.objects.get()
    assert (rule.is_active, rule.limit_nano_usd_per_unit) == (True, 3_000)
    trader.post(f"/market/conduct/rules/{rule.pk}/", {"act": "pause"})
    rule.refresh_from_db()
    assert not rule.is_active
    trader.post(f"/market/conduct/rules/{rule.pk}/", {"act": "resume"})
    rule.refresh_from_db()
    assert rule.is_active


def test_a_flag_is_shown_to_its_team_which_may_appeal_once(traded, trader):
    now = datetime.now(UTC)
    raise_flag(
        key="test",
        kind=ConductFlag.Kind.SPOOF,
        team_id=traded.seller_id,
        since=now - timedelta(hours=1),
        evidence={"orders": 7},
        now=now,
    )
    flag = ConductFlag.objects.get()
    assert "Spoof" in text_of(trader.get("/market/conduct/"))
    page = text_of(trader.post(f"/market/conduct/flags/{flag.pk}/", {"text": "We changed our plan."}, follow=True))
    assert "Sent: a person decides." in page
    assert "We changed our plan." in page
    assert flag.appeals.count() == 1
    trader.post(f"/market/conduct/flags/{flag.pk}/", {"text": "Again."})
    assert flag.appeals.count() == 1


def test_a_halt_is_told_on_the_board_with_its_reason(traded, client, db):
    halt_trading(
        instrument_code=None, reason="Books are checked.", until=None, actor="person:staff", now=datetime.now(UTC)
    )
    page = text_of(client.get("/market/"))
    assert "Everything: trading is halted. Books are checked. Until an administrator resumes it." in page


def test_the_fund_shows_what_the_call_brought_it(traded, client, db):
    page = text_of(client.get("/market/fund/"))
    assert "Adder" in page
    assert "carbon adder of sellers" in page
    fund = Account.objects.get(name="fund")
    assert fund.balance_micro_usd > 0


def test_the_simulated_week_says_of_itself_that_nobody_traded_it(traded, client, db):
    for policy in ("default", "seed-2025"):
        page = text_of(client.get(f"/market/week/?policy={policy}"))
        assert "Simulation." in page
        assert "nobody traded any of this" in page
        assert f"policy {policy}" in page


@pytest.mark.parametrize("path", ["", "calls/", "loans/", "fund/", "conduct/"])
def test_a_page_takes_few_queries_however_much_was_traded(traded, trader, path, django_assert_max_num_queries):
    with django_assert_max_num_queries(55):
        assert trader.get(f"/market/{path}").status_code == 200
