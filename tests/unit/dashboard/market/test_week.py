"""The simulated week in plain words."""

from __future__ import annotations

import pytest

from dashboard.presentation.market.week import week_board, week_cards
from market.selectors import get_simulated_week

POLICIES = ("default", "seed-2025")


@pytest.mark.parametrize("policy", POLICIES)
def test_the_board_is_of_the_policy_asked_for_and_has_an_hour_for_each_call(policy):
    board = week_board(get_simulated_week(), policy)
    assert board["chosen"] == policy
    assert len(board["hours"]) == 168
    assert [row["name"] for row in board["ways"]] == [
        "Without a market",
        "With the market",
        "With the market, no carbon adder",
    ]


def test_a_policy_that_was_not_simulated_shows_the_first():
    assert week_board(get_simulated_week(), "nonsense")["chosen"] == "default"


@pytest.mark.parametrize("policy", POLICIES)
def test_the_verdict_says_more_or_less_as_the_figures_do(policy):
    week = get_simulated_week()
    ways = {way.name: way for each in week.policies if each.policy == policy for way in each.ways}
    verdict = week_board(week, policy)["verdict"]
    word = "more" if ways["market"].g_per_1k_tokens > ways["no_market"].g_per_1k_tokens else "less"
    assert f"% {word} with the market than without" in verdict


def test_under_the_feebate_what_groups_pay_for_need_sums_to_nothing():
    default = next(each for each in get_simulated_week().policies if each.policy == "default")
    assert sum(group.justice_usd for group in default.groups) == 0
    assert sum(group.justice_usd for group in default.tiers) == 0


def test_cards_compare_with_a_week_without_a_market():
    cards = week_cards(get_simulated_week(), "default")
    assert all("without" in card["note"] for card in cards[:3])
