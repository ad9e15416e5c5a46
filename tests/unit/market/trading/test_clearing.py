"""The sealed call: against one that is as plain as can be, and what it promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from market.domain.trading.call import Asks, Bids, CallStatus, CallTerms
from market.domain.trading.clearing import clear
from tests.unit.market.trading.calls import asks_of, bids_of, by_number, by_team, calls, terms_of
from tests.unit.market.trading.plain_call import clear_plainly, outcome_at, rows_of

often = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestAgainstThePlainCall:
    @settings(often, max_examples=80)
    @given(calls())
    def test_price_fills_and_money_agree_and_no_larger_factor_can_be_paid_for(self, call) -> None:
        bids, asks, terms = call
        plain = clear_plainly(*rows_of(bids, asks), terms)
        assume(min(plain.wanted, plain.offered) > 0)
        cleared = clear(*call)
        assert (cleared.price_ticks, cleared.factor_percent) == (plain.price, plain.factor)
        assert (cleared.wanted_lots, cleared.offered_lots) == (plain.wanted, plain.offered)
        filled = by_number(cleared, bids, asks)
        assert {number: lots for number, (lots, _) in filled.items() if lots} == {
            number: lots for number, lots in {**plain.bid_fill, **plain.ask_fill}.items() if lots
        }
        for (team, rate), money in plain.by_party.items():
            own = int(cleared.bid_justice[(bids.team == team) & (bids.rate_ppm == rate)].sum())
            assert own == -money if rate < 0 else 0 <= own <= money
            assert own == money or rate <= 0 or terms.fund_micro_usd is None
        larger = [outcome_at(factor, *rows_of(bids, asks), terms) for factor in range(plain.factor + 1, 101)]
        assert all(each.subsidies > each.premia + (terms.fund_micro_usd or 0) for each in larger)

    @often
    @given(calls())
    def test_without_a_price_nothing_could_have_traded(self, call) -> None:
        bids, asks, terms = call
        plain = clear_plainly(*rows_of(bids, asks), terms)
        assume(min(plain.wanted, plain.offered) == 0)
        cleared = clear(*call)
        assert cleared.price_ticks is None
        assert cleared.status in (CallStatus.NO_CROSS, CallStatus.CARRIED)
        assert not cleared.bid_fill.any()
        assert not cleared.ask_fill.any()


class TestPromises:
    @often
    @given(calls())
    def test_nobody_trades_worse_than_the_limit_and_the_price_is_in_the_collar(self, call) -> None:
        bids, asks, terms = call
        cleared = clear(*call)
        assume(cleared.status == CallStatus.CLEARED)
        assert terms.low_ticks <= cleared.price_ticks <= terms.high_ticks
        assert (cleared.bid_pay <= cleared.bid_fill * bids.limit_ticks).all()
        assert (cleared.ask_receive >= cleared.ask_fill * asks.limit_ticks).all()
        assert (cleared.bid_fill <= bids.lots).all()
        assert (cleared.ask_fill <= asks.lots).all()
        assert (cleared.bid_pay >= 0).all()

    @often
    @given(calls())
    def test_one_price_for_all_and_every_micro_usd_is_somewhere(self, call) -> None:
        _, asks, _ = call
        cleared = clear(*call)
        assume(cleared.status == CallStatus.CLEARED)
        price = cleared.price_ticks
        assert cleared.bid_fill.sum() == cleared.ask_fill.sum() == cleared.volume_lots
        assert (cleared.bid_gross == cleared.bid_fill * price).all()
        assert (cleared.ask_receive + cleared.ask_adder == cleared.ask_fill * price).all()
        assert (cleared.ask_adder == cleared.ask_fill * asks.adder_ticks).all()
        rounding = cleared.bid_pay - cleared.bid_gross - cleared.bid_justice
        assert ((rounding == 0) | (rounding == 1)).all()
        assert rounding.sum() == cleared.rounding_micro_usd
        assert cleared.bid_pay.sum() - cleared.ask_receive.sum() == cleared.to_fund_micro_usd
        assert (
            cleared.to_fund_micro_usd
            == cleared.ask_adder.sum() + cleared.bid_justice.sum() + cleared.rounding_micro_usd
        )

    @often
    @given(calls())
    def test_need_is_paid_for_by_premia_or_by_what_the_fund_has(self, call) -> None:
        bids, _, terms = call
        cleared = clear(*call)
        justice = cleared.bid_justice
        assert (justice[bids.rate_ppm > 0] >= 0).all()
        assert (justice[bids.rate_ppm < 0] <= 0).all()
        assert not justice[bids.rate_ppm == 0].any()
        if terms.fund_micro_usd is None:
            assert justice.sum() == 0
            assert cleared.rounding_micro_usd == 0
        else:
            assert -justice[justice < 0].sum() <= justice[justice > 0].sum() + terms.fund_micro_usd

    @often
    @given(calls())
    def test_no_order_pays_a_micro_usd_more_than_its_exact_share_rounded_up(self, call) -> None:
        bids, _, terms = call
        cleared = clear(*call)
        exact = cleared.bid_gross.astype(object) * bids.rate_ppm.astype(object) * 100
        exact = np.where(bids.rate_ppm < 0, exact * cleared.factor_percent // 100, exact)
        owed = cleared.bid_pay - cleared.bid_gross
        if terms.fund_micro_usd is None:
            assert all(owed <= -(-exact // 10**8))
        else:
            assert all(abs(owed * 10**8 - exact) < 10**8)


class TestWhoGainsNothing:
    @often
    @given(calls(), st.randoms(use_true_random=False))
    def test_the_order_of_rows_changes_nothing(self, call, random) -> None:
        bids, asks, terms = call
        assert _by_order(call) == _by_order((_mixed(bids, random), _mixed(asks, random), terms))

    @often
    @given(calls(), st.randoms(use_true_random=False))
    def test_another_arrival_changes_no_teams_lots_but_for_exact_ties(self, call, random) -> None:
        bids, asks, terms = call
        rows = rows_of(bids, asks)
        last = clear_plainly(*rows, terms).factor
        assume(not any(outcome_at(factor, *rows, terms).is_tied for factor in range(last, 101)))
        later, other = _renumbered(bids, random), _renumbered(asks, random)
        before, after = clear(*call), clear(later, other, terms)
        assert (before.price_ticks, before.factor_percent) == (after.price_ticks, after.factor_percent)
        assert by_team(bids.team, before.bid_fill) == by_team(bids.team, after.bid_fill)
        assert by_team(asks.team, before.ask_fill) == by_team(asks.team, after.ask_fill)
        assert by_team(asks.team, before.ask_receive) == by_team(asks.team, after.ask_receive)

    @often
    @given(calls(), st.data())
    def test_cutting_an_order_in_parts_changes_no_teams_lots_or_money(self, call, data) -> None:
        bids, asks, terms = call
        assume(len(bids.lots))
        at = data.draw(st.integers(0, len(bids.lots) - 1))
        parts = data.draw(st.lists(st.integers(0, int(bids.lots[at])), max_size=4))
        cut = _cut(bids, at, parts)
        before, after = clear(*call), clear(cut, asks, terms)
        assert (before.price_ticks, before.factor_percent) == (after.price_ticks, after.factor_percent)
        assert by_team(bids.team, before.bid_fill) == by_team(cut.team, after.bid_fill)
        assert by_team(bids.team, before.bid_pay) == by_team(cut.team, after.bid_pay)

    @often
    @given(calls(), st.data())
    def test_cutting_an_offer_in_parts_changes_no_teams_lots_or_money(self, call, data) -> None:
        bids, asks, terms = call
        assume(len(asks.lots))
        at = data.draw(st.integers(0, len(asks.lots) - 1))
        cut = _cut(asks, at, data.draw(st.lists(st.integers(0, int(asks.lots[at])), max_size=4)))
        before, after = clear(*call), clear(bids, cut, terms)
        assert by_team(asks.team, before.ask_fill) == by_team(cut.team, after.ask_fill)
        assert by_team(asks.team, before.ask_receive) == by_team(cut.team, after.ask_receive)

    @often
    @given(calls(rates=(0,)), st.integers(0, 4), st.integers(1, 3_000_000))
    def test_a_larger_weight_never_gets_a_team_less(self, call, team, more) -> None:
        bids, asks, terms = call
        heavier = replace(bids, weight_ppm=bids.weight_ppm + np.where(bids.team == team, more, 0))
        before = by_team(bids.team, clear(*call).bid_fill)
        after = by_team(bids.team, clear(heavier, asks, terms).bid_fill)
        assert after.get(team, 0) >= before.get(team, 0)


class TestCallsWithoutTrade:
    bids = bids_of((1, 1, 120, 10), (3, 2, 120, 10))
    asks = asks_of((2, 3, 80, 10), (4, 4, 80, 10))

    def test_too_few_teams_on_a_side_carry_all_orders_on(self) -> None:
        cleared = clear(self.bids, self.asks, terms_of(least_principals=3))
        assert cleared.status == CallStatus.CARRIED
        assert (cleared.bid_teams, cleared.ask_teams, cleared.price_ticks) == (2, 2, None)
        assert not cleared.bid_fill.any()

    def test_one_team_with_many_orders_is_one(self) -> None:
        many = bids_of(*((number, 1, 120, 1) for number in range(10, 20)))
        assert clear(many, self.asks, terms_of(least_principals=2)).status == CallStatus.CARRIED
        assert clear(self.bids, self.asks, terms_of(least_principals=2)).status == CallStatus.CLEARED

    @pytest.mark.parametrize(
        ("reference", "status"), [(96, "cleared"), (95, "halted"), (160, "cleared"), (161, "halted")]
    )
    def test_a_price_too_far_from_the_reference_halts(self, reference, status) -> None:
        bids = bids_of((1, 1, 120, 10))
        asks = asks_of((2, 2, 120, 10))
        cleared = clear(bids, asks, terms_of(reference_ticks=reference, high_ticks=200, volatility_percent=25))
        assert (str(cleared.status), cleared.price_ticks) == (status, 120)
        assert cleared.bid_fill.any() == cleared.ask_fill.any() == (status == "cleared")
        assert cleared.volume_lots == (10 if status == "cleared" else 0)

    def test_after_a_halt_it_may_go_anywhere_in_the_collar(self) -> None:
        bids, asks = bids_of((1, 1, 150, 10)), asks_of((2, 2, 150, 10))
        assert clear(bids, asks, terms_of(volatility_percent=None)).price_ticks == 150

    def test_nobody_at_all_is_no_error(self) -> None:
        assert clear(bids_of(), asks_of(), terms_of(least_principals=0)).status == CallStatus.NO_CROSS

    def test_more_than_64_bits_can_count_is_refused(self) -> None:
        with pytest.raises(OverflowError):
            clear(bids_of((1, 1, 120, 1 << 60)), self.asks, terms_of())


def _by_order(call: tuple[Bids, Asks, CallTerms]) -> object:
    cleared = clear(*call)
    sums = (cleared.status, cleared.price_ticks, cleared.factor_percent, cleared.to_fund_micro_usd)
    return sums, by_number(cleared, *call[:2])


def _mixed(side, random):
    rows = np.array(random.sample(range(len(side.lots)), len(side.lots)), dtype=np.int64)
    return type(side)(**{name: getattr(side, name)[rows] for name in type(side).__dataclass_fields__})


def _renumbered(side, random):
    """Teams arrive in any other order; each team's own orders stay in theirs."""
    drawn = np.array(random.sample(range(100), len(side.number)), dtype=np.int64)
    number = np.empty_like(drawn)
    for team in np.unique(side.team):
        rows = np.flatnonzero(side.team == team)
        number[rows[np.argsort(side.number[rows])]] = np.sort(drawn[rows])
    return replace(side, number=number)


def _cut(side, at: int, marks: list[int]):
    """The row in parts between the marks; the first keeps its number, the others come last."""
    edges = sorted({0, int(side.lots[at]), *marks})
    parts = np.diff(edges)
    rows = np.concatenate((np.arange(len(side.lots)), np.full(len(parts) - 1, at)))
    columns = {name: getattr(side, name)[rows].copy() for name in type(side).__dataclass_fields__}
    columns["lots"][[at, *range(len(side.lots), len(rows))]] = parts
    columns["number"][len(side.lots) :] = 1000 + np.arange(len(parts) - 1)
    return type(side)(**columns)
