"""Inline grants that several processes want to end at once, or that a dead one leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connections, transaction

from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from config.kernel.errors import Conflict, DomainError
from market.domain.inline import InlineUse
from market.models import AllocationRequest, RegionHour, Settlement
from market.selectors import list_fund_differences
from market.services import (
    cancel,
    deposit_to_fund,
    dispatch,
    expire_overdue,
    settle,
)
from tests.integration.market.inline.asking import release_inline, settle_inline
from tests.integration.market.planned_work import ask
from tests.integration.processes import in_processes
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
LATER = NOW + timedelta(minutes=61)
FEW = 6


@pytest.fixture
def team(transactional_db):
    load_world()
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    return make_team()


def granted(team, budget, **values):
    request = ask(team.principal, latest=None, budget_id=budget, **values)
    dispatch(request_id=request.pk, fence=None, actor="test", now=NOW)
    return request.pk


def report(request_ids, step):
    """Settle all of them in batches; those that this process was the one to settle."""
    won = []
    ordered = request_ids[::step]
    for first in range(0, len(ordered), FEW):
        uses = [
            InlineUse(request_id=each, actor="test", used_tokens=300, input_tokens=100)
            for each in ordered[first : first + FEW]
        ]
        settled = settle_inline(uses, now=LATER)
        assert all(isinstance(each, Conflict) for each in settled if isinstance(each, DomainError))
        won += [each.request_id for each in settled if not isinstance(each, DomainError)]
    return won


def report_alone(request_ids):
    won = []
    for each in request_ids[::2]:
        try:
            settle(request_id=each, used_tokens=300, quality=None, collaboration=None, actor="test", now=LATER)
            won.append(each)
        except Conflict:
            pass
    return won


def give_back(request_ids):
    won = []
    for first in range(0, len(request_ids), 2 * FEW):
        some = request_ids[first : first + 3]
        ended = release_inline(some, actor="test", reason="nothing came", now=LATER)
        won += [each for each, refusal in zip(some, ended, strict=True) if refusal is None]
    return won


def withdraw(request_ids):
    won = []
    for each in request_ids[3::FEW]:
        try:
            cancel(request_id=each, actor="test", now=LATER)
            won.append(each)
        except Conflict:
            pass
    return won


def sweep():
    for _ in range(3):
        expire_overdue(now=LATER)
    return []


def ask_more(team, budget):
    for _ in range(5):
        ask(team.principal, now=LATER, latest=None, budget_id=budget)
    return []


def test_whoever_is_first_ends_a_grant_and_the_books_add_up(team):
    root = make_budget(team, 10**6, name="root")
    leaves = [make_budget(team, Decimal(10**5), name=f"leaf {each}", parent_id=root) for each in range(3)]
    request_ids = [
        granted(team, leaves[index % 3], origin="BD" if index % 2 else "US", policy="seed-2025") for index in range(18)
    ]
    outcomes = in_processes(
        [
            partial(report, request_ids, 1),
            partial(report, request_ids, -1),
            partial(report_alone, request_ids),
            partial(give_back, request_ids),
            partial(withdraw, request_ids),
            sweep,
            partial(ask_more, team, leaves[0]),
        ]
    )
    assert Counter(each for won in outcomes for each in won) == Counter(request_ids)
    ended = dict(AllocationRequest.objects.filter(pk__in=request_ids).values_list("pk", "status"))
    settled = set(Settlement.objects.filter(is_verified=True).values_list("request", flat=True))
    assert {key for key, status in ended.items() if status == "settled"} == settled
    assert set(ended.values()) <= {"settled", "cancelled"}
    rows = Budget.objects.in_bulk([root, *leaves])
    assert rows[root].spent == 300 * len(settled) == sum(rows[leaf].spent for leaf in leaves)
    assert list_ledger_differences() == []
    assert list_fund_differences() == []


def test_batches_that_cross_each_other_all_end(team):
    leaves = [make_budget(team, 10**5, name=f"leaf {each}") for each in range(4)]
    regions = ["aws-eu-north-1", "aws-eu-west-3", "aws-eu-central-1"]
    request_ids = [
        granted(team, leaves[index % 4], eligible_regions=(regions[index % 3],), model_class="SML"[index % 3])
        for index in range(18)
    ]
    orders = [partial(report, request_ids[shift:] + request_ids[:shift], 1) for shift in (0, 5, 11, 17)]
    assert Counter(each for won in in_processes(orders) for each in won) == Counter(request_ids)
    assert {row.reserved for row in Budget.objects.filter(pk__in=leaves)} == {0}
    # The hour of the grants is over: what was not used of it is history.
    assert sum(row.promised_tokens for row in RegionHour.objects.all()) == 18 * 1000
    assert list_ledger_differences() == []


def killed_while_settling(request_ids):
    connections.close_all()
    with transaction.atomic():
        settle_inline([InlineUse(request_id=each, actor="test", used_tokens=5) for each in request_ids], now=NOW)
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_settled_is_undone_and_the_sweep_ends_it_unverified(team):
    budget = make_budget(team, 100_000)
    request_ids = [granted(team, budget) for _ in range(3)]
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=killed_while_settling, args=(request_ids,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert Settlement.objects.count() == 0
    assert Budget.objects.get(pk=budget).reserved == 3000
    assert expire_overdue(now=LATER) == 3
    assert set(Settlement.objects.values_list("is_verified", "used_tokens")) == {(False, 1000)}
    # The report comes after all: it corrects what was taken for granted, once.
    uses = [InlineUse(request_id=each, actor="test", used_tokens=400, input_tokens=300) for each in request_ids]
    assert [each.remaining for each in settle_inline(uses, now=LATER)] == ["97600", "98200", "98800"]
    assert all(isinstance(each, Conflict) for each in settle_inline(uses, now=LATER))
    assert set(Settlement.objects.values_list("is_verified", "used_tokens", "input_tokens")) == {(True, 400, 300)}
    assert list_ledger_differences() == []
