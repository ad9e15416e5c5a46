"""The calls of the market: sealed orders of one instrument meet at one price, in one transaction.

Either everything that a call decides is done or nothing; who comes second finds it done.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q

from config.kernel.errors import Conflict, NotFound
from config.kernel.transactions import in_transaction
from market.domain.trading.call import CallStatus, Cleared
from market.domain.trading.terms import MarketTerms
from market.domain.trading.timing import call_after, lock_begins
from market.models import Auction, Instrument, OrderEvent, TradingHalt
from market.selectors.trading.halts import find_halt
from market.services.trading.deciding import Call, decide, prepare
from market.services.trading.ending import cannot_trade, end_what_cannot_trade
from market.services.trading.gathering import Gathered
from market.services.trading.halts import end_halts_of, open_halt
from market.services.trading.instruments import contract_of, has_open_orders
from market.services.trading.outcome import fills_of, fund_part, money_sums, store_auction, tell_closed
from market.services.trading.settling import CLEARING, Settlement, mark_traded, note_all, settle_all

logger = logging.getLogger(__name__)
STATUSES = {
    CallStatus.CLEARED: Auction.Status.CLEARED,
    CallStatus.CARRIED: Auction.Status.CARRIED,
    CallStatus.NO_CROSS: Auction.Status.CROSSED_NOT,
    CallStatus.HALTED: Auction.Status.HALTED,
}


def run_due_calls(*, now: datetime) -> int:
    """Hold every call whose time has come, each in a transaction of its own; how many were held.

    A call that fails leaves everything as it was and does not keep the others from being held.
    """
    due = Instrument.objects.filter(next_call_at__lte=now).order_by("next_call_at", "code")
    held = 0
    for code in list(due.values_list("code", flat=True)):
        try:
            held += _hold_due(code, now)
        except Exception:
            logger.exception("a call failed", extra={"instrument": code})
    return held


def run_call(*, instrument_code: str, now: datetime) -> Auction | None:
    """Close a call at once, before its time, with every order placed until now; None if nobody wants to trade.

    Raises NotFound, and Conflict `just_closed` if one has closed at this very moment.
    """
    end_what_cannot_trade(instrument_code, closes_at=now, now=now)
    return in_transaction(partial(_run_at_once, instrument_code, now))


def _hold_due(code: str, now: datetime) -> bool:
    due = Instrument.objects.filter(pk=code, next_call_at__lte=now).values_list("next_call_at", flat=True)
    if moment := due.first():
        end_what_cannot_trade(code, closes_at=moment, now=now)
    return in_transaction(partial(_run_due, code, now)) is not None


def _run_due(code: str, now: datetime) -> Auction | None:
    instrument = Instrument.objects.select_for_update().get(pk=code)
    closes_at = instrument.next_call_at
    if closes_at is None or closes_at > now:
        return None  # another worker held it
    call = prepare(instrument, closes_at=closes_at, now=now)
    lock = lock_begins(closes_at, lock_seconds=call.terms.lock_seconds)
    return _hold(call, Q(placed_at__lt=lock))


def _run_at_once(code: str, now: datetime) -> Auction | None:
    instrument = Instrument.objects.select_for_update().filter(pk=code).first()
    if instrument is None:
        raise NotFound("There is no such instrument.", field="instrument")
    if Auction.objects.filter(instrument=instrument, kind=Auction.Kind.CALL, closed_at=now).exists():
        raise Conflict("A call has closed at this very moment.", code="just_closed")
    return _hold(prepare(instrument, closes_at=now, now=now), Q(placed_at__lte=now))


def _hold(call: Call, placed: Q) -> Auction | None:
    end_halts_of(call.instrument.code, now=call.now)
    halt = find_halt(call.instrument.code, at=call.now)
    gathered = call.gather(placed & ~cannot_trade(call.closes_at))
    auction = None
    if gathered.buys or gathered.sells:
        auction = _halted(call, gathered, halt.reason) if halt else _cleared(call, gathered)
    _set_next(call)
    return auction


def _cleared(call: Call, gathered: Gathered) -> Auction:
    decided = decide(call, gathered)
    cleared, fills = decided.cleared, fills_of(gathered, decided.cleared)
    auction = store_auction(
        decided.inputs,
        **_facts(call, gathered),
        status=STATUSES[cleared.status],
        explanation=decided.explanation,
        **_figures(cleared),
        **money_sums(fills),
    )
    if cleared.status == CallStatus.CLEARED and cleared.price_ticks is not None:
        done = Settlement(auction=auction, fills=fills, part=fund_part(fills))
        settle_all([done], contract=contract_of(call.instrument), now=call.now)
        mark_traded(call.instrument, cleared.price_ticks, now=call.now)
    elif cleared.status == CallStatus.HALTED:
        _halt(call, decided.explanation)
    elif cleared.status == CallStatus.CARRIED:
        _note_carried(gathered, call.now)
    return _told(auction, gathered, call.now)


def _halted(call: Call, gathered: Gathered, reason: str) -> Auction:
    """No call is held while trading is halted: orders wait."""
    explanation = f"Halted: {reason}"
    status = Auction.Status.HALTED
    return _told(
        store_auction(None, **_facts(call, gathered), status=status, explanation=explanation), gathered, call.now
    )


def _facts(call: Call, gathered: Gathered) -> dict[str, Any]:
    return {
        "instrument": call.instrument,
        "kind": Auction.Kind.CALL,
        "policy_id": call.policy.id,
        "closed_at": call.closes_at,
        "ran_at": call.now,
        "reference_ticks": call.reference.ticks,
        "reference_basis": call.reference.basis,
        "low_ticks": call.reference.low_ticks,
        "high_ticks": call.reference.high_ticks,
        "bid_lots": sum(each.left for each in gathered.buys),
        "ask_lots": sum(each.left for each in gathered.sells),
        "bid_teams": len({each.team_id for each in gathered.buys}),
        "ask_teams": len({each.team_id for each in gathered.sells}),
    }


def _figures(cleared: Cleared) -> dict[str, Any]:
    names = ("price_ticks", "volume_lots", "imbalance_lots", "factor_percent")
    return {name: getattr(cleared, name) for name in names}


def _halt(call: Call, explanation: str) -> None:
    lasts = timedelta(minutes=call.terms.halt_minutes)
    until = call.closes_at + lasts
    open_halt(
        call.instrument.code,
        kind=TradingHalt.Kind.VOLATILITY,
        reason=explanation[:300],
        until=until if until > call.now else call.now + lasts,
        actor=CLEARING,
        now=call.now,
    )


def _note_carried(gathered: Gathered, now: datetime) -> None:
    orders = [(each.number, each.left) for each in (*gathered.buys, *gathered.sells)]
    note_all(orders, kind=OrderEvent.Kind.CARRIED, limit_ticks=None, reason="too few teams on a side", now=now)


def _told(auction: Auction, gathered: Gathered, now: datetime) -> Auction:
    tell_closed(auction, [*gathered.buys, *gathered.sells], now=now)
    return auction


def _set_next(call: Call) -> None:
    instrument = call.instrument
    waits = instrument.mechanism == "auction" and has_open_orders(instrument.code)
    instrument.next_call_at = _next(call.closes_at, call.now, call.terms) if waits else None
    instrument.save(update_fields=["next_call_at"])


def _next(closes_at: datetime, now: datetime, terms: MarketTerms) -> datetime:
    return call_after(max(closes_at, now), call_minutes=terms.call_minutes)
