"""Many ask at once: capacity, Fund and budget are never promised twice, and one key means one decision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from market.models import AllocationRequest, Fund, RegionHour
from market.selectors import list_fund_differences
from market.services import deposit_to_fund
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/requests/"
BODY = {"purpose": "climate_adaptation", "origin": "BD", "model_class": "L", "tokens": 2000}


def post_many(team, bodies, **headers):
    def post(body):
        try:
            return team.client.post(URL, body, headers=headers)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        return list(pool.map(post, bodies))


@pytest.fixture
def team(transactional_db):
    load_world()
    return make_team()


def test_of_many_requests_exactly_those_that_the_budget_pays_are_granted(team):
    budget = make_budget(team, 10_000)
    answers = post_many(team, [{**BODY, "budget": str(budget)}] * 30)
    assert sorted(each.status_code for each in answers) == [201] * 5 + [402] * 25
    assert Budget.objects.get(pk=budget).reserved == 10_000
    assert list_ledger_differences() == []


def test_an_hour_is_never_promised_beyond_its_capacity(team):
    make_budget(team, 10**9, is_default=True)
    RegionCapacity.objects.filter(model_class="L").update(tokens_per_hour=0)
    RegionCapacity.objects.filter(model_class="L", region__in=["aws-eu-north-1", "aws-eu-west-3"]).update(
        tokens_per_hour=7000
    )
    answers = post_many(team, [BODY] * 12)
    granted = sum(each.json()["granted_tokens"] for each in answers)
    assert granted == 14_000
    assert {row.promised_tokens for row in RegionHour.objects.all()} == {7000}


def test_the_fund_is_never_promised_twice(team):
    make_budget(team, 10**9, is_default=True)
    deposit_to_fund(micro_usd=1_500_000, actor="test", reason="test", now=NOW)
    answers = post_many(team, [{**BODY, "policy": "seed-2025"}] * 8)
    assert all(each.status_code == 201 for each in answers)
    fund = Fund.objects.get()
    assert 0 < fund.reserved_micro_usd <= fund.balance_micro_usd == 1_500_000
    assert list_fund_differences() == []


def test_one_key_sent_many_times_at_once_makes_one_decision(team):
    budget = make_budget(team, 100_000)
    answers = post_many(team, [{**BODY, "budget": str(budget)}] * 20, **{"Idempotency-Key": "one"})
    assert AllocationRequest.objects.count() == 1
    assert Budget.objects.get(pk=budget).reserved == 2000
    made = [each for each in answers if each.status_code == 201]
    running = [each for each in answers if each.status_code == 409]
    assert len(made) + len(running) == 20
    assert len({each.json()["id"] for each in made}) == 1
    assert all(each["Retry-After"] for each in running)
