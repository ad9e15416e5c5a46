"""The continuous book against its own rule, and the rule against a reader's idea of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.trading.book import Book, Depth, Level
from market.domain.trading.matching import (
    BUY,
    FILL_OR_KILL,
    LIMIT,
    MARKET,
    NO_MORE,
    NOT_WHOLE,
    OWN_TEAM,
    SELL,
    Fill,
    Incoming,
    Matched,
    Resting,
    match,
)

LOW, HIGH = 5, 14
SIDES = st.sampled_from((BUY, SELL))
KINDS = st.sampled_from((LIMIT, LIMIT, LIMIT, MARKET, FILL_OR_KILL))
PLACES = st.tuples(
    SIDES, st.integers(1, 9), st.one_of(st.none(), st.integers(LOW, HIGH)), KINDS, st.integers(1, 4)
).filter(lambda each: each[2] is not None or each[3] != LIMIT)
EVENTS = st.lists(st.one_of(PLACES, st.integers(0, 60)), max_size=80)


class Plain:
    """A book as a list: each order meets the other side by the rule, nothing is kept in order."""

    def __init__(self) -> None:
        self.open: dict[int, tuple[str, Resting]] = {}

    def place(self, number, side, lots, limit_ticks, kind, team) -> Matched:
        incoming = Incoming(number=number, team=team, side=side, lots=lots, limit_ticks=limit_ticks, kind=kind)
        others = [each for its_side, each in self.open.values() if its_side != side]
        matched = match(others, incoming, low_ticks=LOW, high_ticks=HIGH)
        for fill in matched.fills:
            its_side, maker = self.open.pop(fill.maker)
            if maker.lots > fill.lots:
                self._rest(its_side, fill.maker, maker.team, maker.lots - fill.lots, maker.ticks)
        if matched.resting_lots:
            self._rest(side, number, team, matched.resting_lots, limit_ticks)
        return matched

    def _rest(self, side, number, team, lots, ticks) -> None:
        self.open[number] = (side, Resting(number=number, team=team, lots=lots, ticks=ticks))

    def depth(self) -> Depth:
        lots: dict[str, dict[int, int]] = {BUY: {}, SELL: {}}
        for side, each in self.open.values():
            lots[side][each.ticks] = lots[side].get(each.ticks, 0) + each.lots
        bids, asks = ([Level(*level) for level in sorted(lots[side].items())] for side in (BUY, SELL))
        return Depth(bids=tuple(reversed(bids)), asks=tuple(asks))


@given(EVENTS)
def test_a_book_does_what_the_rule_says_of_each_order(events):
    book, plain = Book(LOW, HIGH), Plain()
    for number, event in enumerate(events):
        if isinstance(event, int):
            gone = plain.open.pop(event, None)
            assert book.cancel(event) == (gone[1].lots if gone else 0)
        else:
            assert book.place(number, *event) == list(plain.place(number, *event).fills)
        assert {each: book.lots_of(each) for each in plain.open} == {n: o.lots for n, (_, o) in plain.open.items()}
        assert len(book) == len(plain.open)
        assert book.depth() == plain.depth()


@given(EVENTS)
def test_no_lot_is_lost_and_nobody_pays_more_than_the_limit_or_meets_himself(events):
    book, placed = Book(LOW, HIGH), {}
    for number, event in enumerate(events):
        if isinstance(event, int):
            book.cancel(event)
            continue
        side, lots, limit, kind, team = placed[number] = event
        fills = book.place(number, *event)
        for fill in fills:
            _, _, maker_limit, _, maker_team = placed[fill.maker]
            assert fill.ticks == maker_limit
            assert maker_team != team
            assert limit is None or (fill.ticks <= limit if side == BUY else fill.ticks >= limit)
        done = sum(fill.lots for fill in fills)
        assert 0 <= done + book.lots_of(number) <= lots
        assert kind == LIMIT or book.lots_of(number) == 0
        assert kind != FILL_OR_KILL or done in (0, lots)
        bids, asks = book.depth()
        assert not bids or not asks or bids[0].ticks < asks[0].ticks


def resting(number: int, ticks: int, lots: int = 1, team: int = 9) -> Resting:
    return Resting(number=number, team=team, lots=lots, ticks=ticks)


def buying(lots: int = 5, limit: int | None = 10, kind: str = LIMIT, team: int = 1) -> Incoming:
    return Incoming(number=99, team=team, side=BUY, lots=lots, limit_ticks=limit, kind=kind)


def meet(incoming: Incoming, *others: Resting) -> Matched:
    return match(others, incoming, low_ticks=LOW, high_ticks=HIGH)


def test_the_better_price_comes_first_and_the_older_order_at_the_same_price():
    matched = meet(buying(lots=4), resting(1, 10, 2), resting(3, 9), resting(2, 9))
    assert matched.fills == (Fill(99, 2, 9, 1), Fill(99, 3, 9, 1), Fill(99, 1, 10, 2))
    assert (matched.resting_lots, matched.cancelled_lots, matched.reason) == (0, 0, "")


def test_a_seller_gets_the_price_of_the_bid_that_rests():
    incoming = Incoming(number=99, team=1, side=SELL, lots=3, limit_ticks=7)
    matched = meet(incoming, resting(1, 8), resting(2, 12), resting(3, 6))
    assert matched.fills == (Fill(99, 2, 12, 1), Fill(99, 1, 8, 1))
    assert matched.resting_lots == 1


def test_what_is_left_of_a_limit_order_rests():
    assert meet(buying(), resting(1, 10), resting(2, 11)) == Matched(
        fills=(Fill(99, 1, 10, 1),), resting_lots=4, cancelled_lots=0, reason=""
    )


def test_what_is_left_of_a_market_order_is_cancelled():
    matched = meet(buying(limit=None, kind=MARKET), resting(1, 14, 2))
    assert (matched.fills, matched.cancelled_lots, matched.reason) == ((Fill(99, 1, 14, 2),), 3, NO_MORE)


def test_fill_or_kill_is_filled_whole_or_not_at_all():
    others = (resting(1, 9, 3), resting(2, 10, 2))
    assert sum(fill.lots for fill in meet(buying(lots=5, kind=FILL_OR_KILL), *others).fills) == 5
    refused = meet(buying(lots=6, kind=FILL_OR_KILL), *others)
    assert refused == Matched(fills=(), resting_lots=0, cancelled_lots=6, reason=NOT_WHOLE)


def test_an_order_stops_where_it_would_meet_its_own_team():
    others = (resting(1, 8), resting(2, 9, team=1), resting(3, 9))
    matched = meet(buying(), *others)
    assert matched == Matched(fills=(Fill(99, 1, 8, 1),), resting_lots=0, cancelled_lots=4, reason=OWN_TEAM)
    assert meet(buying(lots=2, kind=FILL_OR_KILL), *others).fills == ()
    assert meet(buying(lots=1), *others).reason == ""


def test_orders_outside_the_collar_do_not_trade():
    assert meet(buying(limit=None, kind=MARKET), resting(1, LOW - 1), resting(2, HIGH + 1)).fills == ()


@pytest.mark.parametrize(
    ("number", "lots", "limit"), [(1, 1, 9), (2, 0, 9), (2, -1, 9), (2, 1, LOW - 1), (2, 1, HIGH + 1)]
)
def test_a_book_refuses_what_it_cannot_hold_and_stays_as_it_is(number, lots, limit):
    book = Book(LOW, HIGH)
    book.place(1, SELL, 4, 10, LIMIT, 1)
    with pytest.raises(ValueError, match="An order has lots"):
        book.place(number, BUY, lots, limit, LIMIT, 2)
    assert book.depth() == Depth(bids=(), asks=(Level(10, 4),))


def test_many_cancelled_orders_behind_one_that_stays_take_no_room():
    book = Book(LOW, HIGH)
    book.place(0, SELL, 1, 10, LIMIT, 1)
    for number in range(1, 20_000):
        book.place(number, SELL, 1, 10, LIMIT, 1)
        book.cancel(number)
    assert sum(len(level) for level in book._asks.levels.values()) < 2_000
    assert book.place(20_000, BUY, 2, 10, LIMIT, 2) == [Fill(20_000, 0, 10, 1)]
    assert book.depth() == Depth(bids=(Level(10, 1),), asks=())
