"""Orders, books, accounts and prices as values that cross a door.

Money in micro-USD, prices in ticks (micro-USD for a lot of `lot_units`), times UTC. None is unknown or
not there. Orders and accounts are told to their own team only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from market.domain.trading.auction_views import InstrumentNow
from market.domain.trading.instruments import usd_per_unit
from market.domain.trading.value import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEventRow:
    """One step of what became of an order."""

    kind: str
    lots: int
    limit_ticks: int | None
    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order. `id` is its sequence, `order_id` its name. What is of the other side's orders only is empty."""

    id: int
    order_id: UUID
    instrument: str
    unit: str
    lot_units: int
    team_id: int
    team_name: str
    budget_id: UUID
    side: str
    kind: str
    source: str
    status: str
    lots: int
    filled_lots: int
    limit_ticks: int | None
    escrow_micro_usd: int
    origin_code: str
    need_score: float | None
    justice_ppm: int
    region: str | None
    region_basis: str
    cfe_share: float | None
    intensity_g_per_kwh: float | None
    intensity_basis: str
    adder_ticks: int
    covered_g: int
    good_until: datetime
    placed_at: datetime
    closed_at: datetime | None
    close_reason: str
    actor: str
    rule_id: int | None
    events: tuple[OrderEventRow, ...] = ()

    @property
    def quantity(self) -> int:
        """Tokens, grams or watt hours."""
        return self.lots * self.lot_units

    @property
    def filled(self) -> int:
        """How many of them were bought or sold."""
        return self.filled_lots * self.lot_units

    @property
    def limit_usd_per_unit(self) -> Decimal | None:
        """The worst price for one of them."""
        return None if self.limit_ticks is None else usd_per_unit(self.limit_ticks, self.lot_units)

    @property
    def adder_usd_per_unit(self) -> Decimal:
        """The carbon adder of one of them."""
        return usd_per_unit(self.adder_ticks, self.lot_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """So many lots wait at a price."""

    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What may be known of the orders of an instrument.

    `state`: `sealed` (a call: nothing of others), or `open` (a continuous book: depth at each price, best
    first, without names). `residual` is what the last call left at its price; None before one has traded.
    """

    instrument: InstrumentNow
    state: str
    residual: tuple[int, int] | None
    bids: tuple[Depth, ...]
    asks: tuple[Depth, ...]
    own: tuple[OrderRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """A team's account. What is in escrow is part of the balance."""

    team_id: int
    team_name: str
    name: str
    balance_micro_usd: int
    reserved_micro_usd: int

    @property
    def free_micro_usd(self) -> int:
        """What may be spent or paid out."""
        return self.balance_micro_usd - self.reserved_micro_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingRow:
    """What one event did to an account."""

    id: int
    journal_id: int
    account: str
    kind: str
    at: datetime
    delta_micro_usd: int
    reserved_delta_micro_usd: int
    reason: str
    reference: str
    actor: str
    auction_id: int | None
    order_number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPrice:
    """A call that traded."""

    closed_at: datetime
    price_ticks: int
    volume_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """What an instrument costs. `is_traded` says whether it has had an order yet; `value` is an indication."""

    code: str
    unit: str
    model_class: str
    period: str
    period_starts_at: datetime | None
    period_ends_at: datetime | None
    lot_units: int
    is_traded: bool
    reference_ticks: int
    reference_basis: str
    reference_calls: int
    low_ticks: int
    high_ticks: int
    last_price_ticks: int | None
    last_traded_at: datetime | None
    history: tuple[PastPrice, ...]
    value: Value
    policy: str
    as_of: datetime
