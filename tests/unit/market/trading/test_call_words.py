"""What people read about a call, with the figures of the worked examples."""

from __future__ import annotations

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from market.domain.trading.call_words import explain_call
from market.domain.trading.clearing import clear
from market.domain.trading.instruments import Contract
from tests.unit.market.trading.calls import asks_of, bids_of, terms_of

QUOTA = Contract(unit=Unit.TOKENS, model_class="", period=Period.MONTH, starts_at=None, ends_at=None, lot_units=100)


def told(bids, asks, **changes) -> str:
    terms = terms_of(**changes)
    return explain_call(QUOTA, bids, asks, terms, clear(bids, asks, terms))


class TestExplainCall:
    def test_why_this_price_and_who_shared_what(self) -> None:
        bids = bids_of((1, 1, 120, 40), (2, 2, 100, 30, 0, 2_000_000), (3, 3, 100, 30), (4, 4, 100, 10))
        words = told(bids, asks_of((5, 5, 80, 50), (6, 6, 95, 25)))
        assert words.startswith(
            "75 lots (7,500 tokens) traded at US$ 0.000001 a token: at this price 110 lots were wanted"
        )
        assert "between US$ 0.0000005 and US$ 0.0000015 trades more" in words
        assert "those at it (3 teams, 70 lots) shared 35 lots in proportion to their weights." in words
        assert words.endswith("Nobody's need changed what was paid. The Fund neither gained nor paid.")

    def test_offers_that_were_too_many(self) -> None:
        words = told(bids_of((1, 1, 100, 10)), asks_of((2, 2, 90, 5), (3, 3, 100, 9), (4, 4, 100, 1)))
        assert (
            "offers below US$ 0.000001 a token were filled, those at it (2 teams, 10 lots) shared 5 lots equally"
            in words
        )

    def test_how_much_of_need_was_paid_and_by_whom(self) -> None:
        bids = bids_of((1, 1, 90, 50, -200_000), (2, 2, 112, 30, 100_000), (3, 3, 105, 27, 50_000))
        words = told(bids, asks_of((4, 4, 90, 80), (5, 5, 95, 27)))
        assert "Subsidies were applied at 43 %, the largest whole percent that these premia can pay for" in words
        assert "US$ 0.000421 to 1 team, and premia of US$ 0.000421 from 2 teams." in words

    def test_what_the_fund_paid(self) -> None:
        bids = bids_of((1, 1, 80, 40, -300_000), (2, 2, 115, 33, 100_000))
        words = told(bids, asks_of((3, 3, 85, 50), (4, 4, 85, 23, 5)), fund_micro_usd=300)
        assert "the largest whole percent that premia and the Fund can pay for" in words
        assert words.endswith("Sellers paid US$ 0.000115 of carbon adder. The Fund paid US$ 0.000175 in all.")

    def test_calls_that_did_not_trade(self) -> None:
        bids, asks = bids_of((1, 1, 130, 5)), asks_of((2, 2, 130, 5))
        assert told(bids, asks, least_principals=2).startswith("1 team bid and 1 team offered; a call needs 2 on each")
        assert told(bids, asks, volatility_percent=25).startswith(
            "The call came to US$ 0.0000013 a token, more than 25 %"
        )
        assert told(bids_of((1, 1, 60, 5)), asks).startswith("No bid reached an offer between US$ 0.0000005 and")
