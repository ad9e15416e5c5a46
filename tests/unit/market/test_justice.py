from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from climate.domain.places import CountryFacts, EmergencyFacts
from market.domain.justice import emergency_multiplier, need_score, weigh
from tests.unit.market.examples import BANGLADESH, KENYA, UNITED_STATES, terms


def country(**pillars: float) -> CountryFacts:
    return replace(UNITED_STATES, income_group="", **pillars)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gni", "vulnerability", "tonnes", "income", "vulnerable", "responsible", "score"),
    [
        (2820, 0.568, 0.69, 0.6370863885150112, 0.795, 0.8531914893617021, 0.727681492129846),
        (2110, 0.52, 0.4, 0.7527464453166023, 0.675, 0.9148936170212766, 0.7618519460625565),
        (83660, 0.25, 14.3, 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_a_full_need_score_agrees_with_the_worked_cases(
    gni, vulnerability, tonnes, income, vulnerable, responsible, score
):
    need = need_score(country(gni_usd=gni, vulnerability=vulnerability, co2_t_per_capita=tonnes))
    assert need.income == pytest.approx(income)
    assert need.vulnerability == pytest.approx(vulnerable)
    assert need.responsibility == pytest.approx(responsible)
    assert need.score == pytest.approx(score)
    assert need.flags == ()


def test_a_missing_pillar_is_dropped_the_rest_renormalised_and_flagged():
    need = need_score(country(gni_usd=2820, vulnerability=0.568))
    assert need.score == pytest.approx((0.5 * 0.6370863885150112 + 0.3 * 0.795) / 0.8)
    assert need.flags == ("Need score: responsibility is unknown.",)


def test_the_income_group_stands_in_for_an_unknown_gni_and_says_so():
    need = need_score(KENYA)
    assert need.income == 0.725
    assert "Need score: income is that of the World Bank group." in need.flags


def test_a_listed_country_gets_the_proxy_vulnerability_and_says_so():
    assert need_score(BANGLADESH).vulnerability == 1.0
    assert "Need score: vulnerability is a proxy (UN LDC or SIDS list)." in need_score(BANGLADESH).flags
    assert need_score(KENYA).vulnerability is None


def test_a_country_of_which_nothing_is_known_has_no_score():
    assert need_score(country()).score is None


def test_the_founding_example_weighs_ten():
    weight = weigh(
        priority=5.0,
        country=BANGLADESH,
        score=need_score(BANGLADESH).score,
        home_renewable_share=0.9,
        emergency_multiplier=1.0,
        terms=terms(),
    )
    assert weight.value == 10.0
    assert weight.factors == (("purpose", 5.0), ("geographic", 2.0))


def test_the_home_grid_counts_only_where_the_policy_says_so():
    weight = weigh(
        priority=1.0,
        country=UNITED_STATES,
        score=0.0,
        home_renewable_share=0.4,
        emergency_multiplier=5.0,
        terms=terms("seed-2025"),
    )
    assert weight.factors == (("purpose", 1.0), ("geographic", 1.0), ("home_grid", 1.2), ("emergency", 5.0))
    assert weight.value == pytest.approx(6.0)


def test_a_small_island_state_without_high_need_is_climate_vulnerable():
    bahamas = replace(UNITED_STATES, is_sids=True)
    score = need_score(bahamas).score
    assert score == pytest.approx(0.375)
    weight = weigh(
        priority=1.0, country=bahamas, score=score, home_renewable_share=None, emergency_multiplier=1.0, terms=terms()
    )
    assert weight.value == 1.5


def test_an_emergency_lifts_only_its_purposes_and_countries():
    flood = EmergencyFacts(
        id=1,
        kind="flood",
        title="Flood",
        country_codes=("BD",),
        purposes=("disaster_response",),
        multiplier=5.0,
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
        ends_at=None,
    )
    assert emergency_multiplier(origin="BD", purpose="disaster_response", emergencies=[flood]) == 5.0
    assert emergency_multiplier(origin="BD", purpose="luxury_applications", emergencies=[flood]) == 1.0
    assert emergency_multiplier(origin="US", purpose="disaster_response", emergencies=[flood]) == 1.0
