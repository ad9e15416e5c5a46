"""Auctions, trades, the Fund's flows and halts as values that cross a door.

Money in micro-USD, prices in ticks (micro-USD for a lot of `lot_units`), times UTC. None is unknown
or not there. What is said of an auction is for everybody: no row tells whose an order was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from market.domain.trading.instruments import usd_per_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRow:
    """One clearing. `imbalance_lots` is wanted less offered at the price; sums are over all fills.

    Lots that were bid and offered are None where nothing traded: the orders wait for the next call, sealed.

    `paid = received + subsidy of the Fund's flows`: what buyers paid less what sellers received went to
    the Fund (`to_fund_micro_usd`): adders, premia and rounding, less subsidies.
    """

    id: int
    instrument: str
    unit: str
    lot_units: int
    kind: str
    status: str
    policy: str
    closed_at: datetime
    ran_at: datetime
    reference_ticks: int
    reference_basis: str
    low_ticks: int
    high_ticks: int
    price_ticks: int | None
    volume_lots: int
    bid_lots: int | None
    ask_lots: int | None
    imbalance_lots: int | None
    bid_teams: int
    ask_teams: int
    factor_percent: int
    paid_micro_usd: int
    received_micro_usd: int
    subsidy_micro_usd: int
    premium_micro_usd: int
    adder_micro_usd: int
    rounding_micro_usd: int
    explanation: str
    reversed_at: datetime | None
    reverse_reason: str

    @property
    def price_usd_per_unit(self) -> Decimal | None:
        """US$ for one token, gram or watt hour."""
        return None if self.price_ticks is None else usd_per_unit(self.price_ticks, self.lot_units)

    @property
    def volume_units(self) -> int:
        """Tokens, grams or watt hours that changed hands."""
        return self.volume_lots * self.lot_units

    @property
    def to_fund_micro_usd(self) -> int:
        """What all of it brought the Fund; below zero: what it cost."""
        return self.paid_micro_usd - self.received_micro_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """So many lots are wanted (or offered) at this price or a better one for the other side."""

    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Demand and supply of a call as steps by effective price (subsidy, premium and adder within).

    `demand` falls from the highest price down, `supply` rises from the lowest up; lots are cumulated.
    """

    demand: tuple[Step, ...]
    supply: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What one order got. Money is told of one's own fills only."""

    side: str
    lots: int
    is_own: bool
    money_micro_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rationing:
    """At the price one side wanted more than the other had: so many lots of it went without."""

    side: str
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionDetail:
    """An auction with its curve (None: sealed, or not a call), what was rationed, and its first fills."""

    row: AuctionRow
    curve: Curve | None
    rationing: Rationing | None
    fills: tuple[Fill, ...]
    fill_count: int
    inputs_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """A team's own fill. A buyer's `money_micro_usd` was paid, a seller's came in."""

    id: int
    auction_id: int
    order_id: UUID
    instrument: str
    unit: str
    lot_units: int
    team_id: int
    team_name: str
    budget_id: UUID
    side: str
    lots: int
    price_ticks: int
    gross_micro_usd: int
    justice_micro_usd: int
    adder_micro_usd: int
    money_micro_usd: int
    at: datetime
    is_reversed: bool

    @property
    def units(self) -> int:
        """Tokens, grams or watt hours."""
        return self.lots * self.lot_units

    @property
    def price_usd_per_unit(self) -> Decimal:
        """US$ for one of them, before subsidy, premium and adder."""
        return usd_per_unit(self.price_ticks, self.lot_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTrade:
    """A price and a volume: what one buyer got, without whose it was."""

    id: int
    auction_id: int
    instrument: str
    unit: str
    lot_units: int
    kind: str
    lots: int
    price_ticks: int
    at: datetime
    is_reversed: bool

    @property
    def units(self) -> int:
        """Tokens, grams or watt hours."""
        return self.lots * self.lot_units

    @property
    def price_usd_per_unit(self) -> Decimal:
        """US$ for one of them."""
        return usd_per_unit(self.price_ticks, self.lot_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundKind:
    """What came into the Fund and went out of it under one name."""

    kind: str
    label: str
    in_micro_usd: int
    out_micro_usd: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FundDay:
    """What one day (UTC) brought the Fund under one name; below zero: cost it."""

    day: date
    kind: str
    net_micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FundEntryRow:
    """One line of the Fund's books."""

    id: int
    at: datetime
    kind: str
    label: str
    balance_delta_micro_usd: int
    reserved_delta_micro_usd: int
    reason: str
    auction_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundFlows:
    """The Fund now, and what moved it since a moment."""

    balance_micro_usd: int
    reserved_micro_usd: int
    since: datetime
    as_of: datetime
    kinds: tuple[FundKind, ...]
    days: tuple[FundDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltRow:
    """A time without trade of one instrument, or with None of all."""

    id: int
    instrument: str | None
    kind: str
    starts_at: datetime
    until: datetime | None
    ended_at: datetime | None
    reason: str
    actor: str
    ended_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentNow:
    """What is traded, now. From `locks_at` on orders of the next call only improve; `halt` is the one in force.

    The reference price is the mean of `reference_calls` clearings, or with 0 that of the service.
    """

    code: str
    unit: str
    model_class: str
    period: str
    period_starts_at: datetime | None
    period_ends_at: datetime | None
    lot_units: int
    mechanism: str
    next_call_at: datetime | None
    locks_at: datetime | None
    last_price_ticks: int | None
    last_traded_at: datetime | None
    reference_ticks: int
    reference_basis: str
    reference_calls: int
    low_ticks: int
    high_ticks: int
    halt: HaltRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A clearing worked out again from what was stored with it. `differences` name what does not agree."""

    auction_id: int
    agrees: bool
    sha256: str
    trades: int
    differences: tuple[str, ...]
