"""Patterns and what is not one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from market.domain.trading.conduct import (
    Fill,
    Idleness,
    PlacedOrder,
    charge_of,
    idle_steps,
    is_hoarding,
    spoof_patterns,
    wash_patterns,
)
from market.domain.trading.terms import MarketTerms

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
MONTH = Idleness(limit=720, free=720, used=0, window_hours=24, hours_left=360, period_hours=720)


@pytest.mark.parametrize(
    ("budget", "idle", "hoards"),
    [
        (MONTH, 720, True),
        (replace(MONTH, used=24, free=600), 240, False),  # at its pace 360 more will be used
        (replace(MONTH, used=12, free=600), 420, True),
        (replace(MONTH, free=359), 359, False),
        (replace(MONTH, hours_left=None, period_hours=None, used=24, free=720), 0, False),  # 1 an hour for 31 days
        (replace(MONTH, limit=100, free=100, used=1_300, hours_left=0.1, period_hours=1), 95, False),  # busy hours
        (replace(MONTH, limit=100, free=100, used=1_200, hours_left=0.1, period_hours=1), 95, True),
    ],
)
def test_quota_is_idle_where_its_own_pace_will_not_use_it(budget, idle, hoards):
    assert idle_steps(budget) == idle
    assert is_hoarding(budget, idle_percent=50) is hoards


def test_the_charge_is_a_percentage_of_the_idle_value_rounded_down():
    # 720 tokens are 7.2 lots of 100 at 300 ticks: 2160 micro-USD, of which 1 %.
    assert charge_of(idle=720, lot_steps=100, reference_ticks=300, terms=MarketTerms()) == 21


def fill(
    session: str, *, is_buy: bool, team: int = 1, organisation: int = 1, instrument: str = "a", lots: int = 5
) -> Fill:
    return Fill(
        organisation_id=organisation, team_id=team, instrument=instrument, session=session, is_buy=is_buy, lots=lots
    )


def both(*sessions: str) -> list[Fill]:
    return [
        each
        for session in sessions
        for each in (fill(session, is_buy=True, lots=3), fill(session, is_buy=False, team=2))
    ]


def test_an_organisation_on_both_sides_time_and_again_is_a_pattern_of_all_its_teams():
    (found,) = wash_patterns(both("1", "2", "3"))

    assert (found.team_ids, found.lots_by_session) == ((1, 2), {"1": 3, "2": 3, "3": 3})


@pytest.mark.parametrize(
    "fills",
    [
        both("1", "2"),
        [fill(each, is_buy=True) for each in "123"],
        [*both("1", "2"), fill("3", is_buy=True), fill("3", is_buy=False, organisation=2)],
        [*both("1", "2"), fill("3", is_buy=True), fill("3", is_buy=False, instrument="b")],
        [*both("1", "2"), fill("3", is_buy=True), fill("4", is_buy=False)],
    ],
)
def test_twice_or_one_side_or_others_or_another_time_is_none(fills):
    assert wash_patterns(fills) == []


def order(number: int, **changes: object) -> PlacedOrder:
    taken_back = PlacedOrder(
        id=str(number),
        team_id=1,
        instrument="a",
        side="buy",
        lots=50,
        filled_lots=0,
        was_taken_back=True,
        placed_at=NOW,
        closed_at=NOW + timedelta(minutes=5),
    )
    return replace(taken_back, **changes)  # type: ignore[arg-type]


OTHERS = [order(100 + each, team_id=2 + each, lots=10, was_taken_back=False, closed_at=None) for each in range(5)]


def test_large_orders_taken_back_untraded_time_and_again_are_a_pattern():
    (found,) = spoof_patterns([*OTHERS, *(order(each) for each in range(5))], call_minutes=60)

    assert (found.team_id, found.usual_lots, len(found.orders)) == (1, 10, 5)


@pytest.mark.parametrize(
    "change",
    [
        {"lots": 49},
        {"filled_lots": 1},
        {"was_taken_back": False},
        {"closed_at": NOW + timedelta(minutes=60)},
        {"closed_at": NOW},
        {"side": "sell"},
    ],
)
def test_four_of_them_and_one_that_is_otherwise_are_none(change):
    orders = [*(order(each) for each in range(4)), order(4, **change)]

    assert spoof_patterns([*OTHERS, *orders], call_minutes=60) == []


def test_without_enough_orders_of_others_nothing_is_known_of_what_is_usual():
    assert spoof_patterns([*OTHERS[:4], *(order(each) for each in range(5))], call_minutes=60) == []
