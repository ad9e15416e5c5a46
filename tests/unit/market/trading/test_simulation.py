"""The simulated week: a SIMULATION that conserves what a market conserves, and the file that pages read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from climate.domain.places import CountryFacts
from market.domain.trading.call import CallStatus
from market.domain.trading.simulation.inputs import Inputs, SimulatedTeam
from market.domain.trading.simulation.report import policy_week
from market.domain.trading.simulation.shown import read_week
from market.domain.trading.simulation.week import Week, run_week
from market.selectors.trading.simulation import get_simulated_week
from tests.unit.market.examples import terms as terms_of

TEAMS, HOURS = 16, 15
GROUPS = ("low", "lower_middle", "upper_middle", "high")
FUND = 5_000_000


def team(index: int) -> SimulatedTeam:
    group = GROUPS[index % 4]
    country = CountryFacts(
        code=f"{index:02}",
        name=group,
        latitude=0.0,
        longitude=0.0,
        income_group=group,
        is_global_south=group != "high",
        is_ldc=group == "low",
        is_sids=False,
    )
    tier = ("essential", "public", "research", "commercial")[index // 4]
    is_clean = index % 3 == 0
    return SimulatedTeam(
        name=str(index), country=country, tier=tier, zone="", pue=1.2, cfe_share=0.9 if is_clean else 0.2
    )


def some_inputs() -> Inputs:
    """Teams with half of what they need beside teams with twice as much, keen to a different degree."""
    rows, hours = np.arange(TEAMS)[:, None], np.arange(HOURS)[None, :]
    asked = 2_000 + (rows * 7 + hours * 13) % 11 * 100
    expected = asked.sum(axis=1).astype(float)
    return Inputs(
        starts_at=datetime(2023, 6, 5, tzinfo=UTC),
        teams=tuple(team(index) for index in range(TEAMS)),
        asked=asked,
        mood=(rows * 5 + hours * 3) % 10 / 10,
        expected_week=expected,
        expected_share=asked / expected[:, None],
        intensity=np.where(rows % 3 == 0, 50.0, 600.0) + np.zeros((1, HOURS)),
        quota=(expected * np.where(np.arange(TEAMS) // 4 % 2, 2.0, 0.5)).astype(np.int64),
        requests=int(asked.size),
    )


@pytest.fixture(scope="module", params=["default", "seed-2025"])
def policy(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def week(policy) -> Week:
    return run_week(some_inputs(), terms_of(policy), fund_micro_usd=FUND)


def test_every_token_of_quota_is_used_or_left_and_what_is_bought_is_sold(week):
    inputs = some_inputs()
    assert week.got.sum() == week.sold.sum() > 0
    assert (week.used + week.refused == inputs.asked.sum(axis=1)).all()
    assert (week.own + week.bought + week.used == inputs.quota + week.got - week.sold).all()
    assert min(week.own.min(), week.bought.min(), week.refused.min()) >= 0


def test_what_buyers_pay_goes_to_sellers_and_the_fund_which_never_owes(week, policy):
    assert week.paid.sum() - week.received.sum() == week.fund - FUND
    assert all(hour.fund_micro_usd >= 0 for hour in week.hours)
    assert (week.money >= 0).all()
    assert policy != "default" or week.justice.sum() == 0


def test_teams_in_need_pay_less_and_others_more(week):
    bought = week.got > 0
    poor = np.array([each.country.income_group == "low" for each in some_inputs().teams])
    assert (week.justice[bought & poor] <= 0).all()
    assert week.justice[poor].sum() < 0
    assert week.justice[~poor].max() > 0


def test_trading_leaves_less_unused_and_refuses_less(week, policy):
    alone = run_week(some_inputs(), terms_of(policy), fund_micro_usd=FUND, has_market=False)
    assert alone.hours == []
    assert alone.got.sum() == 0
    assert alone.fund == FUND
    assert week.refused.sum() < alone.refused.sum()
    assert week.own.sum() + week.bought.sum() < alone.own.sum()


def test_only_regions_that_are_not_clean_pay_the_adder(week):
    clean = np.array([each.cfe_share >= 0.7 for each in some_inputs().teams])
    assert (week.adder[clean] == 0).all()
    assert (week.adder[~clean & (week.sold > 0)] > 0).all()
    free = run_week(some_inputs(), terms_of("default"), fund_micro_usd=FUND, has_adder=False)
    assert free.adder.sum() == 0
    assert free.sold.sum() > 0


def test_what_is_bought_emits_in_the_region_behind_the_offer():
    inputs = replace(some_inputs(), intensity=np.full((TEAMS, HOURS), 500.0))
    traded = run_week(inputs, terms_of("default"), fund_micro_usd=0)
    per_token = 0.6 / 1_000 * 1.2 / 1_000 * 500 * 1e6  # Wh of class L at PUE 1.2 and 500 g/kWh, in micrograms
    assert traded.used_ug.sum() == pytest.approx(traded.used.sum() * per_token, rel=1e-3)


def test_the_same_inputs_give_the_same_week():
    once, again = (run_week(some_inputs(), terms_of("default"), fund_micro_usd=FUND) for _ in range(2))
    assert again.hours == once.hours
    assert (again.paid == once.paid).all()
    assert {each.status for each in once.hours} >= {CallStatus.CLEARED}


def test_a_report_reads_back_as_what_a_page_shows():
    inputs = some_inputs()
    body = policy_week(inputs, terms_of("default"), policy="default", justice="words", fund_micro_usd=FUND)
    week = read_week(
        {
            "label": "SIMULATION",
            "made_on": "2026-01-01",
            "command": "",
            "starts_at": "2023-06-05T00:00:00+00:00",
            "teams": TEAMS,
            "requests": 1,
            "sources": [{"name": "a", "used_for": "b", "licence": "c"}],
            "assumptions": ["one"],
            "policies": [body],
        }
    ).policies[0]
    assert [each.name for each in week.ways] == ["no_market", "market", "no_adder"]
    assert [each.name for each in week.groups] == list(GROUPS)
    assert len(week.hours) == HOURS
    assert week.hours[0].starts_at == inputs.starts_at
    assert week.way("market").fund_usd == week.hours[-1].fund_usd


def test_the_shipped_week_says_that_it_is_simulated_and_adds_up():
    week = get_simulated_week()
    assert week.label.startswith("SIMULATION")
    assert week.assumptions
    assert all(each.licence for each in week.sources)
    assert {each.policy for each in week.policies} == {"default", "seed-2025"}
    for policy in week.policies:
        market = policy.way("market")
        assert len(policy.hours) == 168
        assert sum(each.traded_tokens for each in policy.hours) == market.traded_tokens
        for rows in (policy.groups, policy.tiers):
            assert sum(each.teams for each in rows) == week.teams
            assert sum(each.bought_tokens for each in rows) == sum(each.sold_tokens for each in rows)
            paid, received = (sum(getattr(each, name) for each in rows) for name in ("paid_usd", "received_usd"))
            assert paid - received == market.fund_usd - policy.fund_began_usd
        assert all(way.used_tokens + way.unused_tokens == way.quota_tokens for way in policy.ways)
        assert min(each.fund_usd for each in policy.hours) >= 0
    assert sum(each.justice_usd for each in week.policies[0].groups) == 0
