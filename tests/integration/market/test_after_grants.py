"""What follows a grant, or the want of one: expiry, late settlements, what the figures of the day count."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache

from budgets.models import Budget
from budgets.selectors import list_ledger_differences
from market.domain.asks import WhatIf
from market.models import RegionHour
from market.selectors import get_headline, list_fund_differences
from market.services import cancel, deposit_to_fund, expire_overdue, settle
from tests.integration.market.planned_work import LATER, ask
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def test_a_what_if_with_a_later_start_can_be_settled(team, budget):
    later = NOW + timedelta(hours=5)
    what_if = WhatIf(intensity_g_per_kwh=300, renewable_share=None)
    request = ask(team.principal, earliest=later, latest=later, what_if=what_if)
    assert request.decisions.get().starts_at == later
    settle(request_id=request.pk, used_tokens=10, quality=None, collaboration=None, actor="test", now=NOW)
    request.refresh_from_db()
    assert request.status == "settled"


def test_a_grant_nobody_settles_goes_back_when_its_lease_ends(team, budget):
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    request = ask(team.principal, latest=None, policy="seed-2025", origin="BD")
    assert expire_overdue(now=NOW + timedelta(minutes=59)) == 0
    assert expire_overdue(now=NOW + timedelta(minutes=60)) == 1
    request.refresh_from_db()
    assert request.status == "expired"
    assert Budget.objects.get(pk=budget).reserved == 0
    assert list_ledger_differences() == []
    assert list_fund_differences() == []


def test_room_comes_back_only_while_its_hour_lasts(team, budget):
    request = ask(team.principal, latest=None)
    cancel(request_id=request.pk, actor="test", now=NOW + timedelta(minutes=90))
    assert RegionHour.objects.get().promised_tokens == 1000


def test_an_expired_grant_can_still_be_settled_with_what_the_fund_has(team, budget):
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    request = ask(team.principal, latest=None, policy="seed-2025", origin="BD")
    late = NOW + timedelta(hours=2)
    expire_overdue(now=late)
    settle(request_id=request.pk, used_tokens=900, quality=None, collaboration=None, actor="test", now=late)
    assert Budget.objects.get(pk=budget).spent == 900
    assert request.settlement.justice_micro_usd == -270_000
    assert list_ledger_differences() == []
    assert list_fund_differences() == []


def test_waiting_work_past_its_deadline_expires(team, budget):
    request = ask(team.principal)
    assert expire_overdue(now=LATER) == 0
    assert expire_overdue(now=LATER + timedelta(minutes=1)) == 1
    request.refresh_from_db()
    assert request.status == "expired"


def test_the_feebate_compares_with_what_was_settled_this_month(team, budget):
    rich = ask(team.principal, latest=None, origin="US")
    settle(request_id=rich.pk, used_tokens=1000, quality=None, collaboration=None, actor="test", now=NOW)
    deposit_to_fund(micro_usd=9_000_000, actor="test", reason="test", now=NOW)
    cache.clear()
    poor = ask(team.principal, latest=None, origin="BD").decisions.get()
    assert poor.justice_micro_usd < 0
    assert poor.inputs["facts"]["mean_need_score"] == 0.0


def test_the_figures_of_the_day_leave_out_what_was_given_back_and_take_what_was_used(team, budget):
    kept, used, returned = (ask(team.principal, latest=None) for _ in range(3))
    cancel(request_id=returned.pk, actor="test", now=NOW)
    settle(request_id=used.pk, used_tokens=400, quality=None, collaboration=None, actor="test", now=NOW)
    headline = get_headline(now=NOW, team_ids=None)
    assert (headline.requests, headline.granted_tokens) == (3, 1400)
    grams = kept.decisions.get().location_g_central + used.settlement.location_g
    assert headline.location_g == pytest.approx(grams)
    assert get_headline(now=NOW, team_ids=frozenset()).requests == 0
