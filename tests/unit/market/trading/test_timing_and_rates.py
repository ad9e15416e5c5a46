"""When calls close, and what need adds to a price."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from market.domain.policy import Justice
from market.domain.trading.rates import LOWEST_PPM, Need, mean_need, rates_ppm
from market.domain.trading.timing import call_after, lock_begins, taken_until
from tests.unit.market.examples import terms as terms_of

TEN_TWENTY = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
ELEVEN = TEN_TWENTY.replace(hour=11, minute=0)


@pytest.mark.parametrize(
    ("moment", "minutes", "closes"),
    [
        (TEN_TWENTY, 60, ELEVEN),
        (ELEVEN, 60, ELEVEN + timedelta(hours=1)),
        (ELEVEN - timedelta(microseconds=1), 60, ELEVEN),
        (TEN_TWENTY, 7, TEN_TWENTY.replace(minute=27)),
        (TEN_TWENTY, 1440, TEN_TWENTY.replace(day=5, hour=0, minute=0)),
    ],
)
def test_a_call_closes_after_a_moment_and_never_at_it(moment, minutes, closes):
    found = call_after(moment, call_minutes=minutes)
    assert found > moment
    assert (found - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(minutes=minutes) == timedelta()
    assert found == closes or minutes == 7


def test_orders_of_a_call_were_placed_before_its_lock_and_of_one_closed_by_hand_until_its_end():
    lock = lock_begins(ELEVEN, lock_seconds=60)
    assert lock == ELEVEN - timedelta(minutes=1)
    assert taken_until(ELEVEN, call_minutes=60, lock_seconds=60) == lock
    assert taken_until(TEN_TWENTY, call_minutes=60, lock_seconds=60) == TEN_TWENTY


def test_a_mean_is_weighted_by_lots_and_leaves_out_who_is_unknown():
    assert mean_need([(0.2, 1), (0.8, 3), (None, 100)]) == 0.65
    assert mean_need([(None, 5)]) is None


def test_a_feebate_lowers_the_price_of_who_needs_more_than_the_mean_and_raises_it_for_others():
    terms = terms_of("default")
    phi = float(terms.justice.phi)
    needs = [
        Need(score=0.9, is_global_south=True),
        Need(score=0.1, is_global_south=False),
        Need(score=None, is_global_south=True),
    ]
    poor, rich, unknown = rates_ppm(terms, needs, mean_score=0.5)
    assert (poor, rich, unknown) == (round(-0.4 * phi * 1e6), round(0.4 * phi * 1e6), 0)
    assert rates_ppm(terms, needs, mean_score=None) == [0, 0, 0]


def test_a_fixed_policy_asks_only_whether_the_origin_is_in_the_global_south():
    terms = terms_of("seed-2025")
    south, north = rates_ppm(
        terms, [Need(score=None, is_global_south=True), Need(score=0.9, is_global_south=False)], mean_score=None
    )
    assert (south, north) == (
        max(LOWEST_PPM, int(-terms.justice.discount * 1_000_000)),
        int(terms.justice.premium * 1_000_000),
    )


def test_nobody_is_paid_for_buying():
    terms = replace(
        terms_of("seed-2025"),
        justice=Justice(kind="fixed", phi=Decimal(0), discount=Decimal(1), premium=Decimal(0)),
    )
    assert rates_ppm(terms, [Need(score=None, is_global_south=True)], mean_score=None) == [LOWEST_PPM]
