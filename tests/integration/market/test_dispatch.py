"""Work that begins, and what becomes of it if nobody reports."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from budgets.models import Budget, Hold, LedgerEntry
from budgets.selectors import list_ledger_differences
from config.kernel.errors import Conflict
from market.domain.asks import Ask
from market.models import AllocationRequest, Fund, RegionHour, Settlement
from market.selectors import list_fund_differences
from market.services import cancel, deposit_to_fund, dispatch, expire_overdue, settle, submit
from tests.integration.world import NOW, load_world, make_budget, make_team

pytestmark = pytest.mark.django_db
LEASE = timedelta(minutes=60)


@pytest.fixture
def team():
    load_world()
    return make_team(country_code="BD")


@pytest.fixture
def budget(team):
    return make_budget(team, 100_000, is_default=True)


def granted(team, **changes) -> AllocationRequest:
    values = {"purpose": "general_ai_research", "origin": "BD", "model_class": "L", "latest": None}
    outcome = submit(ask=Ask(**{**values, **changes}), principal=team.principal, now=NOW)
    assert outcome.decision.verdict == "granted"
    return outcome.decision.request


def report(request: AllocationRequest, tokens: int, *, now=NOW, fence=None, **values) -> None:
    given = {"quality": None, "collaboration": None, **values}
    settle(request_id=request.pk, used_tokens=tokens, actor="test", now=now, fence=fence, **given)


def begin(request: AllocationRequest, *, now=NOW, fence=None) -> int:
    dispatch(request_id=request.pk, fence=fence, actor="test", now=now)
    return Hold.objects.get(reference=f"request:{request.pk}").fence


def books(budget_id: UUID) -> tuple[int, int, int]:
    assert list_ledger_differences() + list_fund_differences() == []
    row = Budget.objects.get(pk=budget_id)
    return row.spent, row.reserved, row.overdraft


def test_dispatched_work_keeps_its_grant_for_a_new_lease(team, budget):
    request = granted(team, tokens=1000)
    begin(request, now=NOW + timedelta(minutes=50))
    assert expire_overdue(now=NOW + LEASE) == 0
    assert books(budget) == (0, 1000, 0)


def test_dispatched_work_that_nobody_reports_is_settled_at_the_grant_unverified(team, budget):
    request = granted(team, tokens=1000)
    begin(request)
    assert expire_overdue(now=NOW + LEASE) == 1
    request.refresh_from_db()
    assert request.status == "settled"
    assert request.settlement.used_tokens == 1000
    assert not request.settlement.is_verified
    assert Hold.objects.get().is_unverified
    assert books(budget) == (1000, 0, 0)
    assert expire_overdue(now=NOW + 2 * LEASE) == 0


@pytest.mark.parametrize(("used", "spent"), [(400, 400), (1000, 1000), (2500, 2500), (0, 0)])
def test_a_late_report_corrects_it_once(team, budget, used, spent):
    request = granted(team, tokens=1000)
    fence = begin(request)
    expire_overdue(now=NOW + LEASE)
    late = NOW + 2 * LEASE
    report(request, used, now=late, fence=fence, quality=0.5)
    settlement = Settlement.objects.get()
    assert (settlement.used_tokens, settlement.is_verified, settlement.corrected_at) == (used, True, late)
    assert settlement.market_value_tokens == used * 0.5
    assert books(budget) == (spent, 0, 0)
    with pytest.raises(Conflict):
        report(request, 1, now=late)
    assert books(budget) == (spent, 0, 0)
    assert LedgerEntry.objects.filter(kind="correct").count() == (used != 1000)


def test_a_correction_moves_discount_and_money_to_what_they_should_be(team):
    money = make_budget(team, 10_000_000, unit="micro_usd", is_default=True)
    deposit_to_fund(micro_usd=5_000_000, actor="test", reason="start", now=NOW)
    request = granted(team, tokens=1000, policy="seed-2025")
    begin(request)
    expire_overdue(now=NOW + LEASE)
    assert Settlement.objects.get().justice_micro_usd == -300_000
    assert Fund.objects.get().reserved_micro_usd == 0
    assert books(money)[0] == Settlement.objects.get().total_micro_usd
    report(request, 500, now=NOW + 2 * LEASE)
    settlement = Settlement.objects.get()
    assert settlement.justice_micro_usd == -150_000
    assert Fund.objects.get().balance_micro_usd == 5_000_000 - settlement.from_fund_micro_usd
    assert books(money) == (settlement.total_micro_usd, 0, 0)


def test_a_correction_frees_room_of_an_hour_that_lasts(team, budget):
    request = granted(team, tokens=1000)
    begin(request)
    Hold.objects.update(lease_expires_at=NOW)
    expire_overdue(now=NOW)
    report(request, 400, now=NOW)
    assert RegionHour.objects.get().promised_tokens == 400


def test_work_is_dispatched_again_only_with_its_number(team, budget):
    request = granted(team, tokens=1000)
    first = begin(request, fence=1)
    with pytest.raises(Conflict) as refused:
        begin(request)
    assert refused.value.code == "already_dispatched"
    second = begin(request, fence=first)
    with pytest.raises(Conflict) as refused:
        report(request, 500, fence=first)
    assert refused.value.code == "stale_fence"
    assert books(budget) == (0, 1000, 0)
    report(request, 500, fence=second)
    assert books(budget) == (500, 0, 0)


def test_what_is_over_cannot_be_dispatched(team, budget):
    request = granted(team, tokens=1000)
    cancel(request_id=request.pk, actor="test", now=NOW)
    with pytest.raises(Conflict):
        begin(request)


def test_the_endpoint_answers_with_the_new_number_and_replays_it(team, budget):
    made = team.client.post(
        "/api/v1/requests/", {"purpose": "climate_adaptation", "origin": "BD", "model_class": "S", "tokens": 1000}
    ).json()
    assert made["hold"]["fence"] == 1
    url = f"/api/v1/requests/{made['id']}/dispatch/"
    first = team.client.post(url, {}, headers={"Idempotency-Key": "d"})
    again = team.client.post(url, {}, headers={"Idempotency-Key": "d"})
    assert first.status_code == again.status_code == 200
    assert first.json()["hold"] == again.json()["hold"]
    assert first.json()["hold"]["fence"] == 2
    assert first.json()["status"] == "granted"
    assert team.client.post(url, {}).json()["code"] == "already_dispatched"
    taken = team.client.post(url, {"fence": 2}).json()
    stale = team.client.post(f"/api/v1/requests/{made['id']}/settle/", {"used_tokens": 5, "fence": 2})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_fence")
    fresh = {"used_tokens": 5, "fence": taken["hold"]["fence"]}
    settled = team.client.post(f"/api/v1/requests/{made['id']}/settle/", fresh).json()
    assert settled["settlement"]["is_verified"] is True
