"""What a budget spent, hour by hour."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.services.organisations import create_organisation
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.models import Budget, SpendBucket
from budgets.selectors import list_spend_by_hour
from budgets.services import create_budget
from config.kernel.errors import NotFound

MADE = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def budget_id():
    return create_budget(
        name="Pool",
        organisation_id=create_organisation(name="Delta Relief", country_code="BD", type="ngo"),
        team_id=None,
        parent_id=None,
        unit=Unit.CARBON_G,
        limit=Decimal(100),
        period=Period.MONTH,
        actor="test",
        now=MADE,
    )


def spend(budget_id, starts_at, grams=0, refusals=0):
    SpendBucket.objects.create(budget_id=budget_id, starts_at=starts_at, spent=grams * 1_000_000, refusals=refusals)


def test_every_hour_is_listed_also_those_without_spending_and_none_before_the_budget_was_made(budget_id):
    spend(budget_id, MADE.replace(minute=0) + HOUR, grams=7, refusals=2)
    hours = list_spend_by_hour(budget_id, since=MADE - 5 * HOUR, until=MADE + 3 * HOUR)
    assert [(each.starts_at.hour, each.spent, each.refusals) for each in hours] == [
        (8, 0, 0),
        (9, 7, 2),
        (10, 0, 0),
        (11, 0, 0),
    ]
    assert hours[0].ends_at - hours[0].starts_at == HOUR


def test_slices_shorter_than_an_hour_are_added_up(budget_id):
    Budget.objects.filter(pk=budget_id).update(period=Period.ROLLING, window_hours=1)
    for minute, grams in ((0, 1), (59, 2)):
        spend(budget_id, MADE.replace(hour=9, minute=minute), grams=grams)
    hours = list_spend_by_hour(budget_id, since=MADE, until=MADE + 2 * HOUR)
    assert [each.spent for each in hours] == [0, 3, 0]


def test_slices_longer_than_an_hour_are_listed_as_they_are(budget_id):
    Budget.objects.filter(pk=budget_id).update(period=Period.ROLLING, window_hours=120)
    spend(budget_id, MADE.replace(hour=10, minute=0), grams=5)
    hours = list_spend_by_hour(budget_id, since=MADE, until=MADE + 4 * HOUR)
    assert [(each.starts_at.hour, each.spent) for each in hours] == [(8, 0), (10, 5), (12, 0)]
    assert hours[0].ends_at - hours[0].starts_at == 2 * HOUR


def test_an_unknown_budget_is_said_to_be_unknown():
    with pytest.raises(NotFound):
        list_spend_by_hour(uuid.uuid4(), since=MADE, until=MADE + HOUR)
