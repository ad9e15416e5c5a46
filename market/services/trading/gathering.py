"""The open orders of a call as columns, and what each buyer's need adds to the price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.db.models import Q

from climate import selectors as climate
from market.domain.policy import PolicyTerms
from market.domain.trading.buyers import PPM, weight_ppm
from market.domain.trading.call import Asks, Bids, Whole
from market.domain.trading.rates import Need, mean_need, rates_ppm
from market.models import Instrument, Order
from market.selectors.facts import get_mean_need_score

MARKET_ASK_TICKS = 1
"""What a seller who takes any price gets at least for a lot."""


class OpenOrder(NamedTuple):
    """An order that waits, as much of it as a clearing needs."""

    number: int
    id: UUID
    team_id: int
    budget_id: UUID
    side: str
    kind: str
    lots: int
    filled_lots: int
    limit_ticks: int | None
    escrow_micro_usd: int
    origin_code: str
    need_score: float | None
    adder_ticks: int
    covered_g: int
    source: str

    @property
    def is_buy_in(self) -> bool:
        """Of the clearing house, for a default."""
        return self.source == Order.Source.BUY_IN

    @property
    def principal(self) -> int:
        """Whose order it is: a team's, or, below zero, the clearing house's for a team: one, however much it owes."""
        return -self.team_id if self.is_buy_in else self.team_id

    @property
    def left(self) -> int:
        """Lots that are not filled."""
        return self.lots - self.filled_lots

    @property
    def escrow_of_a_lot(self) -> int:
        """Micro-USD in escrow for each lot that is left."""
        return self.escrow_micro_usd // self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Both sides by number, and the organisation of each team that has open orders."""

    buys: Sequence[OpenOrder]
    sells: Sequence[OpenOrder]
    organisations: Mapping[int, int] = field(default_factory=dict)

    @property
    def both_sided(self) -> set[int]:
        """Teams of organisations that sell here too."""
        selling = {self.organisations.get(each.team_id) for each in self.sells}
        return {team_id for team_id, organisation_id in self.organisations.items() if organisation_id in selling}


def gather(instrument: Instrument, *, placed: Q) -> Gathered:
    """Open orders of a locked instrument that were placed in time, first come first."""
    rows = Order.objects.filter(placed, instrument=instrument, status=Order.Status.OPEN).order_by("number")
    orders = [OpenOrder(*row) for row in rows.values_list(*OpenOrder._fields)]
    organisations = dict(rows.order_by().values_list("team_id", "team__organisation_id").distinct())
    return Gathered(
        organisations=organisations,
        buys=[each for each in orders if each.side == Order.Side.BUY],
        sells=[each for each in orders if each.side == Order.Side.SELL],
    )


def bids_of(gathered: Gathered, *, terms: PolicyTerms, high_ticks: int, now: datetime) -> Bids:
    """Buy orders as a call takes them. A market order bids as far as the collar and its escrow go."""
    buys = gathered.buys
    return Bids(
        number=_column([each.number for each in buys]),
        limit_ticks=_column([_most(each, high_ticks) for each in buys]),
        lots=_column([each.left for each in buys]),
        rate_ppm=_column(_rates(gathered, terms, now)),
        weight_ppm=_column(_weights(buys, terms, now)),
        team=_column([each.principal for each in buys]),
    )


def plain_bids_of(buys: Sequence[OpenOrder]) -> Bids:
    """Buy orders between calls, where need changes no price."""
    ones = np.ones(len(buys), dtype=np.int64)
    return Bids(
        number=_column([each.number for each in buys]),
        limit_ticks=_column([each.limit_ticks or each.escrow_of_a_lot for each in buys]),
        lots=_column([each.left for each in buys]),
        rate_ppm=ones * 0,
        weight_ppm=ones,
        team=_column([each.principal for each in buys]),
    )


def asks_of(sells: Sequence[OpenOrder]) -> Asks:
    """Sell orders as a call takes them."""
    return Asks(
        number=_column([each.number for each in sells]),
        limit_ticks=_column([each.limit_ticks or MARKET_ASK_TICKS for each in sells]),
        lots=_column([each.left for each in sells]),
        adder_ticks=_column([each.adder_ticks for each in sells]),
        team=_column([each.team_id for each in sells]),
    )


def _most(order: OpenOrder, high_ticks: int) -> int:
    return order.limit_ticks or max(1, min(high_ticks, order.escrow_of_a_lot))


def _weights(buys: Sequence[OpenOrder], terms: PolicyTerms, now: datetime) -> list[int]:
    """What policy and emergencies say now, whatever they said when orders came. A team has one weight: its latest."""
    countries = {each.code: each for each in climate.list_countries()} if buys else {}
    emergencies = climate.list_active_emergencies(now=now) if buys else []
    weights = {
        code: weight_ppm(countries.get(code), emergencies, terms) for code in {each.origin_code for each in buys}
    }
    latest = {each.principal: PPM if each.is_buy_in else weights[each.origin_code] for each in buys}
    return [latest[each.principal] for each in buys]


def _rates(gathered: Gathered, terms: PolicyTerms, now: datetime) -> list[int]:
    """What need adds to each bid. Nobody is subsidised who sells here too: it would pay for trading with oneself."""
    buys, both_sided = gathered.buys, gathered.both_sided
    south = {each.code for each in climate.list_countries() if each.is_global_south} if buys else set()
    needs = [Need(score=each.need_score, is_global_south=each.origin_code in south) for each in buys]
    mean = get_mean_need_score(now)
    if mean is None:
        mean = mean_need((each.need_score, each.left) for each in buys)
    rates = rates_ppm(terms, needs, mean_score=mean)
    counted = [
        # The clearing house has no need of its own, and no means either.
        0 if each.is_buy_in else max(0, rate) if each.team_id in both_sided else rate
        for each, rate in zip(buys, rates, strict=True)
    ]
    # Premia of a feebate pay for subsidies alone: where nobody gets one, no bid is worth less for them.
    is_idle = terms.justice.kind == "feebate" and min(counted, default=0) >= 0
    return [0] * len(counted) if is_idle else counted


def _column(values: Sequence[int]) -> Whole:
    return np.array(values, dtype=np.int64)
