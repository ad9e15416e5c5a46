from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from budgets import services
from budgets.models import EconomicEvent, Threshold
from budgets.selectors import get_economy, list_economic_events
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SPAN = {"since": NOW, "until": NOW + DAY}


@pytest.fixture
def team(db) -> Team:
    services.load_reference(now=NOW)
    return make_team()


def work(budget_id: UUID, number: int, *, held=1000, used=900, quality=0.95, collaboration=None, at=NOW) -> None:
    services.record_value(
        budget_id=budget_id,
        reference=f"request:{number}",
        held_tokens=held,
        used_tokens=used,
        quality=quality,
        collaboration=collaboration,
        at=at,
    )


def test_efficiency_is_useful_tokens_for_each_token_taken(team):
    budget_id = make_budget(team)
    work(budget_id, 1, held=1000, used=900, quality=1.0)
    work(budget_id, 2, held=1000, used=500, quality=0.8)
    work(budget_id, 3, held=500, used=1000, quality=0.5)
    assert get_economy(budget_id, **SPAN).efficiency == pytest.approx((900 + 400 + 500) / 3000)


def test_without_reported_quality_nothing_is_known(team):
    budget_id = make_budget(team)
    work(budget_id, 1, quality=None)
    assert get_economy(budget_id, **SPAN).efficiency is None
    assert get_economy(budget_id, **SPAN).roi is None
    assert not EconomicEvent.objects.exists()


def test_work_is_counted_in_the_span_it_was_settled_in_end_excluded(team):
    budget_id = make_budget(team)
    work(budget_id, 1, quality=1.0, at=NOW)
    work(budget_id, 2, quality=0.0, at=NOW + DAY)
    assert get_economy(budget_id, **SPAN).efficiency == pytest.approx(0.9)
    assert get_economy(budget_id, since=NOW + DAY, until=NOW + 2 * DAY).efficiency == 0.0


def test_a_second_report_of_the_same_work_changes_nothing(team):
    budget_id = make_budget(team)
    work(budget_id, 1)
    work(budget_id, 1, quality=0.1, collaboration=1.0)
    assert get_economy(budget_id, **SPAN).value_creation == pytest.approx(855)
    assert EconomicEvent.objects.filter(kind="value_creation").count() == 1


def test_a_budget_counts_the_work_of_those_below_it(team):
    root = make_budget(team, name="root")
    middle = make_budget(team, name="middle", parent_id=root)
    leaf = make_budget(team, name="leaf", parent_id=middle)
    work(leaf, 1, quality=1.0, collaboration=0.5)
    work(middle, 2, used=1000, quality=0.5)
    facts = get_economy(root, **SPAN)
    assert (facts.work_count, facts.held_tokens, facts.used_tokens) == (2, 2000, 1900)
    assert facts.market_value == pytest.approx(900 * 1.5 + 500)
    assert facts.roi == pytest.approx((1850 - 1900) / 1900)
    assert facts.efficiency_gain == pytest.approx(100)
    assert get_economy(leaf, **SPAN).work_count == 1


def test_the_threshold_in_force_decides_what_is_a_gain(team):
    Threshold.objects.filter(name="efficiency-above").update(value=0.5)
    budget_id = make_budget(team)
    work(budget_id, 1, used=700, quality=1.0)
    assert get_economy(budget_id, **SPAN).efficiency_gain == pytest.approx(200)


def test_events_of_a_budget_are_listed_newest_first_page_by_page(team):
    budget_id, other = make_budget(team), make_budget(team, name="other")
    for number in range(3):
        work(budget_id, number)
    work(other, 9)
    page = list_economic_events(budget_id=budget_id, limit=2)
    rest = list_economic_events(budget_id=budget_id, before_id=page[-1].id)
    found = [*page, *rest]
    assert {line.budget_id for line in found} == {budget_id}
    assert [line.id for line in found] == sorted((line.id for line in found), reverse=True)
    assert len(found) == EconomicEvent.objects.filter(budget=budget_id).count() == 6
    assert list_economic_events(budget_id=other)[0].reference == "request:9"
