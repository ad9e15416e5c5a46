"""What a team asks the market for, and which instrument that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from budgets.domain.periods import Period, bounds
from budgets.domain.units import Unit
from market.domain.trading.instruments import Contract, lot_units_of
from market.domain.trading.terms import MarketTerms

MOST_PERIODS_AHEAD = 3
"""Quota of the next three periods may be sold before they begin."""
BEFORE = timedelta(seconds=1)


class Side(StrEnum):
    """Buys quota for money, or sells it."""

    BUY = "buy"
    SELL = "sell"


class OrderKind(StrEnum):
    """With a limit, as far as the collar goes, or (in an open book) all at once or not at all."""

    LIMIT = "limit"
    MARKET = "market"
    FILL_OR_KILL = "fill_or_kill"


class TradeSession(StrEnum):
    """Where an order trades: in the next call, or at once with what the last call left, at its price."""

    CALL = "call"
    WINDOW = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAsk:
    """An order as a team sends it. `quantity` in units, `limit_price_usd` for ONE token, gram or watt hour.

    `limit_price_usd` None: a market order. `model_class` None: the class of the budget; empty: quota of any
    class. `period` None: the period of the budget. `delivery` None: this period, else the start of a later
    one. `budget_id` None: the team's. `pay_from`: the micro-USD budget that a buyer's account is filled
    from where it is short. `region` and `units` (ids of registry units) are a seller's.
    """

    side: Side
    unit: Unit
    quantity: Decimal
    limit_price_usd: Decimal | None = None
    kind: OrderKind = OrderKind.LIMIT
    session: TradeSession = TradeSession.CALL
    model_class: str | None = None
    period: Period | None = None
    delivery: datetime | None = None
    good_until: datetime | None = None
    budget_id: UUID | None = None
    pay_from: UUID | None = None
    region: str | None = None
    units: tuple[int, ...] = field(default=())


def contract_for(
    *, unit: Unit, model_class: str, period: Period, delivery: datetime | None, terms: MarketTerms, now: datetime
) -> Contract | None:
    """The instrument of a period: the present one, or the one that begins at `delivery`.

    None if no period that is traded now begins then. Raises ValueError for rolling periods and money.
    """
    if period == Period.ROLLING:
        raise ValueError("Quota of rolling periods is not traded.")
    found = next((each for each in traded_periods(period, now) if delivery in (None, each[0])), None)
    if found is None:
        return None
    starts_at, ends_at = found
    return Contract(
        unit=unit,
        model_class=model_class,
        period=period,
        starts_at=starts_at,
        ends_at=ends_at,
        lot_units=lot_units_of(unit, model_class, terms),
    )


def traded_periods(period: Period, now: datetime) -> list[tuple[datetime | None, datetime | None]]:
    """Start and end of this period and of those after it that are traded; quota without an end has neither."""
    if period == Period.ONE_OFF:
        return [(None, None)]
    starts_at, ends_at = bounds(period, now)
    found: list[tuple[datetime | None, datetime | None]] = [(starts_at, ends_at)]
    while ends_at is not None and len(found) <= MOST_PERIODS_AHEAD:
        starts_at, ends_at = bounds(period, ends_at)
        found.append((starts_at, ends_at))
    return found


def last_moment(contract: Contract, *, most_days: int, now: datetime) -> datetime:
    """How long an order may stay open: the policy's days, and never beyond the end of its period.

    An order for a later period ends just before that begins: what backs it is a promise and money, not quota.
    """
    latest = now + timedelta(days=most_days)
    if contract.starts_at is not None and contract.is_forward(now):
        return min(latest, contract.starts_at - BEFORE)
    return min(latest, contract.ends_at) if contract.ends_at is not None else latest


def holding_limit_lots(*, total_base_steps: int, percent: int, lot_steps: int) -> int:
    """Lots of one instrument that a team may buy: a percentage of all that was allotted, at least one lot."""
    return max(1, total_base_steps * percent // (100 * lot_steps))
