"""Passes beside everybody and everything for a while, with kill -9 of any of them: nothing is lost or spent twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

import pytest
from django.db import connections

from budgets.domain.periods import Period
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from market.models import AllocationRequest, RegionHour
from market.selectors import list_fund_differences, list_plan_differences
from market.services import deposit_to_fund, expire_overdue, take_up_due
from market.services.passes import lease
from tests.integration.market.planned_work import ask, only_room, run
from tests.integration.market.soaking import OPEN, REGIONS, ROOM, Soak, loop
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
SECONDS = float(os.environ.get("PLAN_SOAK_SECONDS", "12"))
CAST = ("plan", "plan", "ask", "ask", "act", "tend", "administer")
KILL_EVERY_SECONDS = 0.7
LEASE = timedelta(minutes=4)
"""Of a pass: four seconds of the wall. So long one that was killed is in the way of the next."""


@pytest.fixture
def soak(transactional_db, tmp_path, monkeypatch) -> Soak:
    monkeypatch.setattr(lease, "LEASE", LEASE)
    load_world()
    team = make_team()
    root = make_budget(team, 100_000, name="root", period=Period.HOUR)
    payer = make_budget(team, 30_000, name="tokens", parent_id=root, period=Period.HOUR, is_default=True)
    money = make_budget(team, "2", name="money", parent_id=root, unit="micro_usd")
    deposit_to_fund(micro_usd=2_000_000, actor="test", reason="test", now=NOW)
    only_room(ROOM, *REGIONS)
    leaves = (payer, money)
    for index in range(20):  # what is imported and kept here, nobody who takes a killed one's place needs to
        ask(team.principal, tokens=100 + index, budget_id=leaves[index % 2])
    run()
    return Soak(
        team=team,
        leaves=leaves,
        starts_at=NOW + timedelta(minutes=30),
        wall=time.time(),
        seconds=SECONDS,
        folder=tmp_path,
    )


def books() -> list[str]:
    return [*list_ledger_differences(), *list_fund_differences(), *list_plan_differences()]


def assert_sound() -> None:
    assert books() == []
    assert all(each.promised_tokens + each.planned_tokens <= each.capacity_tokens for each in RegionHour.objects.all())
    assert all(each.spent + each.reserved <= each.limit for each in Budget.objects.all())
    holding = AllocationRequest.objects.filter(status__in=AllocationRequest.HOLDING).count()
    assert Hold.objects.filter(reference__startswith="request:", status__in=Hold.OPEN).count() == holding


def test_passes_people_administrators_and_kills_at_once_lose_nothing(soak):
    kills = _act_out(soak)
    assert soak.noted("errors") == []
    done = Counter(soak.noted("done"))
    assert set(done) == set(CAST), (done, Counter(soak.noted("refused")))
    assert kills > SECONDS / KILL_EVERY_SECONDS / 2
    asked = set(soak.noted("asked"))
    assert asked <= {str(pk) for pk in AllocationRequest.objects.values_list("pk", flat=True)}
    assert_sound()
    _bring_to_an_end(soak)


def _bring_to_an_end(soak: Soak) -> None:
    """On and on until nothing waits: every request has an answer, and nothing is kept for any of them."""
    now = soak.now() + timedelta(minutes=11)  # a pass that was killed has lost its lease
    while AllocationRequest.objects.filter(status__in=OPEN).exists():
        run(now=now)
        take_up_due(now=now)
        assert_sound()
        expire_overdue(now=now)
        assert_sound()
        now += timedelta(minutes=20)
        assert now < soak.now() + timedelta(hours=24)
    run(now=now)
    assert not Hold.objects.filter(status__in=Hold.OPEN).exists()
    assert not RegionHour.objects.filter(planned_tokens__gt=0).exists()
    assert_sound()


def _act_out(soak: Soak) -> int:
    """Start everybody, kill somebody now and then and put another in his place; how many were killed."""
    connections.close_all()
    chance, kills = random.Random(5), 0
    cast = [_started(soak, name, seed) for seed, name in enumerate(CAST)]
    rounds = int(SECONDS / KILL_EVERY_SECONDS)
    for turn in range(rounds):
        time.sleep(KILL_EVERY_SECONDS)
        # Passes are killed together, at half-time: nobody plans until the lease of one that died is over.
        places = (0, 1) if turn == rounds // 2 else (chance.randrange(2, len(CAST)),)
        for place in places:
            cast[place].kill()
            cast[place].join()
            kills += cast[place].exitcode == -signal.SIGKILL
            cast[place] = _started(soak, CAST[place], 100 + kills)
    for each in cast:
        each.join(60)
        assert each.exitcode == 0
    return kills


def _started(soak: Soak, name: str, seed: int) -> BaseProcess:
    worker = get_context("fork").Process(target=loop, args=(soak, name, seed))
    worker.start()
    return worker
