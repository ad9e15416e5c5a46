"""Made-up calls, and the plain clearings that ours is compared with: sort both sides, walk to where they cross."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from market.domain.trading.call import Asks, Bids, CallTerms, Cleared, Whole
from market.domain.trading.clearing import clear

REFERENCE = 10_000
CLASSES = 200
"""Rates of need (one for each origin) and carbon adders (one for each region), as many as there are places."""
TERMS = CallTerms(
    reference_ticks=REFERENCE,
    low_ticks=REFERENCE // 2,
    high_ticks=REFERENCE * 3 // 2,
    least_principals=5,
    volatility_percent=None,
    fund_micro_usd=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A clearing of `orders` orders: which, by what, and processor seconds, the least of the rounds."""

    orders: int
    name: str
    seconds: float
    cleared: Cleared | None = None


def made_call(orders: int, *, seed: int = 5) -> tuple[Bids, Asks]:
    """Half bids, half offers around the reference, one team to fifty orders. By sequence, as a database gives them."""
    rng, half = np.random.default_rng(seed), orders // 2
    teams = max(10, orders // 50)
    rate_of_team = rng.choice(rng.integers(-500_000, 500_000, CLASSES), teams)
    weight_of_team = rng.choice([500_000, 1_000_000, 2_000_000, 3_000_000], teams)
    adder_of_team = rng.choice(rng.integers(0, 2000, CLASSES), teams)
    buyer, seller = rng.integers(0, teams, half), rng.integers(0, teams, half)
    is_bid = rng.permutation(2 * half) < half
    bids = Bids(
        number=np.flatnonzero(is_bid),
        limit_ticks=_around(rng, REFERENCE + 500, half),
        lots=rng.integers(1, 100, half),
        rate_ppm=rate_of_team[buyer],
        weight_ppm=weight_of_team[buyer],
        team=buyer,
    )
    asks = Asks(
        number=np.flatnonzero(~is_bid),
        limit_ticks=_around(rng, REFERENCE - 1500, half),
        lots=rng.integers(1, 100, half),
        adder_ticks=adder_of_team[seller],
        team=seller,
    )
    return bids, asks


def measure_calls(orders: int, rounds: int) -> Iterator[Case]:
    """The baselines first, then ours: without need, with all rates, under a Fund, and rationed at the collar."""
    bids, asks = made_call(orders)
    no_need = replace(bids, rate_ppm=np.zeros_like(bids.rate_ppm))
    low_top = replace(TERMS, high_ticks=9000)
    works: list[tuple[str, Callable[[], Cleared | int]]] = [
        ("plain numpy", lambda: plain_numpy(bids, asks)),
        ("without need", lambda: clear(no_need, asks, TERMS)),
        ("feebate", lambda: clear(bids, asks, TERMS)),
        ("empty Fund", lambda: clear(bids, asks, replace(TERMS, fund_micro_usd=0))),
        ("at the collar", lambda: clear(bids, asks, low_top)),
    ]
    if orders <= 10_000:
        works.insert(0, ("plain Python", lambda: plain_python(bids, asks)))
    lots = None
    for name, work in works:
        seconds, result = _least_seconds(work, rounds)
        if isinstance(result, int):
            assert lots in (None, result), "The plain ones must trade the same."
            lots = result
        elif name == "without need":
            assert result.volume_lots == lots, "Without need it trades as much as a plain clearing."
        yield Case(orders=orders, name=name, seconds=seconds, cleared=result if isinstance(result, Cleared) else None)


def plain_numpy(bids: Bids, asks: Asks) -> int:
    """No collar, no need, no sharing: better limits first, then the order of rows. Gives lots; fills are made too."""
    bid_rows = np.argsort(-bids.limit_ticks, kind="stable")
    ask_rows = np.argsort(asks.limit_ticks + asks.adder_ticks, kind="stable")
    wanted, offered = np.cumsum(bids.lots[bid_rows]), np.cumsum(asks.lots[ask_rows])
    limit, least = bids.limit_ticks[bid_rows], (asks.limit_ticks + asks.adder_ticks)[ask_rows]
    good = np.concatenate(([0], offered))[np.searchsorted(least, limit, side="right")]
    volume = int(np.minimum(wanted, good).max())
    _fill(bids.lots[bid_rows], wanted, volume)
    _fill(asks.lots[ask_rows], offered, volume)
    return volume


def _fill(lots: Whole, upto: Whole, volume: int) -> Whole:
    filled: Whole = np.clip(volume - (upto - lots), 0, lots)
    return filled


def plain_python(bids: Bids, asks: Asks) -> int:
    """The same in loops."""
    buys = sorted(zip((-bids.limit_ticks).tolist(), bids.number.tolist(), bids.lots.tolist(), strict=True))
    least = (asks.limit_ticks + asks.adder_ticks).tolist()
    sells = sorted(zip(least, asks.number.tolist(), asks.lots.tolist(), strict=True))
    volume = buy = sell = 0
    buy_left, sell_left = buys[0][2], sells[0][2]
    while -buys[buy][0] >= sells[sell][0]:
        lots = min(buy_left, sell_left)
        volume, buy_left, sell_left = volume + lots, buy_left - lots, sell_left - lots
        if not buy_left:
            buy += 1
            if buy == len(buys):
                break
            buy_left = buys[buy][2]
        if not sell_left:
            sell += 1
            if sell == len(sells):
                break
            sell_left = sells[sell][2]
    return volume


def _around(rng: np.random.Generator, middle: int, count: int) -> Whole:
    return np.maximum(1, rng.normal(middle, 2000, count)).astype(np.int64)


def _least_seconds(work: Callable[[], Cleared | int], rounds: int) -> tuple[float, Cleared | int]:
    least, result = float("inf"), work()
    for _ in range(rounds):
        began = time.process_time()
        result = work()
        least = min(least, time.process_time() - began)
    return least, result
