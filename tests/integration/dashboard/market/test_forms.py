"""Forms of the market's pages: what cannot be meant is refused by its field, and nothing has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.domain.scopes import Role
from accounts.models import User
from accounts.services.organisations import add_member
from budgets.models import Budget
from market.models import ConductFlag, Donation, Journal, Loan, Order, StandingRule
from market.services.trading.conduct import raise_flag
from tests.integration.dashboard.test_pages import text_of
from tests.integration.market.trading.desk import Trader, make_trader, sell
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
BAD_NUMBERS = [
    "",
    "much",
    "NaN",
    "Infinity",
    "-1",
    "1e400",
    "1e999999",
    "1e999999999",
    "1e-999999999",
    "0.0000000000001",
]


@pytest.fixture
def trader(db) -> Trader:
    load_world()
    return make_trader("Own", now=datetime.now(UTC))


def member(client: Client, trader: Trader, role: Role) -> Client:
    user = User.objects.create_user(username=f"{role} of {trader.team.team_id}", password="a long enough password")
    add_member(user_id=user.pk, team_id=trader.team.team_id, role=role)
    client.force_login(user)
    return client


@pytest.fixture
def owner(client: Client, trader: Trader) -> Client:
    return member(client, trader, Role.OWNER)


def counts() -> tuple[Any, ...]:
    rows = [model.objects.count() for model in (Order, Loan, Donation, StandingRule, Journal)]
    return (*rows, list(Budget.objects.order_by("pk").values_list("limit", "reserved", "bonus", "sold")))


def forms(trader: Trader) -> dict[str, dict[str, str]]:
    """A form that would be taken for each address."""
    tokens, due = str(trader.tokens), datetime.now(UTC) + timedelta(days=2)
    return {
        "orders/": {"side": "sell", "budget": tokens, "quantity": "1000", "limit_price": "0.003"},
        "money/": {"act": "top_up", "budget": str(trader.money), "amount_usd": "1"},
        "loans/offers/": {"budget": tokens, "quantity": "1000", "fee": "0.01", "due_at": f"{due:%Y-%m-%dT%H:%M}"},
        "loans/shares/": {"act": "donate", "budget": tokens, "quantity": "100"},
        "conduct/rules/": {
            "kind": "sell_unused",
            "budget": tokens,
            "by_hour_utc": "18",
            "limit_price": "0.003",
            "most_per_day": "1000",
        },
    }


LABELS = {
    "quantity": "Quantity: ",
    "limit_price": "rice, US$: ",
    "amount_usd": "Amount, US$: ",
    "fee": "Fee, US$: ",
    "most_per_day": "At most a day: ",
}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("orders/", "quantity"),
        ("orders/", "limit_price"),
        ("money/", "amount_usd"),
        ("loans/offers/", "quantity"),
        ("loans/offers/", "fee"),
        ("loans/shares/", "quantity"),
        ("conduct/rules/", "limit_price"),
        ("conduct/rules/", "most_per_day"),
    ],
)
def test_a_number_that_is_none_is_refused_by_its_label_and_changes_nothing(trader, owner, address, name):
    before, form = counts(), forms(trader)[address]
    for value in BAD_NUMBERS:
        if (name, value) == ("limit_price", "") and address == "orders/":
            continue  # any price inside the collar
        answer = owner.post(f"/market/{address}", {**form, name: value})
        assert answer.status_code == 302, value
        assert LABELS[name] in text_of(owner.get(answer.url)), value
    assert counts() == before


@pytest.mark.parametrize("address", ["orders/", "money/", "loans/offers/", "loans/shares/", "conduct/rules/"])
def test_a_budget_of_others_or_of_none_is_refused_and_changes_nothing(trader, owner, address):
    other = make_trader("Other", now=datetime.now(UTC))
    before, form = counts(), forms(trader)[address]
    for budget in ("", "x", str(uuid4()), str(other.tokens), str(other.money)):
        page = text_of(owner.post(f"/market/{address}", {**form, "budget": budget}, follow=True))
        assert "udget: " in page, budget
    assert counts() == before


@pytest.mark.parametrize("address", ["orders/", "money/", "loans/offers/", "loans/shares/", "conduct/rules/"])
def test_who_only_looks_on_and_who_does_not_say_who_they_are_change_nothing(trader, address):
    before, form = counts(), forms(trader)[address]
    viewer = member(Client(), trader, Role.VIEWER)
    assert viewer.post(f"/market/{address}", form).status_code == 403
    assert Client().post(f"/market/{address}", form).status_code in (302, 403)
    forger = member(Client(enforce_csrf_checks=True), make_trader("Forged", now=datetime.now(UTC)), Role.OWNER)
    assert forger.post(f"/market/{address}", form).status_code == 403
    assert viewer.get(f"/market/{address}").status_code == 405
    assert counts()[:5] == before[:5]


def test_a_viewer_sees_the_own_teams_orders_without_a_form(trader):
    sell(trader, 1_000, now=datetime.now(UTC))
    page = text_of(member(Client(), trader, Role.VIEWER).get("/market/"))
    assert "1,000 tokens" in page
    assert "Place an order" not in page


def test_rules_and_flags_of_others_are_neither_paused_nor_appealed(trader, owner):
    form = forms(trader)["conduct/rules/"]
    assert owner.post("/market/conduct/rules/", form).status_code == 302
    now = datetime.now(UTC)
    raise_flag(
        key="k", kind=ConductFlag.Kind.SPOOF, team_id=trader.team.team_id, since=now, evidence={"times": 5}, now=now
    )
    rule, flag = StandingRule.objects.get(), ConductFlag.objects.get()
    stranger = member(Client(), make_trader("Stranger", now=now), Role.OWNER)

    page = text_of(stranger.post(f"/market/conduct/rules/{rule.pk}/", {"act": "pause"}, follow=True))
    assert "There is no such rule." in page
    page = text_of(stranger.post(f"/market/conduct/flags/{flag.pk}/", {"text": "Not mine."}, follow=True))
    assert "There is no such flag." in page

    rule.refresh_from_db()
    assert (rule.is_active, flag.appeals.count()) == (True, 0)


def test_pages_open_whatever_is_asked_of_them_in_their_address(trader, owner):
    for query in ("?instrument=%00", "?instrument=x", "?before=x", f"?before={'9' * 30}", "?policy=%00"):
        for address in ("", "calls/", "loans/", "fund/", "conduct/", "week/"):
            assert owner.get(f"/market/{address}{query}").status_code == 200, (address, query)
    assert owner.get(f"/market/calls/{'9' * 18}/").status_code == 404
