"""Sharing inside one team: quota moves without money, and credits sum to zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from budgets import selectors as budgets
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from config.kernel.errors import Conflict, NotAllowed, NotFound
from market.models import Donation, Posting, ShareAccount
from market.selectors.trading.mark import get_market_mark
from market.selectors.trading.sharing import get_sharing
from market.services.trading.loans.sharing import ShareAsk, donate, draw_share, end_donations, withdraw_donation
from market.tasks import settle_loans
from tests.integration.market.trading.desk import Trader, make_trader
from tests.integration.market.trading.lending import differences
from tests.integration.world import NOW, make_budget

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books(loaded_world: None, db: None) -> Iterator[None]:
    yield
    assert differences() == []
    assert Posting.objects.count() == 0


def share(budget_id: UUID, quantity: int, unit: Unit = Unit.TOKENS) -> ShareAsk:
    return ShareAsk(unit=unit, quantity=Decimal(quantity), budget_id=budget_id)


def give(trader: Trader, quantity: int, budget_id: UUID | None = None, minutes: int = 0) -> Donation:
    ask = share(budget_id or trader.tokens, quantity)
    return donate(ask=ask, principal=trader.team.principal, now=NOW + timedelta(minutes=minutes))


def draw(trader: Trader, budget_id: UUID, quantity: int, unit: Unit = Unit.TOKENS) -> int:
    draws = draw_share(ask=share(budget_id, quantity, unit), principal=trader.team.principal, now=NOW)
    return len(draws)


def limit(budget_id: UUID) -> Decimal:
    return budgets.get_budget(budget_id).limit


def credits_of(trader: Trader) -> dict[str, Decimal]:
    return {each.budget_name: each.credit for each in get_sharing(trader.team.team_id).credits}


def second(trader: Trader, **changes: object) -> UUID:
    return make_budget(trader.team, 1_000, name="second", **{"period": Period.MONTH, **changes})


def test_a_donation_keeps_quota_aside_and_gives_credit_when_it_is_drawn():
    trader = make_trader("Team")
    other = second(trader)
    donation = give(trader, 10_000)
    assert budgets.get_budget(trader.tokens).reserved == 10_000
    assert credits_of(trader) == {}
    assert draw(trader, other, 4_000) == 1
    donation.refresh_from_db()
    assert (donation.status, donation.left_steps) == ("open", 6_000)
    assert (limit(trader.tokens), limit(other)) == (96_000, 5_000)
    assert credits_of(trader) == {"tokens": 4_000, "second": -4_000}
    assert budgets.get_budget(trader.tokens).reserved == 6_000


def test_the_oldest_donation_is_drawn_first_and_one_that_is_empty_is_drawn():
    trader = make_trader("Team")
    other, third = second(trader), make_budget(trader.team, 50_000, name="third", period=Period.MONTH)
    late, early = give(trader, 3_000, minutes=5), give(trader, 2_000, third, minutes=1)
    assert draw(trader, other, 4_000) == 2
    for each, expected in ((early, ("drawn", 0)), (late, ("open", 1_000))):
        each.refresh_from_db()
        assert (each.status, each.left_steps) == expected
    assert credits_of(trader) == {"tokens": 2_000, "third": 2_000, "second": -4_000}


def test_no_budget_owes_more_than_the_policy_lets_it_and_a_refusal_changes_nothing():
    trader = make_trader("Team", tokens=200_000)
    other = second(trader)
    give(trader, 60_000)
    draw(trader, other, 50_000)
    with pytest.raises(Conflict) as refused:
        draw(trader, other, 1)
    assert (refused.value.code, refused.value.field) == ("owes_too_much", "quantity")
    assert credits_of(trader) == {"tokens": 50_000, "second": -50_000}
    assert limit(other) == 51_000


def test_who_donated_may_draw_that_much_more():
    trader = make_trader("Team", tokens=300_000, tradeable_percent=100)
    other = make_budget(trader.team, 20_000, name="second", period=Period.MONTH, tradeable_percent=100)
    third = make_budget(trader.team, 1_000, name="third", period=Period.MONTH)
    give(trader, 100_000)
    give(trader, 20_000, other)
    draw(trader, third, 50_000)
    assert [each.may_draw for each in get_sharing(trader.team.team_id).credits if each.budget_name == "third"] == [0]
    assert draw(trader, other, 50_000) == 1


@pytest.mark.parametrize("changes", [{"period": Period.DAY}, {"unit": Unit.CARBON_G}])
def test_only_donations_that_fit_are_drawn(changes):
    trader = make_trader("Team")
    other = second(trader, **changes)
    give(trader, 10_000)
    with pytest.raises(Conflict) as refused:
        draw(trader, other, 100, changes.get("unit", Unit.TOKENS))
    assert refused.value.code == "not_donated"
    assert ShareAccount.objects.filter(credit_steps__gt=0).count() == 0


def test_a_budget_of_a_class_draws_what_is_for_any_and_none_draws_its_own():
    trader = make_trader("Team")
    other = second(trader, model_class="L")
    give(trader, 1_000)
    with pytest.raises(Conflict):
        draw(trader, trader.tokens, 100)
    assert draw(trader, other, 100) == 1
    give(trader, 400, other)
    with pytest.raises(Conflict):
        draw(trader, trader.tokens, 100)


def test_a_donation_is_of_its_period_and_ends_with_it():
    trader = make_trader("Team")
    other = second(trader)
    donation = give(trader, 10_000)
    draw(trader, other, 4_000)
    april = datetime(2026, 4, 1, tzinfo=UTC)
    assert donation.ends_at == april
    with pytest.raises(Conflict) as refused:
        draw_share(ask=share(other, 100), principal=trader.team.principal, now=april)
    assert refused.value.code == "not_donated"
    assert end_donations(now=april - timedelta(seconds=1)) == 0
    assert (end_donations(now=april), end_donations(now=april)) == (1, 0)
    donation.refresh_from_db()
    assert (donation.status, donation.closed_at, donation.left_steps) == ("expired", april, 6_000)
    assert budgets.list_sellable([trader.tokens], now=april)[trader.tokens].free == 100_000
    assert credits_of(trader) == {"tokens": 4_000, "second": -4_000}


def test_the_task_of_loans_ends_donations_that_are_over():
    donation = give(make_trader("Team"), 10_000)
    Donation.objects.filter(pk=donation.pk).update(ends_at=NOW - timedelta(days=10_000))
    settle_loans()
    donation.refresh_from_db()
    assert donation.status == "expired"


def test_a_donation_of_quota_without_an_end_has_none():
    trader = make_trader("Team", period=Period.ONE_OFF)
    donation = give(trader, 10_000)
    years_later = NOW + timedelta(days=2_000)
    assert (donation.ends_at, end_donations(now=years_later)) == (None, 0)
    other = second(trader, period=Period.ONE_OFF)
    assert len(draw_share(ask=share(other, 100), principal=trader.team.principal, now=years_later)) == 1


def test_what_nobody_drew_is_taken_back_once():
    trader = make_trader("Team")
    donation = give(trader, 10_000)
    draw(trader, second(trader), 4_000)
    back = {"donation_id": donation.pk, "principal": trader.team.principal, "now": NOW}
    mark = get_market_mark([trader.team.team_id])["share"]
    assert withdraw_donation(**back).status == "withdrawn"
    assert get_market_mark([trader.team.team_id])["share"] != mark  # open pages read anew
    state = budgets.get_budget(trader.tokens)
    assert (state.limit, state.reserved) == (96_000, 0)
    with pytest.raises(Conflict):
        withdraw_donation(**back)


def test_a_team_shares_with_itself_only():
    trader, other = make_trader("Team"), make_trader("Other")
    donation = give(trader, 10_000)
    with pytest.raises(NotFound):
        withdraw_donation(donation_id=donation.pk, principal=other.team.principal, now=NOW)
    with pytest.raises(Conflict):
        draw(other, other.tokens, 100)
    with pytest.raises(NotAllowed):
        donate(ask=share(trader.tokens, 100), principal=other.team.principal, now=NOW)
    nobody = replace(trader.team.principal, team_id=None)
    with pytest.raises(NotAllowed):
        donate(ask=share(trader.tokens, 100), principal=nobody, now=NOW)
