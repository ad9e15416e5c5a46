"""A team's score from what it did: loans, forwards, estimates, ratings; one of each day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from budgets.models import EstimateOutcome
from market.models import AllocationRequest, ForwardLeg, Loan, LoanEvent, ReputationScore, Trade
from market.selectors import get_reputation, list_reputations
from market.selectors.trading.reputation import Reputation
from market.services import settle, snapshot_reputation
from tests.integration.market.planned_work import ask
from tests.integration.market.trading.desk import Trader, make_trader, sell
from tests.integration.market.trading.test_registry import sold
from tests.integration.world import NOW, make_budget

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
LATER = NOW + timedelta(days=3)


@pytest.fixture
def trader() -> Trader:
    return make_trader("Known")


def loan(trader: Trader, status: str, *returned: tuple[int, timedelta]) -> None:
    """A loan of ten lots for a day, and what of it came back when."""
    due = NOW + timedelta(days=1)
    made = Loan.objects.create(
        instrument=sell(make_trader(f"Lender {Loan.objects.count()}"), 100).instrument,
        lender_team_id=trader.team.team_id,
        lender_budget_id=trader.tokens,
        borrower_team_id=trader.team.team_id,
        borrower_budget_id=trader.tokens,
        status=status,
        lots=10,
        fee_micro_usd=0,
        break_fee_percent=5,
        due_at=due,
        offered_at=NOW,
        lent_at=NOW,
        closed_at=due,
        actor="test",
    )
    for lots, before in returned:
        LoanEvent.objects.create(loan=made, kind="returned", lots=lots, at=due - before, actor="test")


def forward(trader: Trader, *, lots: int, paid_out: int) -> None:
    auction = sold(sell(trader, lots * 100), lots)
    ForwardLeg.objects.create(
        trade=Trade.objects.get(auction=auction),
        instrument=auction.instrument,
        side="gives",
        status="paid_out" if paid_out else "delivered",
        team_id=trader.team.team_id,
        budget_id=trader.tokens,
        lots=lots,
        delivered_lots=lots - paid_out,
        paid_out_lots=paid_out,
        due_at=NOW + timedelta(days=1),
        closed_at=NOW + timedelta(days=1),
    )


def parts_of(found: Reputation) -> dict[str, Any]:
    return {part.name: part for part in found.parts}


def reputation(trader: Trader) -> Reputation:
    return get_reputation(trader.team.team_id, now=LATER)


def test_a_team_of_which_nothing_was_seen_has_no_score(trader):
    assert (reputation(trader).score, reputation(trader).basis) == (None, "live")


def test_loans_count_by_how_much_came_back_by_itself_and_how_early(trader):
    loan(trader, "returned", (4, timedelta(hours=6)), (6, timedelta(0)))
    loan(trader, "defaulted", (5, timedelta(hours=1)))

    parts = parts_of(reputation(trader))
    assert (parts["delivery"].count, parts["delivery"].share) == (2, pytest.approx((1.0 + 0.5) / 2))
    assert (parts["early_return"].count, parts["early_return"].share) == (2, pytest.approx((0.4 + 0.5) / 2))


def test_forwards_count_by_what_was_delivered(trader):
    forward(trader, lots=4, paid_out=0)
    forward(trader, lots=4, paid_out=1)

    delivery = parts_of(reputation(trader))["delivery"]
    assert (delivery.count, delivery.share) == (2, pytest.approx(0.875))


def test_settled_work_counts_by_its_ratings_and_by_how_well_it_was_estimated(trader):
    make_budget(trader.team, 100_000, name="work", is_default=True)
    for collaboration in (0.5, 1.0):
        request = ask(trader.team.principal, latest=None)
        settle(request_id=request.pk, used_tokens=900, quality=0.9, collaboration=collaboration, actor="test", now=NOW)
    first, second = AllocationRequest.objects.order_by("created_at", "pk")
    AllocationRequest.objects.update(estimate={"any": 1})
    EstimateOutcome.objects.all().delete()
    for request, predicted in ((first, 1_290), (second, 1_310)):
        EstimateOutcome.objects.create(
            reference=f"request:{request.pk}",
            mode="express",
            role_count=1,
            complexity_band="low",
            model_class="L",
            purpose="p",
            predicted_p50_tokens=predicted,
            predicted_p95_tokens=2_000,
            actual_tokens=1_000,
            at=NOW,
        )

    parts = parts_of(reputation(trader))
    assert (parts["collaboration"].count, parts["collaboration"].share) == (2, pytest.approx(0.75))
    assert (parts["accuracy"].count, parts["accuracy"].share) == (2, 0.5)


def test_each_day_has_one_score_that_stays(trader):
    forward(trader, lots=4, paid_out=0)

    assert snapshot_reputation(now=LATER) == 1
    before = reputation(trader)
    forward(trader, lots=4, paid_out=4)

    assert snapshot_reputation(now=LATER + timedelta(hours=1)) == 0
    assert (before.basis, reputation(trader)) == ("snapshot", before)
    assert ReputationScore.objects.count() == 1
    snapshot_reputation(now=LATER + timedelta(days=1))
    after = get_reputation(trader.team.team_id, now=LATER + timedelta(days=1))
    assert (after.score or 1) < (before.score or 0)
    assert [each.team_id for each in list_reputations(team_ids=None, now=LATER)] == [trader.team.team_id]
