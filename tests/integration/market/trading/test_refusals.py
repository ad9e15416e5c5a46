"""Every door of the market's API that changes something: what it refuses, it names, and nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.domain.scopes import ALL_SCOPES, Scope
from budgets.models import Budget
from market.models import ConductFlag
from market.services.trading.conduct import raise_flag
from market.services.trading.deposits import deposit
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.world import make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
BASE = "/api/v1/market"
NO_DECIMALS = [None, "", "much", "NaN", "Infinity", "1e400", "-1", -1, "0", 0, "1" * 60, "0.0000000000000001", [], {}]
NO_IDS = ["", "x", 7, [], "c0ffee00-0000-0000-0000-00000000000g"]


@dataclass(frozen=True)
class World:
    """A team with one of everything, another one without, and who operates the market."""

    own: Trader
    other: Trader
    ids: dict[str, Any]

    def bodies(self) -> dict[str, dict[str, Any]]:
        """A body for each POST that would be taken, by path."""
        tokens, money = str(self.own.tokens), str(self.own.money)
        quota = {"unit": "tokens", "quantity": "1000", "budget": tokens}
        due_at = (timezone.now() + timedelta(days=3)).isoformat()
        return {
            "/orders/": {**quota, "side": "sell", "limit_price_usd": "0.000003"},
            "/accounts/top-up/": {"amount_usd": "1", "budget": money},
            "/accounts/pay-out/": {"amount_usd": "1", "budget": money},
            "/loans/": {**quota, "fee_usd": "0.001", "due_at": due_at},
            "/shares/": quota,
            "/shares/draws/": quota,
            "/rules/": {
                "budget": tokens,
                "kind": "sell_unused",
                "limit_price_usd": "0.000003",
                "most_per_day": "3000",
                "by_hour_utc": 18,
            },
        }

    def of_things(self) -> dict[str, dict[str, Any]]:
        """A body for each POST to something of the team."""
        return {
            "/orders/{order}/cancel/": {},
            "/orders/{order}/improve/": {"limit_price_usd": "0.000002"},
            "/loans/{loan}/return/": {},
            "/loans/{loan}/break/": {},
            "/loans/{loan}/cancel/": {},
            "/flags/{flag}/appeal/": {"text": "We wait for a storm."},
            "/shares/{donation}/withdraw/": {},
        }

    def path(self, template: str) -> str:
        """With the ids of what the team has."""
        return BASE + template.format(**self.ids)


@pytest.fixture
def world() -> Iterator[World]:
    now = timezone.now()
    world = World(make_trader("Own", now=now), make_trader("Other", now=now), {})
    for each in (world.own, world.other):
        deposit(team_id=each.team.team_id, micro_usd=5_000_000, actor="test", reason="test", now=now)
    made = world.bodies()
    for name, path in (("order", "/orders/"), ("loan", "/loans/"), ("donation", "/shares/"), ("rule", "/rules/")):
        answer = world.own.team.client.post(BASE + path, made[path], format="json")
        assert answer.status_code == 201, answer.content
        world.ids[name] = answer.json()["id"]
    raise_flag(
        key="k", kind=ConductFlag.Kind.SPOOF, team_id=world.own.team.team_id, since=now, evidence={"times": 5}, now=now
    )
    world.ids["flag"] = ConductFlag.objects.get().pk
    before = everything()
    yield world
    assert everything() == before, "what is refused changes nothing"


def everything() -> dict[str, Any]:
    """All rows of the market and the budgets that it moves, without what a refused try may leave: its claim."""
    models = [*apps.get_app_config("market").get_models(), Budget]
    return {model.__name__: list(model._default_manager.order_by("pk").values_list()) for model in models}


def fields_of(answer: Any) -> list[str | None]:
    return [each["field"] for each in answer.json()["errors"]]


def post(client: APIClient, path: str, body: Any, **headers: str) -> Any:
    return client.post(path, body, format="json", headers=headers)


def test_a_field_that_nobody_reads_is_refused_by_its_name_at_every_door(world):
    client = world.own.team.client
    for path, body in {**world.bodies(), **world.of_things(), "/loans/{loan}/accept/": {}}.items():
        for name in ("team", "team_id", "source", "status", "escrow_micro_usd", "origin_code", "actor", "is_verified"):
            refused = post(client, world.path(path), {**body, name: 1})
            assert (refused.status_code, fields_of(refused)) == (422, [name]), path


def test_a_body_of_another_shape_is_refused_at_every_door(world):
    for path in {**world.bodies(), **world.of_things()}:
        for body in ([], [{}], "text", 7):
            refused = post(world.own.team.client, world.path(path), body)
            assert refused.status_code in (400, 422), (path, body, refused.content)


def test_an_amount_that_is_none_is_refused_by_its_name(world):
    amounts = {
        "/orders/": ["quantity", "limit_price_usd"],
        "/accounts/top-up/": ["amount_usd"],
        "/accounts/pay-out/": ["amount_usd"],
        "/loans/": ["quantity"],
        "/shares/": ["quantity"],
        "/shares/draws/": ["quantity"],
        "/rules/": ["limit_price_usd", "most_per_day"],
    }
    bodies = world.bodies()
    for path, names in amounts.items():
        for name in names:
            for value in NO_DECIMALS:
                refused = post(world.own.team.client, world.path(path), {**bodies[path], name: value})
                assert refused.status_code == 422, (path, name, value, refused.content)
                assert fields_of(refused) == [name], (path, value)


@pytest.mark.parametrize("path", ["/orders/", "/loans/", "/shares/", "/shares/draws/", "/rules/", "/accounts/top-up/"])
def test_a_budget_of_others_that_has_ended_or_never_was_is_refused_by_its_name(world, path):
    is_money = path == "/accounts/top-up/"
    foreign = world.other.money if is_money else world.other.tokens
    wrong_unit = world.own.tokens if is_money else world.own.money
    for budget in (*NO_IDS, str(uuid4()), str(foreign), str(wrong_unit)):
        refused = post(world.own.team.client, world.path(path), {**world.bodies()[path], "budget": budget})
        assert refused.status_code in (403, 404, 422), (budget, refused.content)
        assert fields_of(refused) == ["budget"], budget
    own = world.own.money if is_money else world.own.tokens
    Budget.objects.filter(pk=own).update(deallocated_at=timezone.now())
    refused = post(world.own.team.client, world.path(path), world.bodies()[path])
    Budget.objects.filter(pk=own).update(deallocated_at=None)
    assert (refused.status_code, fields_of(refused)) == (403, ["budget"]), refused.content


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("/orders/", "good_until", ["", "soon", 7, "2001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31"]),
        ("/orders/", "delivery", ["2001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", [], True]),
        ("/orders/", "region", ["nowhere", "x" * 65, "\x00"]),
        ("/orders/", "units", ["1", [0], [-1], [2**63], ["x"], [1] * 101]),
        ("/orders/", "kind", ["", "stop", 1]),
        ("/orders/", "session", ["", "night"]),
        ("/loans/", "due_at", [None, "", "soon", "2001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"]),
        ("/loans/", "fee_usd", [None, "-1", "NaN", "1e400", "0.0000001"]),
        ("/rules/", "by_hour_utc", [None, -1, 24, "x", 1.5]),
        ("/rules/", "kind", [None, "", "gamble"]),
        ("/rules/", "most_usd_per_day", ["1", "NaN", "-1"]),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_its_name(world, path, name, values):
    for value in values:
        refused = post(world.own.team.client, world.path(path), {**world.bodies()[path], name: value})
        assert refused.status_code == 422, (value, refused.content)
        assert {str(field).partition(".")[0].partition("[")[0] for field in fields_of(refused)} == {name}, value


def test_things_of_another_team_do_not_exist_for_a_stranger(world):
    stranger = world.other.team.client
    for path, body in world.of_things().items():
        missing = post(stranger, world.path(path), body)
        # An open offer is for everybody to see; what only its lender may do is forbidden.
        assert missing.status_code in ((403, 404) if "/loans/" in path else (404,)), (path, missing.content)
    for path in ("/orders/{order}/", "/flags/{flag}/", "/rules/{rule}/"):
        assert stranger.get(world.path(path)).status_code == 404
    assert stranger.delete(world.path("/orders/{order}/")).status_code == 404
    assert stranger.patch(world.path("/rules/{rule}/"), {"is_active": False}, format="json").status_code == 404
    assert stranger.delete(world.path("/rules/{rule}/")).status_code == 404
    for path in ("/orders/", "/accounts/", "/trades/", "/flags/", "/rules/", "/units/", "/forwards/"):
        assert str(world.ids["order"]) not in stranger.get(BASE + path).content.decode()


@pytest.mark.parametrize("scopes", [{Scope.MARKET_READ}, ALL_SCOPES - {Scope.MARKET_TRADE}])
def test_without_the_scope_nobody_trades(world, scopes):
    reader = make_team("Reader", scopes=scopes).client
    for path, body in {**world.bodies(), **world.of_things(), "/loans/{loan}/accept/": {}}.items():
        assert post(reader, world.path(path), body).status_code == 403, path
    for path in ("/orders/{order}/", "/rules/{rule}/"):
        assert reader.delete(world.path(path)).status_code == 403


def test_a_team_operates_nothing(world):
    team = {"team": world.own.team.team_id}
    unit = {"registry": "V", "serial_prefix": "P-", "serial_first": 1, "serial_last": 2}
    for path, body in {
        "/accounts/deposits/": {**team, "amount_usd": "1", "reason": "mine"},
        "/halts/": {"instrument": None, "reason": "mine"},
        "/units/": {**team, "units": [unit]},
    }.items():
        assert post(world.own.team.client, BASE + path, body).status_code == 403


def test_an_operator_is_told_what_is_wrong(world):
    operator = make_team("Operator", scopes={*ALL_SCOPES, Scope.MARKET_OPERATE}).client
    good = {"team": world.own.team.team_id, "amount_usd": "1", "reason": "a grant"}
    for changes, status in (
        ({"amount_usd": "-1"}, 422),
        ({"amount_usd": "0"}, 422),
        ({"amount_usd": "1e400"}, 422),
        ({"reason": " "}, 422),
        ({"reason": "x" * 301}, 422),
        ({"team": 0}, 422),
        ({"team": 2**31 - 1}, 404),
    ):
        assert post(operator, f"{BASE}/accounts/deposits/", {**good, **changes}).status_code == status, changes
    halt = {"instrument": None, "reason": "a bug"}
    for field, value, status in (
        ("instrument", "no-such", 404),
        ("instrument", "\x00", 422),
        ("reason", " ", 422),
        ("reason", "x" * 2_000, 422),
        ("until", "2001-01-01T00:00:00Z", 422),
    ):
        refused = post(operator, f"{BASE}/halts/", {**halt, field: value})
        assert (refused.status_code, set(fields_of(refused))) == (status, {field}), refused.content


def test_staff_without_a_team_trade_for_nobody(world, admin_client):
    client = APIClient()
    client.force_login(get_user_model().objects.get(username="admin"))
    for path, body in {**world.bodies(), **world.of_things()}.items():
        assert post(client, world.path(path), body).status_code == 403, path


def test_a_browser_without_its_token_changes_nothing(world, admin_client):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.get(username="admin"))
    for path in ("/accounts/deposits/", "/halts/"):
        assert post(client, BASE + path, {"reason": "x"}).status_code == 403


def test_an_answer_is_replayed_to_its_own_team_only(world):
    path, key = world.path("/orders/{order}/cancel/"), {"Idempotency-Key": "shared"}
    stranger = post(world.other.team.client, path, {}, **key)
    assert stranger.status_code == 404
    assert "Idempotent-Replayed" not in stranger.headers
    assert post(world.other.team.client, path, {}, **key).status_code == 404


def test_lists_refuse_queries_that_cannot_be_meant(world):
    for query in (
        "/orders/?before=0",
        "/orders/?before=x",
        f"/orders/?before={2**63}",
        "/orders/?budget=x",
        "/orders/?instrument=%00",
        "/auctions/?before=-1",
        "/auctions/?since=soon",
        "/trades/?scope=all",
        "/loans/?before=x",
        "/fund/?kind=x",
        "/prices/?unit=micro_usd",
        "/prices/?deadline=soon",
    ):
        assert world.own.team.client.get(BASE + query).status_code == 422, query
    for path in (f"/auctions/{2**70}/", f"/flags/{2**70}/", f"/rules/{2**70}/", f"/auctions/{2**70}/replay/"):
        assert world.own.team.client.get(BASE + path).status_code == 404, path
