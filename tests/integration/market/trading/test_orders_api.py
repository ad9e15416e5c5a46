"""Orders, books, prices and accounts over HTTP."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.domain.scopes import ALL_SCOPES, Scope
from budgets import selectors as budgets
from market.models import Account, Auction, Instrument, Journal, Order, Policy
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.world import make_budget, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
ORDERS = "/api/v1/market/orders/"
PLAIN = {
    "side": "buy",
    "unit": "tokens",
    "quantity": 1000,
    "limit_price_usd": "0.000003",
    "good_until": None,
}


def _plain(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, **changes}


def _post(client: APIClient, path: str, body: dict[str, Any], **headers: str) -> Response:
    return client.post(path, body, format="json", headers=headers)


@pytest.fixture
def trader() -> Trader:
    return make_trader("Desk", now=timezone.now())


def test_the_plain_order_of_a_team_with_one_budget_of_tokens_and_one_of_money(trader: Trader) -> None:
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    answer = _post(trader.team.client, ORDERS, _plain(good_until=until))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["status"], body["quantity"], body["filled"]) == ("open", 1000, 0)
    assert (body["limit_price_usd"], body["escrow_usd"]) == ("0.000003", "0.003000")
    assert body["budget"] == str(trader.tokens)
    assert [each["kind"] for each in body["events"]] == ["placed"]
    listed = trader.team.client.get(ORDERS).json()
    assert [each["id"] for each in listed["results"]] == [body["id"]]
    assert trader.team.client.get(f"{ORDERS}{body['id']}/").json() == body


def test_the_same_key_places_one_order(trader: Trader) -> None:
    answers = [_post(trader.team.client, ORDERS, PLAIN, **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == 1
    other = _post(trader.team.client, ORDERS, _plain(quantity=2000), **{"Idempotency-Key": "once"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"side": "give"}, 422, "side"),
        ({"unit": "micro_usd"}, 422, "unit"),
        ({"quantity": 150}, 422, "quantity"),
        ({"quantity": "NaN"}, 422, "quantity"),
        ({"limit_price_usd": "1"}, 422, "limit_price_usd"),
        ({"limit_price_usd": None}, 422, "limit_price_usd"),
        ({"limit_price_usd": "-1"}, 422, "limit_price_usd"),
        ({"good_until": "2020-01-01T00:00:00Z"}, 422, "good_until"),
        ({"model_class": "L"}, 422, "model_class"),
        ({"delivery": "soon"}, 422, "delivery"),
        ({"delivery": 7}, 422, "delivery"),
        ({"session": "window"}, 409, "session"),
        ({"budget": "00000000-0000-0000-0000-000000000000"}, 403, "budget"),
        ({"limit": "0.000003"}, 422, "limit"),
        ({"quantity": 50_000}, 409, "quantity"),
        ({"side": "sell", "quantity": 90_000}, 409, None),
        ({"side": "sell", "region": "nowhere"}, 422, "region"),
        ({"side": "sell", "units": [99]}, 422, "units"),
    ],
)
def test_a_refusal_names_its_field_and_changes_nothing(
    trader: Trader, changes: dict[str, Any], status: int, field: str | None
) -> None:
    answer = _post(trader.team.client, ORDERS, _plain(**changes))
    body = answer.json()
    assert answer.status_code == status, body
    if field is not None:
        assert [each["field"] for each in body["errors"]] == [field]
    assert not Order.objects.exists()
    assert not Journal.objects.exists()
    assert budgets.get_budget(trader.tokens).reserved == 0


def test_who_cannot_pay_is_answered_402_with_what_is_missing() -> None:
    team = make_team("Poor")
    make_budget(team, 100_000)
    answer = _post(team.client, ORDERS, PLAIN)
    assert answer.status_code == 402
    body = answer.json()
    assert (body["code"], body["needed_usd"], body["remaining_usd"]) == ("account_short", "0.003000", "0.000000")
    assert body["account"] == f"team-{team.team_id}"


def test_trading_needs_its_scope(trader: Trader) -> None:
    reader = make_team("Reader", scopes=ALL_SCOPES - {Scope.MARKET_TRADE})
    assert _post(reader.client, ORDERS, PLAIN).status_code == 403
    assert reader.client.get(ORDERS).status_code == 200
    blind = make_team("Blind", scopes=ALL_SCOPES - {Scope.MARKET_READ})
    for path in ("orders", "book", "instruments", "prices", "accounts"):
        assert blind.client.get(f"/api/v1/market/{path}/").status_code == 403


def test_an_order_is_improved_and_cancelled(trader: Trader) -> None:
    client = trader.team.client
    made = _post(client, ORDERS, PLAIN).json()
    path = f"{ORDERS}{made['id']}/"
    better = _post(client, f"{path}improve/", {"limit_price_usd": "0.000004", "add_quantity": 100})
    assert better.status_code == 200, better.content
    assert (better.json()["limit_price_usd"], better.json()["escrow_usd"]) == ("0.000004", "0.004400")
    assert _post(client, f"{path}improve/", {"limit_price_usd": "0.000002"}).json()["errors"][0]["code"] == "not_better"
    gone = _post(client, f"{path}cancel/", {"reason": "changed our mind"})
    assert (gone.json()["status"], gone.json()["escrow_usd"]) == ("cancelled", "0.000000")
    again = client.delete(path)
    assert (again.status_code, again.json()["code"]) == (409, "not_open")
    second = _post(client, ORDERS, PLAIN).json()
    assert client.delete(f"{ORDERS}{second['id']}/").json()["status"] == "cancelled"


def test_orders_of_others_are_not_there(trader: Trader) -> None:
    made = _post(trader.team.client, ORDERS, PLAIN).json()
    stranger = make_trader("Stranger", now=timezone.now()).team.client
    path = f"{ORDERS}{made['id']}/"
    assert stranger.get(ORDERS).json()["results"] == []
    assert {stranger.get(path).status_code, stranger.delete(path).status_code} == {404}
    assert _post(stranger, f"{path}improve/", {"add_quantity": 100}).status_code == 404


def test_a_sealed_book_tells_nothing_of_others(trader: Trader) -> None:
    _post(trader.team.client, ORDERS, PLAIN)
    stranger = make_trader("Stranger", now=timezone.now()).team.client
    own, seen = (each.get("/api/v1/market/book/").json()["results"][0] for each in (trader.team.client, stranger))
    assert (seen["state"], seen["bids"], seen["asks"], seen["own"], seen["residual"]) == ("sealed", [], [], [], None)
    assert seen["closes_at"] is not None
    assert [each["quantity"] for each in own["own"]] == [1000]
    assert {name: value for name, value in own.items() if name != "own"} == {
        name: value for name, value in seen.items() if name != "own"
    }


def test_after_a_call_the_book_tells_what_is_left_at_its_price(trader: Trader) -> None:
    _post(trader.team.client, ORDERS, PLAIN)
    instrument = Instrument.objects.get()
    Instrument.objects.update(last_price_ticks=200, last_traded_at=timezone.now())
    Auction.objects.create(
        instrument=instrument,
        kind="call",
        status="cleared",
        policy=Policy.objects.get(is_default=True),
        closed_at=timezone.now(),
        ran_at=timezone.now(),
        reference_ticks=300,
        reference_basis="service",
        low_ticks=150,
        high_ticks=450,
        price_ticks=200,
        volume_lots=1,
    )
    book = trader.team.client.get("/api/v1/market/book/", {"instrument": instrument.code}).json()["results"][0]
    assert book["residual"] == {"price_usd": "0.000002", "wanted": 1000, "offered": 0}
    price = trader.team.client.get("/api/v1/market/prices/").json()["results"][0]
    assert (price["reference_usd"], price["reference_basis"], price["reference_calls"]) == ("0.000002", "trades", 1)
    assert [each["quantity"] for each in price["history"]] == [100]


def test_an_open_book_tells_its_depth_without_names(trader: Trader) -> None:
    _post(trader.team.client, ORDERS, PLAIN)
    Instrument.objects.update(mechanism="continuous")
    stranger = make_trader("Stranger", now=timezone.now()).team.client
    book = stranger.get("/api/v1/market/book/").json()["results"][0]
    assert (book["state"], book["own"]) == ("open", [])
    assert book["bids"] == [{"price_usd": "0.000003", "quantity": 1000}]


def test_prices_are_built_up_part_by_part_each_with_its_basis(trader: Trader) -> None:
    deadline = (timezone.now() + timedelta(minutes=30)).isoformat()
    query = {"budget": str(trader.tokens), "deadline": deadline}
    row = trader.team.client.get("/api/v1/market/prices/", query).json()["results"][0]
    assert (row["is_traded"], row["model_class"], row["reference_basis"]) == (False, "any", "service")
    assert (row["reference_usd"], row["low_usd"], row["high_usd"]) == ("0.000003", "0.0000015", "0.0000045")
    value = row["value"]
    assert [each["name"] for each in value["premia"]] == ["scarcity", "urgency", "quality", "collaboration"]
    assert all(each["basis"] for each in value["premia"])
    urgency = Decimal(value["premia"][1]["factor"])
    assert Decimal("1.2") < urgency <= Decimal("1.25")
    added = sum(Decimal(each["adds_usd"]) for each in value["premia"])
    assert Decimal(value["value_usd"]) == Decimal(value["reference_usd"]) + added
    refused = trader.team.client.get("/api/v1/market/prices/", {"budget": str(trader.money)})
    assert refused.json()["errors"][0]["field"] == "budget"


def test_instruments_are_listed_when_somebody_wants_them(trader: Trader) -> None:
    assert trader.team.client.get("/api/v1/market/instruments/").json()["results"] == []
    _post(trader.team.client, ORDERS, PLAIN)
    row = trader.team.client.get("/api/v1/market/instruments/").json()["results"][0]
    assert (row["model_class"], row["lot_units"], row["halt"]) == ("any", 100, None)


def test_money_goes_into_the_market_and_back(trader: Trader) -> None:
    client = trader.team.client
    made = _post(client, "/api/v1/market/accounts/top-up/", {"amount_usd": "1.5"})
    assert made.status_code == 201, made.content
    assert made.json()["free_usd"] == "1.500000"
    assert budgets.get_budget(trader.money).limit == 8_500_000
    back = _post(client, "/api/v1/market/accounts/pay-out/", {"amount_usd": "0.5"})
    assert back.json()["balance_usd"] == "1.000000"
    assert budgets.get_budget(trader.money).limit == 9_000_000
    short = _post(client, "/api/v1/market/accounts/pay-out/", {"amount_usd": "1.000001"})
    assert (short.status_code, short.json()["code"]) == (402, "account_short")
    told = client.get("/api/v1/market/accounts/").json()
    assert [each["balance_usd"] for each in told["accounts"]] == ["1.000000"]
    assert [each["amount_usd"] for each in told["results"]] == ["-0.500000", "1.500000"]


@pytest.mark.parametrize("amount", ["0", "-1", "0.0000001", "x", 10**30])
def test_an_amount_is_above_zero_and_whole_micro_dollars(trader: Trader, amount: Any) -> None:
    for path in ("top-up", "pay-out"):
        answer = _post(trader.team.client, f"/api/v1/market/accounts/{path}/", {"amount_usd": amount})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "amount_usd")
    assert not Account.objects.filter(kind="team").exists()


def test_deposits_are_for_who_operates_the_market(trader: Trader) -> None:
    body = {"team": trader.team.team_id, "amount_usd": "2", "reason": "start"}
    path = "/api/v1/market/accounts/deposits/"
    assert _post(trader.team.client, path, body).status_code == 403
    operator = make_team("Operator", scopes={*ALL_SCOPES, Scope.MARKET_OPERATE})
    assert _post(operator.client, path, body).json()["balance_usd"] == "2.000000"
    assert _post(operator.client, path, {**body, "reason": " "}).status_code == 422
    for _ in range(2):
        again = operator.client.post(path, body, format="json", HTTP_IDEMPOTENCY_KEY="once")
        assert (again.status_code, again.json()["balance_usd"]) == (201, "4.000000")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert _post(operator.client, path, {**body, "team": 999_999}).status_code == 404
