"""Grants that end together leave the same rows as one by one, whatever they used and whenever they are reported."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets import models as paying
from budgets.selectors import list_ledger_differences
from config.kernel.errors import DomainError
from market import models as market
from market.domain.footprint import Split
from market.domain.inline import InlineReturn, InlineUse
from market.models import AllocationRequest
from market.selectors import list_fund_differences
from market.services import (
    cancel,
    deposit_to_fund,
    dispatch,
    end_inline,
    expire_overdue,
    release,
    settle,
)
from tests.integration.budgets.twin_trees import Tree, assert_sound
from tests.integration.market.inline.asking import release_inline, settle_inline
from tests.integration.market.planned_work import ask
from tests.integration.world import NOW, load_world, make_budget, make_team, undone

pytestmark = pytest.mark.django_db
TABLES = [
    AllocationRequest,
    market.Settlement,
    market.RegionHour,
    market.Fund,
    market.FundEntry,
    paying.Budget,
    paying.Hold,
    paying.HoldLine,
    paying.LedgerEntry,
    paying.SpendBucket,
    paying.BudgetAlert,
    paying.PeriodRecord,
    paying.EstimateOutcome,
    paying.EconomicEvent,
]
LATER = [timedelta(minutes=1), timedelta(minutes=50), timedelta(hours=14)]
EXAMPLES = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def stored():
    """Every column of every row but the keys that the database gives out, in no order."""
    return {
        table.__name__: Counter(
            repr(sorted((name, value) for name, value in row.items() if name != "id" or table in (AllocationRequest,)))
            for row in table.objects.order_by().values()
        )
        for table in TABLES
    }


class Work:
    """Grants on leaves of different trees: open ones, and odd ones that only the ordinary services can end."""

    def __init__(self):
        load_world()
        self.team = make_team()
        deposit_to_fund(micro_usd=300_000, actor="test", reason="test", now=NOW)
        tree = Tree(self.team)
        big = make_budget(self.team, 100_000, name="big")
        self.odd = [self._late(big), self._unverified(big), self._given_back(big)]
        self.open = [self._granted(tree.ids[leaf], tokens=200) for leaf in ("desk", "desk", "agent", "other")]
        self.open += [
            self._granted(big, policy="seed-2025", origin="BD"),
            self._granted(big, origin="US", input_tokens=300),
            self._granted(big, tokens=None, mode="express"),
            self._granted(big, tokens=None, mode="council", eligible_regions=("aws-eu-west-3",)),
        ]

    def _granted(self, budget, **values):
        request = ask(self.team.principal, latest=None, budget_id=budget, **values)
        dispatch(request_id=request.pk, fence=None, actor="test", now=NOW)
        return request

    def _late(self, budget):
        before = NOW - timedelta(hours=2)
        request = ask(self.team.principal, latest=None, budget_id=budget, now=before, policy="seed-2025", origin="BD")
        expire_overdue(now=NOW)
        return request

    def _unverified(self, budget):
        before = NOW - timedelta(hours=2)
        request = ask(self.team.principal, latest=None, budget_id=budget, now=before)
        dispatch(request_id=request.pk, fence=None, actor="test", now=before)
        expire_overdue(now=NOW)
        return request

    def _given_back(self, budget):
        request = ask(self.team.principal, latest=None, budget_id=budget)
        cancel(request_id=request.pk, actor="test", now=NOW)
        return request


@pytest.fixture
def work(db):
    return Work()


def one_by_one(uses, now):
    outcomes = []
    for use in uses:
        split = use.input_tokens is not None and Split(input_tokens=use.input_tokens, cached_tokens=use.cached_tokens)
        try:
            outcomes.append(
                settle(
                    request_id=use.request_id,
                    used_tokens=use.used_tokens,
                    quality=use.quality,
                    collaboration=None,
                    actor=use.actor,
                    now=now,
                    split=split or None,
                )
            )
        except DomainError as refusal:
            outcomes.append((type(refusal), refusal.field, refusal.detail))
    return outcomes


def together(uses, now):
    return [
        (type(each), each.field, each.detail) if isinstance(each, DomainError) else each.warning_percent
        for each in settle_inline(uses, now=now)
    ]


used = st.one_of(st.integers(0, 250), st.integers(0, 1000), st.sampled_from([200, 1000, 1500, 10**6]))


def use_of(draw, request):
    tokens = draw(used)
    input_tokens = draw(st.one_of(st.none(), st.integers(0, tokens + 1)))
    return InlineUse(
        request_id=request.pk,
        actor=draw(st.sampled_from(["key:1", "person:2"])),
        used_tokens=tokens,
        input_tokens=input_tokens,
        cached_tokens=draw(st.integers(0, input_tokens or 0)),
        quality=draw(st.sampled_from([None, None, 0.5, 1.0])),
    )


@EXAMPLES
@given(data=st.data())
def test_settled_together_is_settled_one_by_one(work, data):
    now = NOW + data.draw(st.sampled_from(LATER))
    reported = data.draw(st.lists(st.sampled_from(work.open), unique=True, min_size=1))
    reported += data.draw(st.lists(st.sampled_from([*work.odd, *reported[:1]]), unique=True))
    uses = [use_of(data.draw, request) for request in reported]
    with undone():
        expected = one_by_one(uses, now), stored()
    with undone():
        assert (together(uses, now), stored()) == expected
        assert_sound()
        assert list_fund_differences() == []


@EXAMPLES
@given(data=st.data())
def test_given_back_together_is_given_back_one_by_one(work, data):
    now = NOW + data.draw(st.sampled_from(LATER))
    chosen = data.draw(st.lists(st.sampled_from(work.open), unique=True, min_size=1))
    chosen += data.draw(st.lists(st.sampled_from([*work.odd, *chosen[:1]]), unique=True))
    with undone():
        refusals = []
        for request in chosen:
            try:
                refusals.append(release(request_id=request.pk, actor="test", now=now, reason="upstream failed"))
            except DomainError as refusal:
                refusals.append(refusal.detail)
        expected = refusals, stored()
    with undone():
        ended = release_inline([each.pk for each in chosen], actor="test", reason="upstream failed", now=now)
        assert ([each and each.detail for each in ended], stored()) == expected
        assert list_ledger_differences() == []


@EXAMPLES
@given(data=st.data())
def test_used_and_unused_calls_that_end_together_end_as_one_by_one(work, data):
    now = NOW + data.draw(st.sampled_from(LATER))
    chosen = data.draw(st.lists(st.sampled_from(work.open), unique=True, min_size=2))
    half = len(chosen) // 2
    uses = [use_of(data.draw, request) for request in chosen[:half]]
    # Those under a block come after the others.
    back = [InlineReturn(request_id=each.pk, actor="test", reason="upstream failed") for each in chosen[half:]]
    with undone():
        one_by_one(uses, now)
        for each in sorted(back, key=lambda each: is_under_a_block(each.request_id)):
            release(request_id=each.request_id, actor="test", reason=each.reason, now=now)
        expected = stored()
    with undone():
        assert end_inline(uses, back, now=now)[1] == [None] * len(back)
        assert stored() == expected
        assert_sound()


def is_under_a_block(request_id):
    return paying.Hold.objects.get(reference=f"request:{request_id}").escrow_id is not None
