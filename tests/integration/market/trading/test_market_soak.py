"""Agents trading, lending and working on the same budgets for a while, workers killed: nothing is lost or sold twice.

MARKET_SOAK_SECONDS=300 MARKET_SOAK_AGENTS=200 is the long version.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

import pytest
from django.db import connections
from django.db.models import Sum

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from budgets.services import release_hold
from market.models import OUTSIDE, Account, Auction, Fund, Loan, Order, Trade
from market.selectors import list_fund_differences, list_market_differences
from market.services import cancel_loan, run_due_calls, run_due_loans, strike_order
from tests.integration.market.trading.soaking import OPEN_LOANS, Agent, Soak, first_order, loop
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
SECONDS = float(os.environ.get("MARKET_SOAK_SECONDS", "16"))
AGENTS = int(os.environ.get("MARKET_SOAK_AGENTS", "20"))
CAST = ("trade", "trade", "trade", "lend", "use", "use", "work", "work", "administer")
KILL_EVERY_SECONDS = 0.9
MOST_PATIENCE = 8
TOKENS, MICRO_USD = 40_000, 200_000


@pytest.fixture
def soak(transactional_db, tmp_path) -> Soak:
    load_world()
    agents = tuple(_agent(index) for index in range(AGENTS))
    soak = Soak(agents=agents, starts_at=NOW + timedelta(minutes=30), wall=time.time(), folder=tmp_path)
    for index in range(AGENTS):
        first_order(soak, index)
    return replace(soak, wall=time.time())


def _agent(index: int) -> Agent:
    """Every other team is of a poor country; tokens are in a leaf below a root."""
    team = make_team(f"Agent {index}", country_code="BD" if index % 2 else "DE")
    root = make_budget(team, TOKENS, name="root", period=Period.MONTH)
    return Agent(
        team_id=team.team_id,
        principal=team.principal,
        tokens=make_budget(team, TOKENS, name="tokens", parent_id=root, period=Period.MONTH),
        money=make_budget(team, MICRO_USD, name="money", unit=Unit.MICRO_USD, period=Period.MONTH),
    )


def assert_sound(soak: Soak) -> None:
    """The books agree, nothing is oversold, and all tokens and all money are somewhere."""
    assert list_ledger_differences() == []
    assert list_fund_differences() == []
    assert list_market_differences() == []
    assert not [each for each in Budget.objects.all() if each.spent + each.reserved > each.limit]
    leaves = Budget.objects.filter(pk__in=[each.tokens for each in soak.agents])
    assert leaves.aggregate(sum=Sum("limit"))["sum"] == AGENTS * TOKENS
    money = Budget.objects.filter(unit=Unit.MICRO_USD).aggregate(sum=Sum("limit"))["sum"]
    outside = Account.objects.filter(name=OUTSIDE).values_list("balance_micro_usd", flat=True).first() or 0
    assert money - outside == AGENTS * MICRO_USD
    assert not Account.objects.exclude(kind__in=("fund", "outside")).filter(balance_micro_usd__lt=0).exists()
    assert not [each for each in Fund.objects.all() if not 0 <= each.reserved_micro_usd <= each.balance_micro_usd]


def test_agents_lenders_requests_workers_and_kills_at_once_lose_and_oversell_nothing(soak):
    kills = _act_out(soak)
    for name in ("done", "refused"):
        soak.note("summary", f"{name}: {dict(Counter(soak.noted(name)))}")
    assert soak.noted("errors") == []
    done = Counter(soak.noted("done"))
    assert {each.split()[0] for each in done} == set(CAST), (done, Counter(soak.noted("refused")))
    assert kills > 2
    assert Auction.objects.filter(status__in=("cleared", "reversed"), kind="call").exists(), done
    assert Trade.objects.exists()
    assert_sound(soak)
    _bring_to_an_end(soak)


def _bring_to_an_end(soak: Soak) -> None:
    """Whatever is open ends, and nothing stays kept for anybody."""
    now = soak.now()
    for hold in Hold.objects.filter(reference__startswith="soak:", status__in=Hold.OPEN):
        release_hold(hold_id=hold.pk, actor="test", now=now)
    for loan in Loan.objects.filter(status=Loan.Status.OFFERED):
        principal = next(each.principal for each in soak.agents if each.team_id == loan.lender_team_id)
        cancel_loan(loan_id=loan.pk, principal=principal, now=now)
    while Loan.objects.filter(status__in=(*OPEN_LOANS, Loan.Status.BUYING_IN)).exists():
        now += timedelta(hours=1)
        run_due_loans(now=now)
        run_due_calls(now=now)
        assert_sound(soak)
        assert now < soak.now() + timedelta(days=10)
    for order_id in Order.objects.filter(status=Order.Status.OPEN).values_list("id", flat=True):
        strike_order(order_id=order_id, actor="test", reason="the end", now=now)
    assert_sound(soak)
    assert not Hold.objects.filter(status__in=Hold.OPEN).exists()
    assert not Budget.objects.exclude(reserved=0).exists()
    assert not Account.objects.exclude(reserved_micro_usd=0).exists()


def _act_out(soak: Soak) -> int:
    """Start everybody, kill somebody now and then and put another in his place; how many were killed."""
    connections.close_all()
    chance, kills = random.Random(5), 0
    cast = [_started(soak, name, seed) for seed, name in enumerate(CAST)]
    while not _has_seen_enough(soak):
        time.sleep(KILL_EVERY_SECONDS)
        place = chance.randrange(len(CAST))
        cast[place].kill()
        cast[place].join()
        kills += cast[place].exitcode == -signal.SIGKILL
        cast[place] = _started(soak, CAST[place], 100 + kills)
    soak.note("over", "")
    for each in cast:
        each.join(60)
        assert each.exitcode == 0
    return kills


def _has_seen_enough(soak: Soak) -> bool:
    """The time is up and everybody has done something; on a machine that is too slow for that, later."""
    elapsed = time.time() - soak.wall
    done = soak.noted("done")
    has_all = {line.split()[0] for line in done} == set(CAST) and "work call cleared" in done
    return elapsed > SECONDS * MOST_PATIENCE or (elapsed > SECONDS and has_all)


def _started(soak: Soak, name: str, seed: int) -> BaseProcess:
    worker = get_context("fork").Process(target=loop, args=(soak, name, seed))
    worker.start()
    return worker
