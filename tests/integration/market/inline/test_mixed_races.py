"""Everything that moves hours, the Fund and budgets at once, over the turn of a day: the books agree afterwards."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db.models import F

from budgets import services as paying
from budgets.domain.periods import Period
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from climate.models import RegionCapacity
from config.kernel.errors import DomainError
from config.kernel.transactions import in_transaction
from market import services as market
from market.domain.inline import InlineGrant, InlineReturn, InlineUse
from market.models import AllocationRequest, Policy, RegionHour
from market.selectors import list_fund_differences
from tests.integration.budgets.quota_work import deliver, give, offer, take
from tests.integration.market.inline.asking import REGIONS, inline_ask
from tests.integration.market.planned_work import ask, run
from tests.integration.processes import in_processes
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
ROUNDS = int(os.environ.get("MIXED_RACE_ROUNDS", "6"))
TOMORROW = NOW + timedelta(days=1)


def times() -> list[datetime]:
    """Half of the rounds today, half tomorrow: periods turn, and leases of today are over."""
    half = ROUNDS // 2
    return [*(NOW + timedelta(seconds=n) for n in range(half)), *(TOMORROW + timedelta(seconds=n) for n in range(half))]


def tried(work) -> str:
    try:
        in_transaction(work)
    except DomainError as refusal:
        return refusal.code
    return "done"


def calls(team, leaves, seed) -> Counter[str]:
    """A gateway: grants in batches, moves, and ends of which some were used and some not; a few are left open."""
    chance, told, open_ = random.Random(seed), Counter[str](), []
    for now in times():
        asks = [
            inline_ask(
                team,
                origin="BD",
                request_id=uuid4(),
                budget_id=chance.choice(leaves),
                tokens=chance.choice([50, 300, 900]),
                least_tokens=50,
                input_tokens=10,
                regions=tuple(chance.sample(REGIONS, 3)),
                lease_expires_at=now + timedelta(minutes=5),
            )
            for _ in range(chance.randint(1, 8))
        ]
        answers = in_transaction(lambda asks=asks, now=now: market.grant_inline(asks, now=now))
        told.update("granted" if isinstance(each, InlineGrant) else each.code for each in answers)
        open_ += [each for each in answers if isinstance(each, InlineGrant)]
        for each in chance.sample(open_, min(2, len(open_))):
            move = {"regions": (chance.choice(REGIONS),), "routing": {}, "actor": "gateway", "why": "race"}
            told[f"move {tried(partial(market.move_inline, request_id=each.request_id, now=now, **move))}"] += 1
        chance.shuffle(open_)
        ended, open_ = open_[: 2 * len(open_) // 3], open_[2 * len(open_) // 3 :]
        uses = [
            InlineUse(
                request_id=each.request_id, actor="gateway", used_tokens=each.granted_tokens - chance.randint(0, 9)
            )
            for each in ended[::2]
        ]
        back = [InlineReturn(request_id=each.request_id, actor="gateway", reason="race") for each in ended[1::2]]
        settled, given_back = in_transaction(partial(market.end_inline, uses, back, now=now))
        for outcome in (*settled, *given_back):
            told[f"end {outcome.code}" if isinstance(outcome, DomainError) else "ended"] += 1
    return told


def sweeping() -> Counter[str]:
    told = Counter[str]()
    for now in times():
        told["swept"] += market.expire_overdue(now=now) + paying.sweep_holds(now=now)
        told["turned"] += paying.begin_due_periods(now=now)
    return told


def planning(team, leaves) -> Counter[str]:
    told = Counter[str]()
    for now in times():
        wanted = {"model_class": "S", "tokens": 200, "budget_id": leaves[0], "latest": now + timedelta(hours=3)}
        told[f"ask {tried(lambda now=now, wanted=wanted: ask(team.principal, now=now, **wanted))}"] += 1
        told[f"pass {tried_alone(partial(run, now=now))}"] += 1
        told["taken up"] += market.take_up_due(now=now)
    return told


def tried_alone(work) -> str:
    try:
        work()
    except DomainError as refusal:
        return refusal.code
    return "done"


def trading(leaves) -> Counter[str]:
    told = Counter[str]()
    for number, now in enumerate(times()):
        one, two = leaves[number % 3], leaves[(number + 1) % 3]
        told[f"offer {tried(partial(offer, one, 90, f'{number}', now=now))}"] += 1
        told[f"trade {tried(partial(deliver, [give(one, 60, f'{number}')], [take(two, 60)], now=now))}"] += 1
    return told


def test_gateways_sweeps_passes_trades_and_turns_at_once_leave_books_that_agree():
    load_world()
    Policy.objects.filter(is_default=True).update(is_default=False)
    Policy.objects.filter(name="seed-2025", is_current=True).update(is_default=True)
    RegionCapacity.objects.filter(model_class="S", region__in=REGIONS).update(tokens_per_hour=4_000)
    market.deposit_to_fund(micro_usd=2_000, actor="test", reason="test", now=NOW)
    team = make_team("Delta desk", country_code="BD")
    root = make_budget(team, 12_000, name="root", period=Period.DAY)
    leaves = [
        make_budget(team, 5_000, name=f"leaf {n}", parent_id=root, period=Period.DAY, tradeable_percent=50)
        for n in range(3)
    ]
    told = in_processes(
        [
            partial(calls, team, leaves, 1),
            partial(calls, team, leaves, 2),
            partial(calls, team, leaves, 3),
            sweeping,
            partial(planning, team, leaves),
            partial(trading, leaves),
        ]
    )
    sums = sum(told, Counter[str]())
    assert sums["granted"] > ROUNDS, told
    assert sums["ended"] > ROUNDS, told
    assert not RegionHour.objects.filter(capacity_tokens__lt=F("promised_tokens") + F("planned_tokens")).exists()
    assert all(0 <= each.spent + each.reserved <= each.limit for each in Budget.objects.all()), told
    assert (list_ledger_differences(), list_fund_differences()) == ([], [])
    market.expire_overdue(now=TOMORROW + timedelta(hours=2))
    assert not AllocationRequest.objects.filter(status__in=AllocationRequest.HOLDING).exists()
    assert not Hold.objects.filter(status="dispatched").exists()
    assert (list_ledger_differences(), list_fund_differences()) == ([], [])
