"""Which region is behind an offer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from climate.models import CarbonReading, Region
from config.kernel.errors import InvalidInput
from market.domain.trading.clean import CleanFacts
from market.domain.trading.instruments import Contract
from market.selectors.policies import get_policy_in_force
from market.services import settle
from market.services.trading.clean import clean_facts_of
from tests.integration.market.planned_work import ask
from tests.integration.world import NOW, Team, make_budget, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
CONTRACT = Contract(unit=Unit.TOKENS, model_class="L", period=Period.MONTH, starts_at=NOW, ends_at=None, lot_units=100)
NORTH, WEST = "aws-eu-north-1", "aws-eu-west-3"


@pytest.fixture
def team() -> Team:
    made = make_team("Runner")
    make_budget(made, 100_000, is_default=True)
    return made


def ran(team: Team, region: str, tokens: int, *, now=NOW) -> None:
    request = ask(team.principal, tokens=tokens, latest=None, eligible_regions=(region,), now=now)
    settle(request_id=request.pk, used_tokens=tokens, quality=None, collaboration=None, actor="test", now=now)


def facts(team: Team, region: str | None = None, *, now=NOW) -> CleanFacts:
    return clean_facts_of(
        team_id=team.team_id, region_code=region, contract=CONTRACT, terms=get_policy_in_force().terms, now=now
    )


def test_without_history_a_declared_region_is_taken_and_none_is_unknown(team):
    assert (facts(team, NORTH).region_id, facts(team, NORTH).basis) == (NORTH, "declared")
    unknown = facts(team)
    assert (unknown.region_id, unknown.basis, unknown.intensity_basis) == (None, "unknown", "world")
    assert (unknown.is_clean, unknown.adder_ticks) == (False, 7)
    # A word that nothing bears out is worth nothing: the cleanest region pays as an unknown one.
    assert (facts(team, NORTH).is_clean, facts(team, NORTH).adder_ticks) == (False, 7)


def test_without_a_name_it_is_where_most_tokens_ran(team):
    ran(team, NORTH, 1_000)
    ran(team, WEST, 500)

    assert (facts(team).region_id, facts(team).basis) == (NORTH, "history")
    assert (facts(team, WEST).region_id, facts(team, WEST).basis) == (WEST, "history")


def test_who_ran_work_may_not_name_a_region_where_none_ran(team):
    ran(team, NORTH, 1_000)

    with pytest.raises(InvalidInput) as refused:
        facts(team, WEST)
    assert (refused.value.field, refused.value.code) == ("region", "not_behind")


def test_work_counts_for_thirty_days(team):
    ran(team, NORTH, 1_000)

    assert facts(team, now=NOW + timedelta(days=29)).basis == "history"
    assert facts(team, WEST, now=NOW + timedelta(days=31)).basis == "declared"


def test_a_region_that_does_not_exist_is_named(team):
    with pytest.raises(InvalidInput) as refused:
        facts(team, "nowhere-1")
    assert (refused.value.field, refused.value.code) == ("region", "unknown_region")


def test_the_reading_of_the_hour_and_the_regions_contracts_decide(team):
    ran(team, WEST, 1_000)
    Region.objects.filter(pk=WEST).update(contracted_cfe_share=0.5, pue=1.2)
    zone = Region.objects.get(pk=WEST).zone_id
    CarbonReading.objects.create(
        zone_id=zone,
        source="test",
        kind="average",
        scope="lifecycle",
        starts_at=NOW.replace(minute=0),
        period_minutes=15,
        intensity_g_per_kwh=400,
        carbon_free_share=0.2,
        received_at=NOW,
    )

    found = facts(team, WEST)

    assert (found.intensity_basis, found.intensity_g_per_kwh) == ("live", pytest.approx(200))
    assert found.cfe_share == pytest.approx(0.6)
    assert found.adder_ticks == 4  # 0.06 Wh x 1.2 x 200 g/kWh x 210 US$/t = 3.02 micro-USD
