"""`/api/v1/market/loans/`, `/forwards/` and `/shares/`: who sees and may do what, once per key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.domain.scopes import Scope
from budgets.domain.periods import Period
from market.models import Instrument, Loan
from market.services.trading.calls import run_call
from market.services.trading.deposits import deposit
from tests.integration.market.trading.desk import Trader, buy, make_trader, sell
from tests.integration.market.trading.lending import differences
from tests.integration.world import make_budget, make_team

pytestmark = pytest.mark.django_db
LOANS = "/api/v1/market/loans/"
SHARES = "/api/v1/market/shares/"


@pytest.fixture(autouse=True)
def _books(loaded_world: None, db: None) -> Iterator[None]:
    yield
    assert differences() == []


@pytest.fixture
def lender() -> Trader:
    return make_trader("Lender")


@pytest.fixture
def borrower() -> Trader:
    made = make_trader("Borrower")
    deposit(team_id=made.team.team_id, micro_usd=1_000_000, actor="test", reason="test", now=timezone.now())
    return made


def body(trader: Trader, **changes: Any) -> dict[str, Any]:
    due_at = (timezone.now() + timedelta(days=3)).isoformat()
    values = {"unit": "tokens", "quantity": "10000", "fee_usd": "0.001", "due_at": due_at}
    return {**values, "budget": str(trader.tokens), **changes}


def offered(lender: Trader) -> str:
    answer = lender.team.client.post(LOANS, body(lender))
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["id"])


def test_an_offer_is_seen_by_all_without_its_lender_and_a_loan_by_its_parties(lender, borrower):
    loan_id = offered(lender)
    other = make_trader("Other")
    seen = borrower.team.client.get(LOANS).json()["results"]
    assert [(each["id"], each["lender_team"], each["lender_budget"]) for each in seen] == [(loan_id, None, None)]
    assert borrower.team.client.get(f"{LOANS}{loan_id}/").json()["events"] == []
    accepted = borrower.team.client.post(f"{LOANS}{loan_id}/accept/", {"budget": str(borrower.tokens)})
    assert accepted.status_code == 200, accepted.json()
    found = accepted.json()
    assert (found["status"], found["outstanding"], found["collateral_usd"]) == ("running", 10_000, "0.046000")
    assert (found["lender_team"], found["lender_budget"]) == (lender.team.team_id, None)
    assert (found["top_usd"], [each["kind"] for each in found["events"]]) == ("0.0000045", ["offered", "lent"])
    assert other.team.client.get(LOANS).json()["results"] == []
    assert other.team.client.get(f"{LOANS}{loan_id}/").status_code == 404


def test_the_same_key_offers_once(lender):
    sent = body(lender)
    first, again = (lender.team.client.post(LOANS, sent, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.json(), again.headers["Idempotent-Replayed"]) == (again.json(), "true")
    assert Loan.objects.count() == 1


def test_a_loan_is_returned_in_parts(lender, borrower):
    loan_id = offered(lender)
    borrower.team.client.post(f"{LOANS}{loan_id}/accept/", {})
    part = borrower.team.client.post(f"{LOANS}{loan_id}/return/", {"quantity": "4000"}).json()
    assert (part["status"], part["outstanding"]) == ("running", 6_000)
    rest = borrower.team.client.post(f"{LOANS}{loan_id}/return/", {}).json()
    assert (rest["status"], rest["outstanding"], rest["collateral_usd"]) == ("returned", 0, "0.000000")


def test_refusals_are_problems_that_name_their_field(lender, borrower):
    loan_id = offered(lender)
    for sent, field in ((body(lender, quantity="150"), "quantity"), (body(lender, fee="1"), "fee")):
        answer = lender.team.client.post(LOANS, sent)
        assert (answer.status_code, field in str(answer.json())) == (422, True)
    without_money = make_team("Poor")
    make_budget(without_money, 1_000, period=Period.MONTH)
    poor = without_money.client.post(f"{LOANS}{loan_id}/accept/", {})
    assert (poor.status_code, poor.json()["needed_usd"], poor.json()["remaining_usd"]) == (402, "0.046000", "0.000000")
    assert borrower.team.client.post(f"{LOANS}{loan_id}/cancel/", {}).status_code == 404
    borrower.team.client.post(f"{LOANS}{loan_id}/accept/", {})
    broken = lender.team.client.post(f"{LOANS}{loan_id}/break/", {})
    assert (broken.status_code, broken.json()["code"]) == (409, "no_emergency")
    assert lender.team.client.post(f"{LOANS}{loan_id}/cancel/", {}).status_code == 409


def test_reading_and_trading_are_scopes_of_their_own():
    reader = make_team("Reader", scopes=[Scope.MARKET_READ])
    assert reader.client.get(LOANS).status_code == 200
    assert reader.client.get("/api/v1/market/forwards/").json()["results"] == []
    assert reader.client.post(LOANS, {}).status_code == 403
    assert reader.client.post(SHARES, {}).status_code == 403
    assert make_team("None", scopes=[Scope.BUDGETS_READ]).client.get(SHARES).status_code == 403


def test_the_next_page_is_of_loans_before_the_last_one(lender):
    made = [offered(lender) for _ in range(3)]
    older = lender.team.client.get(LOANS, {"before": made[1]}).json()
    assert [each["id"] for each in older["results"]] == [made[0]]
    assert lender.team.client.get(LOANS, {"status": "running"}).json()["results"] == []


def test_a_forward_says_what_it_was_traded_at():
    now = timezone.now()
    traders = [make_trader(f"Trader {each}", now=now) for each in range(10)]
    april = next_month(now)
    for giver, taker in zip(traders[:5], traders[5:], strict=True):
        sell(giver, 1_000, "0.0000015", delivery=april, now=now)
        buy(taker, 1_000, "0.000003", delivery=april, now=now)
    instrument = Instrument.objects.get(period_starts_at=april)
    run_call(instrument_code=instrument.code, now=now)
    found = traders[5].team.client.get("/api/v1/market/forwards/").json()["results"]
    assert [(each["side"], each["quantity"], each["price_usd_per_unit"]) for each in found] == [
        ("takes", 1_000, "0.000003")
    ]


def next_month(now: datetime) -> datetime:
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=31)).replace(day=1)


def test_quota_is_donated_drawn_and_withdrawn(lender):
    other = make_budget(lender.team, 1_000, name="second", period=Period.MONTH)
    donated = lender.team.client.post(
        SHARES, {"unit": "tokens", "quantity": "10000", "budget": str(lender.tokens)}
    ).json()
    drawn = lender.team.client.post(f"{SHARES}draws/", {"unit": "tokens", "quantity": "4000", "budget": str(other)})
    assert (drawn.status_code, [each["quantity"] for each in drawn.json()]) == (201, ["4000"])
    found = lender.team.client.get(SHARES).json()
    assert [(each["id"], each["left"]) for each in found["donations"]] == [(donated["id"], "6000")]
    assert sorted(each["credit"] for each in found["credits"]) == ["-4000", "4000"]
    back = lender.team.client.post(f"{SHARES}{donated['id']}/withdraw/", {}).json()
    assert back["status"] == "withdrawn"
