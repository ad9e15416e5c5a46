"""Trading at once: with what the last call left, at its price, or on an open book. Part of placing an order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from market.domain.trading.call import CallStatus
from market.domain.trading.matching import NO_MORE, NOT_WHOLE, Incoming, Matched, Resting, match
from market.domain.trading.stored import StoredInputs, pack_book, pack_window
from market.domain.trading.timing import taken_until
from market.domain.trading.window import take_residual
from market.models import FUND, OUTSIDE, Auction, Order, team_account
from market.selectors.trading.halts import find_halt
from market.services.fund import lock_fund
from market.services.trading.deciding import Call, prepare
from market.services.trading.ending import cannot_trade
from market.services.trading.gathering import Gathered, OpenOrder, asks_of, gather, plain_bids_of
from market.services.trading.instruments import contract_of
from market.services.trading.money import lock_accounts
from market.services.trading.outcome import fills_of, fund_part, money_sums, store_auction, tell_closed
from market.services.trading.settling import Filled, Keep, Settlement, mark_traded, settle_all


def match_now(order: Order, *, keep: Keep | None = None, now: datetime) -> str:
    """Fill an order that was just placed as far as it goes now, and refresh it; why the rest must not stay open.

    In the window of a sealed call it takes what the last call left, at the last price only; on an open book what
    is as good as its limit, at the prices that rest there. The answer is empty where the rest may stay (or
    nothing is left), else `no_more`, `own_team` or `not_whole`: whoever placed it cancels the rest. Nothing is
    matched while trading is halted. The instrument is locked by the caller's transaction. `keep` puts a new
    offer's quota into escrow: after all money, before anything of it is delivered.
    """
    instrument = order.instrument
    call = prepare(instrument, closes_at=now, now=now)
    done: list[Settlement] = []
    if find_halt(instrument.code, at=now) is not None:
        reason = NOT_WHOLE if order.kind == Order.Kind.FILL_OR_KILL else NO_MORE
    elif instrument.mechanism == "continuous":
        done, reason = _on_book(call, order)
    else:
        done, reason = _in_window(call, order)
    if done:
        _settle(call, done, keep)
    elif keep is not None:
        keep(also_lock=())
    order.refresh_from_db()
    return reason


def lock_counterparts(order: Order) -> None:
    """Lock all accounts that trading an order at once may touch, then the Fund: before any budget, as everybody does.

    They are its team's, those of whoever waits on the other side, and the ends of the market's world.
    """
    waiting = Order.objects.filter(instrument=order.instrument_id, status=Order.Status.OPEN).exclude(side=order.side)
    teams = {order.team_id, *waiting.order_by().values_list("team_id", flat=True).distinct()}
    lock_accounts({FUND, OUTSIDE, *map(team_account, teams)})
    lock_fund()


def _in_window(call: Call, order: Order) -> tuple[list[Settlement], str]:
    price, placed = call.instrument.last_price_ticks, _left_by_last_call(call)
    if price is None or placed is None or not call.reference.low_ticks <= price <= call.reference.high_ticks:
        return [], NO_MORE
    gathered = _against(call, order, placed)
    bids, asks = plain_bids_of(gathered.buys), asks_of(gathered.sells)
    cleared = take_residual(bids, asks, price_ticks=price)
    if order.kind == Order.Kind.FILL_OR_KILL and cleared.volume_lots < order.lots:
        return [], NOT_WHOLE
    done = []
    if cleared.status == CallStatus.CLEARED:
        inputs = pack_window(bids, asks, price_ticks=price)
        explanation = f"{cleared.volume_lots:,} lots that the last call left, at its price. Need changed no price."
        fills = fills_of(gathered, cleared)
        auction = _store(call, Auction.Kind.WINDOW, price, fills, inputs, explanation)
        done.append(Settlement(auction=auction, fills=fills, part=fund_part(fills)))
    return done, NO_MORE if cleared.volume_lots < order.lots else ""


def _left_by_last_call(call: Call) -> Q | None:
    """Which orders were in the last call; None if there was none that traded, or it was reversed."""
    calls = Auction.objects.filter(instrument=call.instrument, kind=Auction.Kind.CALL)
    last = calls.filter(status__in=[Auction.Status.CLEARED, Auction.Status.REVERSED]).first()
    if last is None or last.status == Auction.Status.REVERSED:
        return None
    terms = call.terms
    until = taken_until(last.closed_at, call_minutes=terms.call_minutes, lock_seconds=terms.lock_seconds)
    return Q(placed_at__lte=until)


def _against(call: Call, order: Order, resting: Q) -> Gathered:
    """An order and those of the other side that can trade."""
    others = resting & ~Q(side=order.side) & ~cannot_trade(call.now)
    return gather(call.instrument, placed=Q(pk=order.pk) | others)


def _on_book(call: Call, order: Order) -> tuple[list[Settlement], str]:
    gathered = _against(call, order, Q())
    own, others = gathered.buys, gathered.sells
    if order.side == Order.Side.SELL:
        own, others = others, own
    resting = [_resting(each) for each in others]
    incoming = _incoming(own[0])
    low, high = call.reference.low_ticks, call.reference.high_ticks
    matched = match(resting, incoming, low_ticks=low, high_ticks=high)
    done = []
    if matched.fills:
        adders = {each.number: each.adder_ticks for each in gathered.sells}
        inputs = pack_book(resting, incoming, adders, low_ticks=low, high_ticks=high)
        done = _by_price(call, own[0], {each.number: each for each in others}, matched, inputs)
    return done, matched.reason


def _resting(order: OpenOrder) -> Resting:
    return Resting(number=order.number, team=order.principal, lots=order.left, ticks=_book_ticks(order) or 0)


def _incoming(order: OpenOrder) -> Incoming:
    return Incoming(
        number=order.number,
        team=order.principal,
        side=order.side,
        lots=order.left,
        limit_ticks=_book_ticks(order),
        kind=order.kind,
    )


def _book_ticks(order: OpenOrder) -> int | None:
    """The price that a buyer pays: of an offer the limit and the carbon adder."""
    if order.side == Order.Side.BUY:
        return order.limit_ticks or order.escrow_of_a_lot
    return None if order.limit_ticks is None else order.limit_ticks + order.adder_ticks


def _by_price(
    call: Call, taker: OpenOrder, makers: dict[int, OpenOrder], matched: Matched, inputs: StoredInputs
) -> list[Settlement]:
    """One auction for each price, in the order they were met; the taker goes on with what is left of it."""
    done = []
    for price in dict.fromkeys(each.ticks for each in matched.fills):
        taken = [(makers[each.maker], each.lots) for each in matched.fills if each.ticks == price]
        lots = sum(count for _, count in taken)
        fills = [_filled(order, count, price) for order, count in [(taker, lots), *taken]]
        explanation = f"{lots:,} lots on the open book, at the price that rested there. Need changed no price."
        auction = _store(call, Auction.Kind.BOOK, price, fills, inputs, explanation)
        done.append(Settlement(auction=auction, fills=fills, part=fund_part(fills)))
        if lots < taker.left:
            left = fills[0].escrow_left
            taker = taker._replace(filled_lots=taker.filled_lots + lots, escrow_micro_usd=left)
    return done


def _filled(order: OpenOrder, lots: int, price: int) -> Filled:
    gross = lots * price
    adder = 0 if order.side == Order.Side.BUY else lots * order.adder_ticks
    return Filled(order, lots, gross, 0, adder, gross - adder)


def _store(
    call: Call, kind: Auction.Kind, price: int, fills: Sequence[Filled], inputs: StoredInputs, explanation: str
) -> Auction:
    buys, sells = [each for each in fills if each.is_buy], [each for each in fills if not each.is_buy]
    lots = sum(each.lots for each in buys)
    values: dict[str, Any] = {
        "instrument": call.instrument,
        "kind": kind,
        "status": Auction.Status.CLEARED,
        "policy_id": call.policy.id,
        "closed_at": call.now,
        "ran_at": call.now,
        "reference_ticks": call.reference.ticks,
        "reference_basis": call.reference.basis,
        "low_ticks": call.reference.low_ticks,
        "high_ticks": call.reference.high_ticks,
        "price_ticks": price,
        **dict.fromkeys(("volume_lots", "bid_lots", "ask_lots"), lots),
        "bid_teams": len({each.order.team_id for each in buys}),
        "ask_teams": len({each.order.team_id for each in sells}),
        "explanation": explanation,
    }
    return store_auction(inputs, **values, **money_sums(fills))


def _settle(call: Call, done: list[Settlement], keep: Keep | None) -> None:
    settle_all(done, contract=contract_of(call.instrument), now=call.now, keep=keep)
    price = done[-1].auction.price_ticks
    if price is not None and done[-1].auction.kind == Auction.Kind.BOOK:
        mark_traded(call.instrument, price, now=call.now)
    for each in done:
        tell_closed(each.auction, [fill.order for fill in each.fills], now=call.now)
