"""A sealed call: one price for all who trade, worked out on whole lots, ticks and micro-USD.

Bids count at what a lot is worth to the buyer before subsidy or premium, offers with their carbon adder.
Everybody good at the price trades; on the longer side better limits go first, and the level at which lots
run out is shared between teams. Why it is done so: docs/adr/0025-sealed-call.md.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from market.domain.trading.call import Asks, Bids, CallStatus, CallTerms, Cleared, Whole
from market.domain.trading.exact import exact_sum
from market.domain.trading.groups import distinct
from market.domain.trading.justice_factor import find_outcome
from market.domain.trading.payments import parties_of, pay
from market.domain.trading.supply import supply_of

Side = TypeVar("Side", Bids, Asks)

LARGEST = 1 << 61
"""Lots of one side at the highest price must come to less, in micro-USD."""


def clear(bids: Bids, asks: Asks, terms: CallTerms) -> Cleared:
    """Clear one call. The order of rows does not matter; arrival (`number`) only breaks exact ties.

    `price_ticks` is None where no price was found (carried, no cross); of a halted call it is the price
    that was refused, and nothing is filled. Raises OverflowError for more than 2**61 micro-USD on a side.
    """
    bid_teams, ask_teams = len(distinct(bids.team)), len(distinct(asks.team))
    for side in (bids, asks):
        if exact_sum(side.lots) * terms.high_ticks >= LARGEST:
            raise OverflowError("More lots than a call can count.")
    nothing = untraded(bids, asks, CallStatus.CARRIED, bid_teams=bid_teams, ask_teams=ask_teams)
    if min(bid_teams, ask_teams) < terms.least_principals:
        return nothing
    bid_rows, ask_rows = _sequence(bids.number), _sequence(asks.number)
    cleared = _clear_in_sequence(_taken(bids, bid_rows), _taken(asks, ask_rows), terms, nothing)
    return _back_in_place(cleared, bid_rows, ask_rows)


def untraded(bids: Bids, asks: Asks, status: CallStatus, *, bid_teams: int, ask_teams: int) -> Cleared:
    """A call in which nothing changes hands."""
    no_bid, no_ask = np.zeros_like(bids.lots), np.zeros_like(asks.lots)
    return Cleared(
        status=status,
        price_ticks=None,
        factor_percent=0,
        volume_lots=0,
        wanted_lots=0,
        offered_lots=0,
        imbalance_lots=0,
        bid_teams=bid_teams,
        ask_teams=ask_teams,
        bid_fill=no_bid,
        bid_gross=no_bid,
        bid_justice=no_bid,
        bid_pay=no_bid,
        ask_fill=no_ask,
        ask_adder=no_ask,
        ask_receive=no_ask,
        rounding_micro_usd=0,
        to_fund_micro_usd=0,
    )


def _clear_in_sequence(bids: Bids, asks: Asks, terms: CallTerms, nothing: Cleared) -> Cleared:
    parties = parties_of(bids.team, bids.rate_ppm)
    supply = supply_of(asks, terms.low_ticks)
    outcome = find_outcome(bids, supply, parties, terms)
    price = outcome.price
    if price.volume == 0:
        return replace(nothing, status=CallStatus.NO_CROSS)
    found = replace(
        nothing,
        price_ticks=price.ticks,
        factor_percent=outcome.factor_percent,
        wanted_lots=price.wanted,
        offered_lots=price.offered,
        imbalance_lots=price.wanted - price.offered,
    )
    if is_volatile(price.ticks, terms):
        return replace(found, status=CallStatus.HALTED)
    payments = pay(
        parties, outcome.bid_fill, price.ticks, outcome.factor_percent, is_feebate=terms.fund_micro_usd is None
    )
    return settled(
        replace(found, status=CallStatus.CLEARED),
        outcome.bid_fill,
        supply.fill(price.volume),
        asks.adder_ticks,
        justice=payments.justice,
        rounding=payments.rounding,
    )


def is_volatile(price_ticks: int, terms: CallTerms) -> bool:
    """Whether a price is further from the reference than one call may go."""
    if terms.volatility_percent is None:
        return False
    return abs(price_ticks - terms.reference_ticks) * 100 > terms.volatility_percent * terms.reference_ticks


def settled(
    found: Cleared, bid_fill: Whole, ask_fill: Whole, adder_ticks: Whole, *, justice: Whole, rounding: Whole
) -> Cleared:
    """The outcome with its fills and all sums of money at `found.price_ticks`."""
    gross = bid_fill * (found.price_ticks or 0)
    bid_pay = gross + justice + rounding
    adder = ask_fill * adder_ticks
    receive = ask_fill * (found.price_ticks or 0) - adder
    return replace(
        found,
        volume_lots=int(bid_fill.sum()),
        bid_fill=bid_fill,
        bid_gross=gross,
        bid_justice=justice,
        bid_pay=bid_pay,
        ask_fill=ask_fill,
        ask_adder=adder,
        ask_receive=receive,
        rounding_micro_usd=int(rounding.sum()),
        to_fund_micro_usd=int(bid_pay.sum()) - int(receive.sum()),
    )


def _sequence(number: Whole) -> Whole | None:
    """Rows by number; None if that is how they are."""
    return None if (np.diff(number) > 0).all() else np.argsort(number)


def _taken(side: Side, rows: Whole | None) -> Side:
    """The side's rows in this order."""
    if rows is None:
        return side
    return replace(side, **{each.name: getattr(side, each.name)[rows] for each in fields(side)})


def _back_in_place(cleared: Cleared, bid_rows: Whole | None, ask_rows: Whole | None) -> Cleared:
    placed: dict[str, Any] = {}
    for each in fields(cleared):
        rows = {"bid_": bid_rows, "ask_": ask_rows}.get(each.name[:4])
        values = getattr(cleared, each.name)
        if rows is not None and isinstance(values, np.ndarray):
            placed[each.name] = np.empty_like(values)
            placed[each.name][rows] = values
    return replace(cleared, **placed)
