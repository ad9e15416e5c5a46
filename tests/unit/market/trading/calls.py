"""Small calls: written out row by row, or random ones for hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from market.domain.trading.call import Asks, Bids, CallTerms, Cleared

RATES = (-600_000, -250_000, -100_000, 0, 50_000, 123_457, 300_000)

Call = tuple[Bids, Asks, CallTerms]


def whole(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def bids_of(*rows: tuple[int, ...]) -> Bids:
    """Rows of (number, team, limit, lots[, rate[, weight]])."""
    full = [(*row, *(0, 1_000_000)[len(row) - 4 :]) for row in rows]
    number, team, limit, lots, rate, weight = zip(*full, strict=True) if full else ((),) * 6
    return Bids(
        number=whole(number),
        limit_ticks=whole(limit),
        lots=whole(lots),
        rate_ppm=whole(rate),
        weight_ppm=whole(weight),
        team=whole(team),
    )


def asks_of(*rows: tuple[int, ...]) -> Asks:
    """Rows of (number, team, limit, lots[, adder])."""
    full = [(*row, *(0,)[len(row) - 4 :]) for row in rows]
    number, team, limit, lots, adder = zip(*full, strict=True) if full else ((),) * 5
    return Asks(
        number=whole(number), limit_ticks=whole(limit), lots=whole(lots), adder_ticks=whole(adder), team=whole(team)
    )


def terms_of(**changes: Any) -> CallTerms:
    plain = {
        "reference_ticks": 100,
        "low_ticks": 50,
        "high_ticks": 150,
        "least_principals": 1,
        "volatility_percent": None,
        "fund_micro_usd": None,
    }
    return CallTerms(**{**plain, **changes})


@st.composite
def calls(draw: st.DrawFn, rates: Sequence[int] = RATES) -> Call:
    """Up to nine bids and nine offers of up to five teams around one price; now and then in very large numbers."""
    base = draw(st.sampled_from([0, 0, 0, 1_000_000]))
    many = draw(st.sampled_from([1, 1, 1000, 10**9]))
    ticks, lots, team = st.integers(1, 40), st.integers(1, 12).map(lambda each: each * many), st.integers(0, 4)
    weights = draw(st.lists(st.sampled_from([1, 1000, 700_000, 1_000_000, 1_300_001]), min_size=5, max_size=5))
    rate_of = draw(st.lists(st.sampled_from(rates), min_size=5, max_size=5))
    buys = draw(st.lists(st.tuples(team, ticks, lots, st.none() | st.sampled_from(rates)), max_size=9))
    sells = draw(st.lists(st.tuples(team, ticks, lots, st.integers(0, 5)), max_size=9))
    numbers = draw(st.permutations(range(len(buys) + len(sells))))
    reference = base + draw(st.integers(1, 30))
    low = max(1, reference - draw(st.integers(0, 12)))
    terms = terms_of(
        reference_ticks=reference,
        low_ticks=low,
        high_ticks=reference + draw(st.integers(0, 12)),
        fund_micro_usd=draw(st.sampled_from([None, None, 0, 7, 300])),
    )
    bids = [
        (numbers[at], who, base + limit, count, rate_of[who] if rate is None else rate, weights[who])
        for at, (who, limit, count, rate) in enumerate(buys)
    ]
    asks = [
        (numbers[len(buys) + at], who, base + limit, count, adder)
        for at, (who, limit, count, adder) in enumerate(sells)
    ]
    return bids_of(*bids), asks_of(*asks), terms


def by_team(team: np.ndarray, values: np.ndarray) -> dict[int, int]:
    """Sums by team."""
    return {int(each): int(values[team == each].sum()) for each in np.unique(team)}


def by_number(cleared: Cleared, bids: Bids, asks: Asks) -> dict[int, tuple[int, int]]:
    """Lots and micro-USD by order."""
    bought = zip(bids.number, cleared.bid_fill, cleared.bid_pay, strict=True)
    sold = zip(asks.number, cleared.ask_fill, cleared.ask_receive, strict=True)
    return {int(number): (int(lots), int(money)) for number, lots, money in (*bought, *sold)}
