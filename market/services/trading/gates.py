"""When an instrument takes orders, and when they may be taken back."""

from __future__ import annotations

from datetime import datetime

from config.kernel.errors import Conflict
from market.domain.trading.terms import MarketTerms
from market.domain.trading.timing import call_after, lock_begins
from market.models import Instrument, Order
from market.selectors.trading.halts import find_halt


def require_trading(instrument: Instrument, *, now: datetime) -> None:
    """Raises Conflict `halted` with `until` while the instrument, or everything, does not trade."""
    halt = find_halt(instrument.code, at=now)
    if halt is not None:
        until = halt.until.isoformat() if halt.until else None
        when = f"until {halt.until:%Y-%m-%d %H:%M} UTC" if halt.until else "until it is resumed"
        raise Conflict(f"{instrument.code} is halted {when}: {halt.reason}", code="halted", until=until)


def require_unlocked(order: Order, *, terms: MarketTerms, now: datetime) -> None:
    """Raises Conflict `locked` in the last seconds before the call that an order takes part in, and until it is held.

    While trading is halted no call is held, and orders can be taken back.
    """
    closes_at = order.instrument.next_call_at
    if closes_at is None or find_halt(order.instrument_id, at=now) is not None:
        return
    begins = lock_begins(closes_at, lock_seconds=terms.lock_seconds)
    if order.placed_at < begins <= now:
        raise Conflict(
            f"The call of {closes_at:%H:%M} UTC is about to close: until then orders can only be improved.",
            code="locked",
            closes_at=closes_at.isoformat(),
        )


def set_next_call(instrument: Instrument, *, terms: MarketTerms, now: datetime) -> None:
    """See to it that an order placed now has a call to come; in the last seconds of one that is the call after it."""
    if instrument.mechanism != "auction" or instrument.next_call_at is not None:
        return
    closes_at = call_after(now, call_minutes=terms.call_minutes)
    if lock_begins(closes_at, lock_seconds=terms.lock_seconds) <= now:
        closes_at = call_after(closes_at, call_minutes=terms.call_minutes)
    instrument.next_call_at = closes_at
    instrument.save(update_fields=["next_call_at"])
