"""What the market app tells the apps above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDecided(Event):
    """A request got a verdict (granted, partial, queued or denied)."""

    request_id: UUID
    decision_id: int
    team_id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsDecided(Event):
    """Several requests of these teams got their verdicts at once: planned work was taken up."""

    team_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestResolved(Event):
    """A request was settled, released, cancelled or has expired."""

    request_id: UUID
    team_id: int
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsResolved(Event):
    """Several requests of these teams were settled or given back at once."""

    team_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FundChanged(Event):
    """The Fund's balance or reserve changed."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChanged(Event):
    """Another plan is in force: what waits may have another region, hour and price."""

    run_id: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersChanged(Event):
    """Orders of these teams were placed, improved, cancelled or have ended."""

    instrument: str
    team_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionClosed(Event):
    """A call or another clearing has an outcome."""

    auction_id: int
    instrument: str
    status: str
    team_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingChanged(Event):
    """An instrument (None: everything) was halted or trades again."""

    instrument: str | None
    is_halted: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoansChanged(Event):
    """Loans, forwards or shares of these teams changed."""

    team_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyChanged(Event):
    """Accounts of these teams have another balance."""

    team_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductChanged(Event):
    """Something was noticed, appealed against or decided about these teams, or their standing rules changed."""

    team_ids: tuple[int, ...]
    at: datetime
