"""Auctions, trades, the Fund and halts over the API and in the administration."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from accounts.domain.scopes import ALL_SCOPES, Scope
from accounts.models import User
from market.models import Auction, Instrument, TradingHalt
from market.services import run_due_calls
from tests.integration.market.trading.calling import CALL, make_buyers, make_sellers
from tests.integration.world import load_world, make_team

pytestmark = pytest.mark.django_db
HERE = "/api/v1/market"


@pytest.fixture
def sides(db):
    load_world()
    both = make_sellers(), make_buyers()
    run_due_calls(now=CALL)
    return both


def test_auctions_are_told_in_usd_for_one_unit_with_filters_and_pages(sides):
    client = sides[0].traders[0].team.client
    body = client.get(f"{HERE}/auctions/").json()
    told = body["results"][0]
    assert (body["next"], body["previous"]) == (None, None)
    auction = Auction.objects.get()
    assert float(told["price_usd"]) == pytest.approx(auction.price_ticks / 1e6 / 100)
    assert told["volume"] == auction.volume_lots * 100
    assert told["paid_usd"] == f"{auction.paid_micro_usd / 1e6:.6f}"
    assert client.get(f"{HERE}/auctions/?status=carried").json()["results"] == []
    assert client.get(f"{HERE}/auctions/?before={auction.pk}").json()["results"] == []
    assert client.get(f"{HERE}/auctions/?kind=nonsense").status_code == 422


def test_one_auction_has_its_curve_its_fills_without_names_and_a_replay(sides):
    trader = sides[1].traders[0]
    pk = Auction.objects.get().pk
    told = trader.team.client.get(f"{HERE}/auctions/{pk}/").json()
    assert told["curve"]["supply"][-1]["lots"] == 50
    assert [each["own"] for each in told["fills"]].count(True) == 1
    assert all((each["money_usd"] is not None) == each["own"] for each in told["fills"])
    assert str(trader.team.team_id) not in told["explanation"]
    again = trader.team.client.get(f"{HERE}/auctions/{pk}/replay/").json()
    assert (again["agrees"], again["sha256"]) == (True, told["inputs_sha256"])
    assert trader.team.client.get(f"{HERE}/auctions/0/").status_code == 404


def test_trades_are_ones_own_or_public_without_a_name(sides):
    trader = sides[1].traders[0]
    own = trader.team.client.get(f"{HERE}/trades/").json()["results"]
    assert [(each["side"], each["quantity"]) for each in own] == [("buy", 1_000)]
    public = trader.team.client.get(f"{HERE}/trades/?scope=public").json()["results"]
    assert len(public) == 5
    assert not {"team", "budget", "order", "money_usd", "side"} & set(public[0])
    assert make_team("Stranger").client.get(f"{HERE}/trades/").json()["results"] == []


def test_the_fund_tells_its_balance_flows_and_books(sides):
    auction = Auction.objects.get()
    since = (CALL - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    told = sides[0].traders[0].team.client.get(f"{HERE}/fund/?since={since}").json()
    kinds = {each["kind"]: each for each in told["kinds"]}
    assert kinds["subsidy"]["out_usd"] == f"{auction.subsidy_micro_usd / 1e6:.6f}"
    assert kinds["adder"]["in_usd"] == f"{auction.adder_micro_usd / 1e6:.6f}"
    assert {each["day"] for each in told["days"]} == {"2026-03-04"}
    assert {each["auction"] for each in told["results"]} == {auction.pk}


def test_only_who_operates_the_market_halts_and_resumes_it(sides):
    member = sides[0].traders[0].team.client
    operator = make_team("Operators", scopes={*ALL_SCOPES, Scope.MARKET_OPERATE}).client
    body = {"instrument": Instrument.objects.get().code, "reason": "a bug"}
    assert member.post(f"{HERE}/halts/", body, format="json").status_code == 403
    made = operator.post(f"{HERE}/halts/", body, format="json")
    assert made.status_code == 201
    assert member.get(f"{HERE}/halts/?open=true").json()["results"][0]["reason"] == "a bug"
    assert operator.post(f"{HERE}/halts/", body, format="json").status_code == 409
    assert member.post(f"{HERE}/halts/{made.json()['id']}/resume/").status_code == 403
    assert operator.post(f"{HERE}/halts/{made.json()['id']}/resume/").json()["ended_at"] is not None
    assert operator.post(f"{HERE}/halts/", {"reason": " "}, format="json").status_code == 422
    assert member.get(f"{HERE}/halts/?open=true").json()["results"] == []


@pytest.fixture
def admin(sides) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def press(client: Client, model: str, action: str, object_id: object = None, **posted: str) -> None:
    kwargs = {} if object_id is None else {"object_id": object_id}
    url = reverse(f"admin:market_{model}_{action}", kwargs=kwargs)
    assert client.get(url).status_code == 200
    done = client.post(url, posted)
    assert done.status_code == 302, done.content.decode()


def test_an_operator_replays_and_reverses_in_the_administration(admin, monkeypatch):
    monkeypatch.setattr("market.admin.trading.auctions.timezone", SimpleNamespace(now=lambda: CALL))
    pk = Auction.objects.get().pk
    press(admin, "auction", "replay", pk)
    press(admin, "auction", "reverse", pk, reason="a wrong price")
    auction = Auction.objects.get()
    assert (auction.status, auction.reversed_by, auction.reverse_reason) == ("reversed", "person ann", "a wrong price")


def test_an_operator_halts_resumes_and_closes_a_call_in_the_administration(admin):
    code = Instrument.objects.get().code
    press(admin, "instrument", "halt", code, reason="a bug")
    halt = TradingHalt.objects.get()
    assert (halt.instrument_id, halt.reason, halt.until) == (code, "a bug", None)
    press(admin, "tradinghalt", "resume", halt.pk)
    assert not TradingHalt.objects.filter(ended_at=None).exists()
    press(admin, "tradinghalt", "halt_all", reason="maintenance")
    assert TradingHalt.objects.get(ended_at=None).instrument is None
    press(admin, "instrument", "close_call", code)
    for model in ("auction", "trade", "instrument", "tradinghalt"):
        assert admin.get(reverse(f"admin:market_{model}_changelist")).status_code == 200
