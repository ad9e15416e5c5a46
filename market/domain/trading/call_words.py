"""A call in plain words: why this price, who was rationed, how much of what need asks for was paid."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from budgets.domain.units import Unit
from market.domain.trading.call import Asks, Bids, CallStatus, CallTerms, Cleared, Whole
from market.domain.trading.effective import effective_asks, effective_bids
from market.domain.trading.instruments import MICRO, Contract, usd_per_unit

Flags = NDArray[np.bool_]

UNIT_WORDS = {Unit.TOKENS: "token", Unit.CARBON_G: "g CO2e", Unit.ENERGY_WH: "Wh"}


def explain_call(contract: Contract, bids: Bids, asks: Asks, terms: CallTerms, cleared: Cleared) -> str:
    """One paragraph about `cleared`, the outcome of `clear(bids, asks, terms)`. Prices in US$ for one unit."""
    if cleared.status == CallStatus.CARRIED:
        return (
            f"{_count(cleared.bid_teams, 'team')} bid and {_count(cleared.ask_teams, 'team')} offered; a call needs"
            f" {terms.least_principals} on each side. All orders are carried to the next call."
        )
    if cleared.price_ticks is None:
        return f"No bid reached an offer{_within(contract, terms)}. All orders stay for the next call."
    if cleared.status == CallStatus.HALTED:
        return (
            f"The call came to {_price(contract, cleared.price_ticks)}, more than {terms.volatility_percent} % from the"
            f" reference of {_price(contract, terms.reference_ticks)}. Nothing was traded, and trading halts. The first"
            f" call after the halt may go anywhere{_within(contract, terms)}."
        )
    told = (
        _why_this_price(contract, terms, cleared, cleared.price_ticks),
        _rationed_bids(contract, bids, terms, cleared) + _rationed_asks(contract, asks, terms, cleared),
        _need(bids, terms, cleared),
        _fund(terms, cleared),
    )
    return " ".join(each for each in told if each)


def _why_this_price(contract: Contract, terms: CallTerms, cleared: Cleared, ticks: int) -> str:
    lots = cleared.volume_lots
    return (
        f"{_count(lots, 'lot')} ({lots * contract.lot_units:,} {_unit(contract)}) traded at {_price(contract, ticks)}:"
        f" at this price {cleared.wanted_lots:,} lots were wanted and {cleared.offered_lots:,} offered. No other price"
        f"{_within(contract, terms)} trades more; among those that trade as much it leaves least over, then is nearest"
        f" to the reference of {_price(contract, terms.reference_ticks)}, then lowest."
    )


def _rationed_bids(contract: Contract, bids: Bids, terms: CallTerms, cleared: Cleared) -> str:
    if cleared.imbalance_lots <= 0:
        return ""
    worth = effective_bids(bids.limit_ticks, bids.rate_ppm, cleared.factor_percent, terms.high_ticks)
    level = int(worth[(worth >= (cleared.price_ticks or 0)) & (cleared.bid_fill < bids.lots)].max())
    shared = _shared(bids, cleared.bid_fill, worth == level)
    return (
        f"More was wanted: bids worth more than {_price(contract, level)} were filled, {shared} in proportion to their"
        " weights."
    )


def _rationed_asks(contract: Contract, asks: Asks, terms: CallTerms, cleared: Cleared) -> str:
    if cleared.imbalance_lots >= 0:
        return ""
    least = effective_asks(asks.limit_ticks, asks.adder_ticks, terms.low_ticks)
    level = int(least[(least <= (cleared.price_ticks or 0)) & (cleared.ask_fill < asks.lots)].min())
    shared = _shared(asks, cleared.ask_fill, least == level)
    return f"More was offered: offers below {_price(contract, level)} were filled, {shared} equally."


def _shared(side: Bids | Asks, fill: Whole, rows: Flags) -> str:
    return (
        f"those at it ({_count(_teams(side, rows), 'team')}, {_count(int(side.lots[rows].sum()), 'lot')}) shared"
        f" {_count(int(fill[rows].sum()), 'lot')}"
    )


def _need(bids: Bids, terms: CallTerms, cleared: Cleared) -> str:
    got, owed = cleared.bid_justice < 0, cleared.bid_justice > 0
    if not (got.any() or owed.any()):
        return "Nobody's need changed what was paid."
    payer = "these premia" if terms.fund_micro_usd is None else "premia and the Fund"
    largest = "" if cleared.factor_percent == 100 else f", the largest whole percent that {payer} can pay for"
    return (
        f"Subsidies were applied at {cleared.factor_percent} %{largest}:"
        f" {_usd(-int(cleared.bid_justice[got].sum()))} to {_count(_teams(bids, got), 'team')}, and premia of"
        f" {_usd(int(cleared.bid_justice[owed].sum()))} from {_count(_teams(bids, owed), 'team')}."
    )


def _fund(terms: CallTerms, cleared: Cleared) -> str:
    adders = int(cleared.ask_adder.sum())
    paid = f"Sellers paid {_usd(adders)} of carbon adder. " if adders else ""
    flow = cleared.to_fund_micro_usd
    if not flow:
        return f"{paid}The Fund neither gained nor paid."
    return f"{paid}The Fund {'received' if flow > 0 else 'paid'} {_usd(abs(flow))} in all."


def _teams(side: Bids | Asks, rows: Flags) -> int:
    return len(np.unique(side.team[rows]))


def _within(contract: Contract, terms: CallTerms) -> str:
    low, high = (_plain(usd_per_unit(ticks, contract.lot_units)) for ticks in (terms.low_ticks, terms.high_ticks))
    return f" between US$ {low} and US$ {high}"


def _price(contract: Contract, ticks: int) -> str:
    return f"US$ {_plain(usd_per_unit(ticks, contract.lot_units))} a {UNIT_WORDS[contract.unit]}"


def _unit(contract: Contract) -> str:
    return "tokens" if contract.unit == Unit.TOKENS else UNIT_WORDS[contract.unit]


def _usd(micro_usd: int) -> str:
    return f"US$ {_plain(Decimal(micro_usd) / MICRO)}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
