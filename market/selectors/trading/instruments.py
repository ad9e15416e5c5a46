"""What is traded now: the next call, the price and its collar, and whether trading is halted."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from market.domain.trading.auction_views import HaltRow, InstrumentNow
from market.domain.trading.timing import lock_begins
from market.models import Instrument
from market.selectors.policies import PolicyFacts, get_policy_in_force
from market.selectors.trading.halts import list_halts_in_force
from market.selectors.trading.prices import get_reference


def list_instruments_now(*, now: datetime) -> list[InstrumentNow]:
    """Instruments whose period is not over, those that somebody waits for first. Two queries and one for each."""
    live = Instrument.objects.filter(Q(period_ends_at=None) | Q(period_ends_at__gt=now))
    rows = sorted(live, key=lambda each: (each.next_call_at is None, each.code))
    policy, halts = get_policy_in_force(), list_halts_in_force(at=now)
    return [_row(each, policy, halts) for each in rows]


def _row(instrument: Instrument, policy: PolicyFacts, halts: list[HaltRow]) -> InstrumentNow:
    reference = get_reference(instrument, policy.terms)
    closes_at = instrument.next_call_at
    lock_seconds = policy.terms.market.lock_seconds
    return InstrumentNow(
        **{name: getattr(instrument, name) for name in _PLAIN},
        locks_at=lock_begins(closes_at, lock_seconds=lock_seconds) if closes_at else None,
        reference_ticks=reference.ticks,
        reference_basis=reference.basis,
        reference_calls=reference.calls,
        low_ticks=reference.low_ticks,
        high_ticks=reference.high_ticks,
        halt=next((each for each in halts if each.instrument in (None, instrument.code)), None),
    )


_PLAIN = (
    *("code", "unit", "model_class", "period", "period_starts_at", "period_ends_at", "lot_units", "mechanism"),
    *("next_call_at", "last_price_ticks", "last_traded_at"),
)
