"""What does a trader gain who does not say what quota is worth to him, while all others do?

Buyers and sellers of one lot each, worth drawn evenly from 1 to 1,000,000 ticks. Of the prices that trade as much, ours
is the nearest to the reference: the middle, where prices are on the average, or so high that it is always the highest,
as bad for buyers as can be. Beside it the midpoint of these prices, which is not our rule. One buyer bids less than his
worth by a fixed percentage, the one that is best on the average over all draws; his gain is in percent of what he gains
on the average by the truth. A seller who asks for more stands in the mirror. The price of a call of single lots is
worked out at once for all draws, and compared with `clear` on some.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from market.domain.trading.call import Asks, Bids, CallTerms
from market.domain.trading.clearing import clear

Whole = NDArray[np.int64]
WORTH = 1_000_000
SHADES_PER_MILLE = (0, 2, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 100, 120, 150, 200)
RULES = {WORTH // 2: "nearest to the middle", WORTH: "highest", None: "midpoint, not ours"}
"""References, and the price of those that trade as much that follows; None is no reference at all."""
DRAWS = 400_000
COMPARED = 100
TERMS = CallTerms(
    reference_ticks=WORTH // 2,
    low_ticks=1,
    high_ticks=WORTH,
    least_principals=1,
    volatility_percent=None,
    fund_micro_usd=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shading:
    """The best shade of one among so many a side; what it gains, and its standard error, in percent of honest gains."""

    traders: int
    rule: str
    shade_percent: float
    gain_percent: float
    error_percent: float
    lost_percent: float


def measure_shading(traders: int, reference: int | None, draws: int = DRAWS, seed: int = 7) -> Shading:
    """One buyer shades by each part in turn, on the same draws."""
    rng = np.random.default_rng(seed)
    bids, asks = (rng.integers(1, WORTH, (draws, traders)) for _ in range(2))
    own, asks = bids[:, 0].copy(), np.sort(asks, axis=1)
    gains = {shade: own_gain(bids, asks, own, shade, reference) for shade in SHADES_PER_MILLE}
    honest = gains[0].mean()
    best = max(SHADES_PER_MILLE, key=lambda shade: gains[shade].mean())
    more = gains[best] - gains[0]
    return Shading(
        traders=traders,
        rule=RULES[reference],
        shade_percent=best / 10,
        gain_percent=100 * more.mean() / honest,
        error_percent=100 * more.std() / np.sqrt(draws) / honest,
        lost_percent=100 * (more < 0).mean(),
    )


def own_gain(bids: Whole, asks: Whole, own: Whole, shade_per_mille: int, reference: int | None) -> Whole:
    """Ticks that the first buyer gains in each draw: worth less price if he trades, else nothing."""
    said = own - own * shade_per_mille // 1000
    bids[:, 0] = said
    price = prices(-np.sort(-bids, axis=1), asks, reference)
    if reference is not None:
        for draw in range(COMPARED):
            assert price[draw] == _price_of_call(bids[draw], asks[draw], reference)
    return np.where((price > 0) & (said >= price), own - price, 0)


def prices(bids: Whole, asks: Whole, reference: int | None) -> Whole:
    """The price by draw, 0 where nothing trades. Bids from the highest, offers from the lowest; one lot each."""
    count = (bids >= asks).sum(axis=1)
    padded_bids = np.pad(bids, ((0, 0), (1, 1)), constant_values=((0, 0), (WORTH, 1)))
    padded_asks = np.pad(asks, ((0, 0), (1, 1)), constant_values=((0, 0), (1, WORTH)))
    rows = np.arange(len(bids))
    low = np.maximum(padded_asks[rows, count], padded_bids[rows, count + 1] + 1)
    high = np.minimum(padded_bids[rows, count], padded_asks[rows, count + 1] - 1)
    chosen = (low + high) // 2 if reference is None else np.clip(reference, low, high)
    return np.where(count > 0, chosen, 0)


def _price_of_call(bids: Whole, asks: Whole, reference: int) -> int:
    count = len(bids)
    same = np.ones(count, dtype=np.int64)
    made = clear(
        Bids(
            number=np.arange(count),
            limit_ticks=bids,
            lots=same,
            rate_ppm=0 * same,
            weight_ppm=same,
            team=np.arange(count),
        ),
        Asks(number=count + np.arange(count), limit_ticks=asks, lots=same, adder_ticks=0 * same, team=np.arange(count)),
        replace(TERMS, reference_ticks=reference),
    )
    return made.price_ticks or 0


def measure_all(quick: bool) -> Iterator[Shading]:
    """10 and 50 traders a side, by each rule."""
    for reference in RULES:
        for traders in (10, 50):
            yield measure_shading(traders, reference, DRAWS // 20 if quick else DRAWS)
