"""Lanes of several processes at once: no hour, Fund or budget gives more than it has, and every book agrees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Sum

from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from market.models import AllocationRequest, Decision, Fund, Policy, RegionHour
from market.selectors import list_fund_differences
from market.services import deposit_to_fund
from tests.integration.market.inline.asking import REGIONS
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)
PROCESSES = 4 if connection.vendor == "postgresql" else 2
ROOT = Path(__file__).resolve().parents[4]


def _database_url() -> str:
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{found['NAME']}"


@pytest.fixture(scope="module")
def workers(django_db_setup):
    env = {**os.environ, "DATABASE_URL": _database_url()}
    command = [sys.executable, "-m", "tests.integration.market.inline.lane_worker"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, cwd=ROOT, env=env, **pipes) for _ in range(PROCESSES)]
    try:
        for each in started:
            assert each.stdout.readline() == "ready\n"
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait()


def run(workers, **order: Any) -> Counter[str]:
    """What became of all asks of all lanes."""
    for seed, each in enumerate(workers):
        each.stdin.write(json.dumps({"regions": REGIONS, "is_whole": False, **order, "seed": seed}) + "\n")
        each.stdin.flush()
    outcomes: Counter[str] = Counter()
    for each in workers:
        outcomes.update(json.loads(each.stdout.readline()))
    return outcomes


def payer(team, country, budget):
    return {"team": team.team_id, "organisation": team.organisation_id, "country": country, "budget": str(budget)}


def test_of_many_lanes_at_once_exactly_those_that_the_budget_pays_are_granted(workers):
    load_world()
    team = make_team()
    budget = make_budget(team, 5000)
    outcomes = run(workers, payers=[payer(team, "DE", budget)], tokens=[100], is_whole=True, then=["keep"], batches=6)
    assert outcomes["granted"] == 50, outcomes
    assert outcomes.keys() == {"granted", "keep", "budget_exhausted"}
    assert Budget.objects.get(pk=budget).reserved == 5000
    assert RegionHour.objects.aggregate(sum=Sum("promised_tokens"))["sum"] == 5000
    assert list_ledger_differences() == []


def test_nothing_is_promised_twice_while_work_is_granted_moved_settled_and_given_back(workers):
    load_world()
    Policy.objects.filter(is_default=True).update(is_default=False)
    Policy.objects.filter(name="seed-2025", is_current=True).update(is_default=True)
    RegionCapacity.objects.filter(model_class="S", region__in=REGIONS).update(tokens_per_hour=9_000)
    deposit_to_fund(micro_usd=4_000_000, actor="test", reason="test", now=NOW)
    teams = [(make_team(f"{country} desk", country_code=country), country) for country in ("BD", "DE", "KE")]
    above = make_budget(teams[0][0], 6_000, team_id=None, level="organisation", name="above")
    payers = [payer(team, country, make_budget(team, 12_000)) for team, country in teams]
    payers.append(payer(teams[0][0], "BD", make_budget(teams[0][0], 12_000, name="below", parent_id=above)))
    outcomes = run(
        workers, payers=payers, tokens=[50, 300, 2000], then=["keep", "move", "settle", "release"], batches=6
    )
    assert outcomes["granted"] > 20, outcomes
    open_ = AllocationRequest.objects.filter(status__in=("granted", "partial"))
    assert Hold.objects.filter(status="dispatched").count() == open_.count()
    assert not RegionHour.objects.filter(capacity_tokens__lt=F("promised_tokens") + F("planned_tokens")).exists()
    fund = Fund.objects.get()
    newest = Decision.objects.filter(request__in=open_).order_by("request", "-sequence")
    promised = {each.request_id: each.fund_reserved_micro_usd for each in reversed(newest)}
    assert 0 <= fund.reserved_micro_usd == sum(promised.values()) <= fund.balance_micro_usd
    assert list_ledger_differences() == []
    assert list_fund_differences() == []
