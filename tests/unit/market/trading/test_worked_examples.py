"""The calls that docs/market.md works out by hand, table by table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from market.domain.trading.clearing import clear
from market.domain.trading.effective import effective_asks, effective_bids
from tests.unit.market.trading.calls import asks_of, bids_of, terms_of

TEXT = (Path(__file__).parents[4] / "docs/market.md").read_text(encoding="utf-8")
EXAMPLES = {
    part.split("\n", 1)[0]: part for part in re.split(r"^### ", TEXT.split("## Worked examples", 1)[1], flags=re.M)[1:]
}
OUTCOME = re.compile(
    r"Price (\d+), factor (\d+) %, (\d+) lots, (\d+) wanted, (\d+) offered\. The Fund gets (-?\d+)\.",
)


def rows_of(example: str, kind: str) -> list[list[int]]:
    """The cells of the table of bids or offers; letters become numbers of teams."""
    table = re.search(rf"^\| {kind} \|.*\n\|[ :|-]+\n((?:\|.*\n)+)", example, flags=re.M)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]
    return [[ord(cell) if cell.isalpha() else int(cell) for cell in line] for line in lines]


def test_there_are_four_of_them() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_number_of_the_tables_is_what_clears(name) -> None:
    example = EXAMPLES[name]
    said = [int(each) for each in re.search(r"Reference (\d+), collar (\d+) to (\d+)", example).groups()]
    fund = re.search(r"Fund (\d+)\.", example)
    terms = terms_of(
        reference_ticks=said[0], low_ticks=said[1], high_ticks=said[2], fund_micro_usd=int(fund[1]) if fund else None
    )
    buys, sells = rows_of(example, "bid"), rows_of(example, "offer")
    bids = bids_of(*((row[0], row[1], row[2], row[3], row[4] * 10_000, row[5] * 1_000_000) for row in buys))
    asks = asks_of(*(tuple(row[:5]) for row in sells))
    cleared = clear(bids, asks, terms)
    worth = effective_bids(bids.limit_ticks, bids.rate_ppm, cleared.factor_percent, terms.high_ticks)
    least = effective_asks(asks.limit_ticks, asks.adder_ticks, terms.low_ticks)
    bought = (worth, cleared.bid_fill, cleared.bid_gross, cleared.bid_justice, cleared.bid_pay)
    sold = (least, cleared.ask_fill, cleared.ask_adder, cleared.ask_receive)
    assert np.column_stack(bought).tolist() == [row[6:] for row in buys]
    assert np.column_stack(sold).tolist() == [row[5:] for row in sells]
    outcome = (cleared.price_ticks, cleared.factor_percent, cleared.volume_lots)
    outcome += (cleared.wanted_lots, cleared.offered_lots, cleared.to_fund_micro_usd)
    assert outcome == tuple(int(each) for each in OUTCOME.search(example).groups())
