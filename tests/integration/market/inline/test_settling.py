"""Inline grants settled and given back together: the same rows as one by one, and exactly one end for each."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from budgets.events import BudgetsChanged
from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from config.kernel.errors import Conflict, DomainError
from market.domain.inline import InlineUse
from market.events import FundChanged, RequestsResolved
from market.models import Settlement
from market.selectors import list_fund_differences
from market.services import dispatch
from tests.integration.market.inline.asking import release_inline, settle_inline
from tests.integration.market.planned_work import ask
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def granted(team, **values):
    request = ask(team.principal, latest=None, **values)
    dispatch(request_id=request.pk, fence=None, actor="test", now=NOW)
    return request


def use(request, tokens=700, **values):
    return InlineUse(request_id=request.pk, actor="test", used_tokens=tokens, **values)


def test_several_are_settled_at_once_and_say_what_is_left(team, budget):
    requests = [granted(team) for _ in range(3)]
    settled = settle_inline([use(each) for each in requests], now=NOW)
    assert Budget.objects.get(pk=budget).spent == 2100
    assert settled[-1].remaining == "97900"
    assert settled[-1].remaining_unit == "tokens"
    assert list_ledger_differences() == []
    assert list_fund_differences() == []


def test_one_that_is_refused_leaves_the_others_settled(team, budget):
    one, two = granted(team), granted(team)
    settle_inline([use(one)], now=NOW)
    again, other, wild = settle_inline([use(one), use(two), use(granted(team), 10**6)], now=NOW)
    assert isinstance(again, Conflict)
    assert other.request_id == two.pk
    assert isinstance(wild, DomainError)
    assert wild.field == "used_tokens"
    assert Budget.objects.get(pk=budget).spent == 1400


def test_the_reported_split_is_kept_and_counts_in_energy(team, budget):
    all_output, split, cached = (granted(team, input_tokens=300) for _ in range(3))
    uses = [
        use(all_output, input_tokens=0),
        use(split, input_tokens=600),
        use(cached, input_tokens=600, cached_tokens=500),
    ]
    settle_inline(uses, now=NOW)
    rows = {row.request_id: row for row in Settlement.objects.all()}
    energies = [rows[each.pk].energy_wh for each in (cached, split, all_output)]
    assert energies == sorted(energies)
    assert len(set(energies)) == 3
    assert (rows[cached.pk].input_tokens, rows[cached.pk].cached_tokens) == (600, 500)


def test_what_was_not_used_goes_back_with_its_reason(team, budget):
    one, two = granted(team), granted(team)
    assert release_inline([one.pk, two.pk, one.pk], actor="test", reason="upstream failed", now=NOW)[:2] == [None, None]
    row = Budget.objects.get(pk=budget)
    assert (row.reserved, row.spent) == (0, 0)
    assert row.ledger.filter(kind="release", reason="upstream failed").count() == 2
    assert list_ledger_differences() == []


def test_many_that_end_at_once_tell_once(team, budget, django_capture_on_commit_callbacks):
    requests = [granted(team, policy="seed-2025", origin="US") for _ in range(3)]
    told = Counter()
    with (
        patch("config.kernel.events._deliver", lambda event: told.update([type(event)])),
        django_capture_on_commit_callbacks(execute=True),
    ):
        settle_inline([use(each) for each in requests], now=NOW)
    assert told == {RequestsResolved: 1, BudgetsChanged: 1, FundChanged: 1}


def test_an_empty_batch_is_nothing(team, budget):
    assert settle_inline([], now=NOW) == []
    assert release_inline([], actor="test", reason="", now=NOW) == []


def test_a_split_that_does_not_add_up_is_refused_by_its_name_and_charges_nothing(team, budget):
    request = granted(team)
    too_much_input, too_much_cached = (
        settle_inline([use(request, 500, **split)], now=NOW)[0]
        for split in ({"input_tokens": 501}, {"input_tokens": 300, "cached_tokens": 301})
    )
    assert (too_much_input.field, too_much_cached.field) == ("input_tokens", "cached_tokens")
    assert Budget.objects.get(pk=budget).spent == 0
    assert Settlement.objects.count() == 0


def test_settling_one_alone_takes_few_statements(team, budget):
    settled = [granted(team) for _ in range(2)]
    settle_inline([use(settled[0])], now=NOW)
    with CaptureQueriesContext(connection) as queries:
        settle_inline([use(settled[1])], now=NOW)
    assert len(queries) <= 17
