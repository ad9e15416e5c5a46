"""Stored inputs come back as they were, and the same inputs are the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from market.domain.trading.call import Asks, Bids, CallTerms
from market.domain.trading.curve import MOST_STEPS, curve_of
from market.domain.trading.matching import Incoming, Resting
from market.domain.trading.replay import Got, replay
from market.domain.trading.stored import StoredInputs, pack_book, pack_call, unpack_book, unpack_call


def column(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


BIDS = Bids(
    number=column(1, 2),
    limit_ticks=column(400, 300),
    lots=column(5, 7),
    rate_ppm=column(0, -200_000),
    weight_ppm=column(1_000_000, 2_000_000),
    team=column(1, 2),
)
ASKS = Asks(number=column(3), limit_ticks=column(200), lots=column(6), adder_ticks=column(50), team=column(3))
TERMS = CallTerms(
    reference_ticks=300, low_ticks=150, high_ticks=450, least_principals=1, volatility_percent=None, fund_micro_usd=9
)


def test_inputs_of_a_call_come_back_equal_and_are_the_same_bytes_each_time():
    packed = pack_call(BIDS, ASKS, TERMS).to_bytes()
    assert packed == pack_call(BIDS, ASKS, TERMS).to_bytes()
    bids, asks, terms = unpack_call(StoredInputs.from_bytes(packed))
    assert terms == TERMS
    assert (bids.rate_ppm.tolist(), asks.adder_ticks.tolist()) == ([0, -200_000], [50])
    assert bids.limit_ticks.dtype == np.int64


def test_inputs_of_another_format_are_refused():
    other = StoredInputs(facts={}, columns={}).to_bytes()
    import zlib

    changed = zlib.compress(zlib.decompress(other).replace(b'"format":1', b'"format":9'))
    with pytest.raises(ValueError, match="another format"):
        StoredInputs.from_bytes(changed)


def test_a_way_through_a_book_is_replayed_price_by_price_with_the_adders_of_sellers():
    resting = [Resting(number=1, team=1, lots=4, ticks=310), Resting(number=2, team=2, lots=4, ticks=300)]
    incoming = Incoming(number=3, team=3, side="buy", lots=6, limit_ticks=320)
    packed = pack_book(resting, incoming, {1: 10, 2: 20}, low_ticks=150, high_ticks=450).to_bytes()
    stored = StoredInputs.from_bytes(packed)
    assert unpack_book(stored)[:2] == (resting, incoming)
    assert replay(stored, price_ticks=300).fills == {2: Got(4, 4 * 280), 3: Got(4, 4 * 300)}
    assert replay(stored, price_ticks=310).fills == {1: Got(2, 2 * 300), 3: Got(2, 2 * 310)}


def test_a_curve_cumulates_lots_by_effective_price():
    curve = curve_of(pack_call(BIDS, ASKS, TERMS), 100)
    assert [(step.price_ticks, step.lots) for step in curve.demand] == [(400, 5), (375, 12)]
    assert [(step.price_ticks, step.lots) for step in curve.supply] == [(250, 6)]


def test_a_long_curve_keeps_its_ends_and_no_more_steps_than_a_chart_has_room_for():
    count = 5 * MOST_STEPS
    many = Asks(
        number=np.arange(count),
        limit_ticks=np.arange(150, 150 + count),
        lots=np.ones(count, dtype=np.int64),
        adder_ticks=np.zeros(count, dtype=np.int64),
        team=np.arange(count),
    )
    supply = curve_of(pack_call(BIDS, many, TERMS), 0).supply
    assert len(supply) == MOST_STEPS
    assert (supply[0].lots, supply[-1].lots) == (1, count)
