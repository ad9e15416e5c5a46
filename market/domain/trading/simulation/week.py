"""A simulated week: every hour one call by the market's own `clear`, then the hour's requests use up quota."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from budgets.domain.units import Unit
from market.domain.placement.problem import Floats, Ints
from market.domain.policy import PolicyTerms
from market.domain.trading.call import Asks, Bids, CallStatus, CallTerms, Cleared
from market.domain.trading.clearing import clear
from market.domain.trading.rates import mean_need, rates_ppm
from market.domain.trading.reference import Reference, reference_of
from market.domain.trading.simulation.inputs import MONEY_PERCENT, Inputs
from market.domain.trading.simulation.rules import MODEL_CLASS, Rules, rules_of, supply_of
from market.domain.trading.simulation.traders import Standing, Wishes, wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOf:
    """One call: status, price in ticks, lots, percent of need's rates applied, and the Fund's balance after it."""

    status: CallStatus
    price_ticks: int | None
    traded_lots: int
    wanted_lots: int
    offered_lots: int
    factor_percent: int
    fund_micro_usd: int


@dataclass(slots=True, kw_only=True)
class Week:
    """A week under way and, in the end, its sums by team [T]: tokens, micro-USD, micrograms CO2e.

    `own` and `bought` are quota left. Bought quota is used last, emits in the region behind the offer (`bought_ug`
    of all `got` tokens), and is not sold on.
    """

    own: Ints
    money: Ints
    fund: int
    bought: Ints
    got: Ints
    bought_ug: Ints
    sold: Ints
    paid: Ints
    justice: Ints
    received: Ints
    adder: Ints
    used: Ints
    refused: Ints
    used_ug: Floats
    hours: list[HourOf] = field(default_factory=list)


def run_week(
    inputs: Inputs, terms: PolicyTerms, *, fund_micro_usd: int, has_market: bool = True, has_adder: bool = True
) -> Week:
    """Run the week; without a market teams have what they were given."""
    rules = rules_of(inputs, terms)
    week = _beginning(inputs, rules, fund_micro_usd)
    for hour in range(inputs.hours):
        lot_ug, adders = supply_of(inputs, rules, hour)
        if has_market:
            asked = inputs.asked[:, :hour].sum(axis=1)
            _call(inputs, rules, week, hour, asked, lot_ug, adders if has_adder else np.zeros_like(adders))
        _use(week, inputs.asked[:, hour], lot_ug / rules.contract.lot_units)
    return week


def _beginning(inputs: Inputs, rules: Rules, fund_micro_usd: int) -> Week:
    percent = np.array([MONEY_PERCENT[team.country.income_group] for team in inputs.teams])
    worth = inputs.expected_week / rules.contract.lot_units * rules.service_ticks
    nothing = np.zeros(len(inputs.teams), dtype=np.int64)
    return Week(
        own=inputs.quota.copy(),
        money=(worth * percent / 100).astype(np.int64),
        fund=fund_micro_usd,
        bought=nothing.copy(),
        got=nothing.copy(),
        bought_ug=nothing.copy(),
        sold=nothing.copy(),
        paid=nothing.copy(),
        justice=nothing.copy(),
        received=nothing.copy(),
        adder=nothing.copy(),
        used=nothing.copy(),
        refused=nothing.copy(),
        used_ug=np.zeros(len(inputs.teams)),
    )


def _call(inputs: Inputs, rules: Rules, week: Week, hour: int, asked_so_far: Ints, lot_ug: Ints, adders: Ints) -> None:
    standing = Standing(
        hour=hour,
        asked_so_far=asked_so_far,
        own=week.own,
        bought=week.bought,
        sold=week.sold,
        money_micro_usd=week.money,
    )
    wished = wishes(
        inputs,
        standing,
        service_ticks=rules.service_ticks,
        lot_tokens=rules.contract.lot_units,
        keeps_tokens=rules.terms.market.minimum_balance_tokens,
    )
    reference = _reference(rules, week)
    bids, asks = _orders(rules, wished, adders, reference)
    cleared = clear(bids, asks, _call_terms(rules, week, reference))
    week.hours.append(_kept(week, cleared))
    if cleared.status == CallStatus.CLEARED:
        _settle(week, cleared, bids, asks, rules.contract.lot_units, lot_ug)


def _reference(rules: Rules, week: Week) -> Reference:
    traded = [(each.price_ticks, each.traded_lots) for each in week.hours if each.price_ticks and each.traded_lots]
    return reference_of(
        traded[-rules.terms.market.reference_calls :],
        unit=Unit.TOKENS,
        model_class=MODEL_CLASS,
        lot_units=rules.contract.lot_units,
        terms=rules.terms,
    )


def _orders(rules: Rules, wished: Wishes, adders: Ints, reference: Reference) -> tuple[Bids, Asks]:
    """The hour's orders. A bid above the collar is one at its top; what lies beyond it on the bad side is not sent."""
    low, high = reference.low_ticks, reference.high_ticks
    buys = np.flatnonzero((wished.bid_lots > 0) & (wished.bid_ticks >= low))
    sells = np.flatnonzero((wished.ask_lots > 0) & (wished.ask_ticks + adders <= high))
    lots = wished.bid_lots[buys]
    needs = [rules.needs[team] for team in buys]
    mean = mean_need(zip((need.score for need in needs), lots.tolist(), strict=True))
    bids = Bids(
        number=buys,
        limit_ticks=np.minimum(wished.bid_ticks[buys], high),
        lots=lots,
        rate_ppm=np.array(rates_ppm(rules.terms, needs, mean_score=mean), dtype=np.int64),
        weight_ppm=rules.weights[buys],
        team=buys,
    )
    asks = Asks(
        number=len(rules.needs) + sells,
        limit_ticks=np.maximum(wished.ask_ticks[sells], low),
        lots=wished.ask_lots[sells],
        adder_ticks=adders[sells],
        team=sells,
    )
    return bids, asks


def _call_terms(rules: Rules, week: Week, reference: Reference) -> CallTerms:
    market = rules.terms.market
    has_halted = bool(week.hours) and week.hours[-1].status == CallStatus.HALTED
    return CallTerms(
        reference_ticks=reference.ticks,
        low_ticks=reference.low_ticks,
        high_ticks=reference.high_ticks,
        least_principals=market.least_principals,
        volatility_percent=None if has_halted else market.volatility_percent,
        fund_micro_usd=None if rules.is_feebate else week.fund,
    )


def _kept(week: Week, cleared: Cleared) -> HourOf:
    has_traded = cleared.status == CallStatus.CLEARED
    week.fund += cleared.to_fund_micro_usd
    return HourOf(
        status=cleared.status,
        price_ticks=cleared.price_ticks if has_traded else None,
        traded_lots=cleared.volume_lots,
        wanted_lots=cleared.wanted_lots,
        offered_lots=cleared.offered_lots,
        factor_percent=cleared.factor_percent if has_traded else 0,
        fund_micro_usd=week.fund,
    )


def _settle(week: Week, cleared: Cleared, bids: Bids, asks: Asks, lot_tokens: int, lot_ug: Ints) -> None:
    sold, bought = cleared.ask_fill * lot_tokens, cleared.bid_fill * lot_tokens
    week.own[asks.team] -= sold
    week.sold[asks.team] += sold
    week.received[asks.team] += cleared.ask_receive
    week.adder[asks.team] += cleared.ask_adder
    week.bought[bids.team] += bought
    week.got[bids.team] += bought
    week.money[bids.team] -= cleared.bid_pay
    week.paid[bids.team] += cleared.bid_pay
    week.justice[bids.team] += cleared.bid_justice
    emitted = int((cleared.ask_fill * lot_ug[asks.team]).sum())
    week.bought_ug[bids.team] += cleared.bid_fill * emitted // cleared.volume_lots


def _use(week: Week, asked: Ints, home_ug: Floats) -> None:
    """The hour's requests: own quota first, then what was bought, at what it emits on average."""
    own = np.minimum(asked, week.own)
    bought = np.minimum(asked - own, week.bought)
    week.own -= own
    week.bought -= bought
    week.used += own + bought
    week.refused += asked - own - bought
    week.used_ug += own * home_ug + bought * (week.bought_ug / np.maximum(week.got, 1))
