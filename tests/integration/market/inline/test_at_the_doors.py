"""A call that the gateway makes is charged by what its provider reports: its caller cannot end it for less."""

from __future__ import annotations

import pytest

from budgets.models import Budget, Hold
from market.domain.inline import InlineUse
from market.services import expire_overdue
from tests.integration.market.inline.asking import grant, inline_ask, lease, request_of, settle_inline
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db
WAYS = [("settle", {"used_tokens": 0}), ("release", {}), ("cancel", {}), ("dispatch", {"fence": 2})]


@pytest.fixture
def team(db):
    load_world()
    return make_team()


@pytest.mark.parametrize(("way", "body"), WAYS)
def test_the_caller_of_a_call_cannot_end_it_or_take_it_over(team, way, body):
    budget, ask = make_budget(team, is_default=True), inline_ask(team)
    [granted] = grant(ask)
    answer = team.client.post(f"/api/v1/requests/{ask.request_id}/{way}/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "served_by_gateway")
    assert (request_of(ask).status, Hold.objects.get(pk=granted.hold_id).fence) == ("granted", 2)
    settle_inline([InlineUse(request_id=ask.request_id, actor="gateway", used_tokens=290)], now=NOW)
    assert (Budget.objects.get(pk=budget).spent, Budget.objects.get(pk=budget).reserved) == (290, 0)


def test_a_caller_cannot_correct_what_a_lost_call_was_charged(team):
    budget, ask = make_budget(team, is_default=True), inline_ask(team)
    grant(ask)
    assert expire_overdue(now=lease()) == 1
    answer = team.client.post(f"/api/v1/requests/{ask.request_id}/settle/", {"used_tokens": 0})
    assert answer.json()["code"] == "served_by_gateway"
    assert Budget.objects.get(pk=budget).spent == 300
