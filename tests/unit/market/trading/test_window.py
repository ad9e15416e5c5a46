"""Between calls: at the last price, first come, first served."""

from __future__ import annotations

from market.domain.trading.call import CallStatus
from market.domain.trading.window import take_residual
from tests.unit.market.trading.calls import asks_of, bids_of


class TestTakeResidual:
    left = asks_of((5, 1, 90, 4, 15), (2, 2, 100, 3), (3, 3, 90, 6, 5), (4, 9, 50, 7))

    def test_a_new_bid_takes_what_is_good_at_the_price_by_sequence(self) -> None:
        cleared = take_residual(bids_of((8, 7, 100, 5)), self.left, price_ticks=100)
        assert (cleared.status, cleared.price_ticks, cleared.volume_lots) == (CallStatus.CLEARED, 100, 5)
        assert cleared.ask_fill.tolist() == [0, 3, 2, 0]
        assert cleared.bid_pay.tolist() == [500]
        assert cleared.ask_receive.tolist() == [0, 300, 190, 0]
        assert cleared.to_fund_micro_usd == 10

    def test_need_changes_nothing_between_calls(self) -> None:
        cleared = take_residual(bids_of((8, 7, 100, 5, -500_000)), self.left, price_ticks=100)
        assert (cleared.bid_justice.tolist(), cleared.bid_pay.tolist()) == ([0], [500])

    def test_a_limit_below_the_price_takes_nothing(self) -> None:
        cleared = take_residual(bids_of((8, 7, 99, 5, -500_000)), self.left, price_ticks=100)
        assert (cleared.status, cleared.price_ticks, cleared.volume_lots) == (CallStatus.NO_CROSS, None, 0)

    def test_a_team_passes_over_its_own_orders(self) -> None:
        assert take_residual(bids_of((8, 2, 100, 5)), self.left, price_ticks=100).ask_fill.tolist() == [0, 0, 5, 0]
        bids = bids_of((1, 4, 100, 2), (2, 9, 100, 2))
        assert take_residual(bids, asks_of((8, 4, 90, 5)), price_ticks=100).bid_fill.tolist() == [0, 2]

    def test_a_new_offer_needs_its_limit_after_the_adder(self) -> None:
        bids = bids_of((1, 1, 120, 3), (2, 2, 100, 3), (3, 3, 99, 3))
        cleared = take_residual(bids, asks_of((8, 7, 90, 5, 10)), price_ticks=100)
        assert cleared.bid_fill.tolist() == [3, 2, 0]
        assert (cleared.ask_adder.tolist(), cleared.ask_receive.tolist()) == ([50], [450])
        assert take_residual(bids, asks_of((8, 7, 91, 5, 10)), price_ticks=100).volume_lots == 0
