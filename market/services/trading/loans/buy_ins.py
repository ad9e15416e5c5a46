"""What is missing at the end of a loan or forward, bought by the clearing house from the collateral.

The order stands in the name of the team that owes, whose account keeps the money, and buys for the budget
that is owed; CALLS fill it like any other. What it bought is noted here, and what it could not buy is paid.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Q

from budgets import selectors as budget_facts
from config.kernel.events import publish
from config.kernel.transactions import in_transaction
from market.domain.trading.orders import contract_for
from market.domain.trading.terms import MarketTerms
from market.events import OrdersChanged
from market.models import Auction, BuyIn, ForwardLeg, Instrument, Journal, Loan, Order, OrderEvent, team_account
from market.selectors.policies import get_policy_in_force
from market.selectors.trading.halts import halted_time
from market.services.trading.gates import set_next_call
from market.services.trading.instruments import contract_of, lock_instrument, open_instrument
from market.services.trading.loans.noting import note_bought, note_paid_out
from market.services.trading.loans.rows import CLEARING
from market.services.trading.matching import match_now
from market.services.trading.money import Line, post

logger = logging.getLogger(__name__)
LASTS = timedelta(days=366 * 10)
"""A buy-in has no date of its own: it ends when all is bought, or after the calls that the policy gives it."""


class Debt(NamedTuple):
    """Who owes lots, to which budget, and what a lot that cannot be bought is paid at. One loan, or two legs."""

    team_id: int
    budget_id: UUID
    lots: int
    top_ticks: int
    loan: Loan | None = None
    gives: ForwardLeg | None = None
    takes: ForwardLeg | None = None


def open_buy_in(debt: Debt, instrument: Instrument, *, terms: MarketTerms, now: datetime) -> BuyIn:
    """Let the clearing house buy what is missing. The money, lots x top, is in escrow in the team's account.

    The order takes it over from the loan or leg: the caller sets their sums. The instrument is locked.
    """
    order = _place(debt, instrument, terms=terms, now=now)
    return BuyIn.objects.create(
        loan=debt.loan,
        gives=debt.gives,
        takes=debt.takes,
        order=order,
        lots=debt.lots,
        top_ticks=debt.top_ticks,
        opened_at=now,
    )


def current_instrument(instrument: Instrument, *, terms: MarketTerms, now: datetime) -> Instrument:
    """The instrument that is delivered now in place of one whose period may be over; locked. A lock before others."""
    old = contract_of(instrument)
    present = contract_for(
        unit=old.unit, model_class=old.model_class, period=old.period, delivery=None, terms=terms, now=now
    )
    if present is None:
        raise ValueError(f"{instrument.code} has no present period.")
    return open_instrument(present, terms=terms, now=now)


def tend_buy_ins(*, now: datetime) -> int:
    """Note what buy-ins bought, move them on to the next period, pay what could not be bought; how many changed."""
    changed = 0
    for buy_in_id in list(BuyIn.objects.filter(closed_at=None).order_by("pk").values_list("pk", flat=True)):
        try:
            in_transaction(partial(_match, buy_in_id, now))
            changed += in_transaction(partial(_tend, buy_in_id, now))
        except Exception:  # one that cannot be tended keeps no other waiting
            logger.exception("a buy-in could not be tended", extra={"buy_in": buy_in_id})
    return changed


def _match(buy_in_id: int, now: datetime) -> None:
    """On an open book it takes what rests there; a call takes it as it takes all orders."""
    code, number = BuyIn.objects.values_list("order__instrument", "order").get(pk=buy_in_id)
    instrument = lock_instrument(code)
    if instrument.mechanism != "continuous" or _is_over(instrument, now):
        return
    order = Order.objects.select_for_update().filter(pk=number, status=Order.Status.OPEN).first()
    if order is None or _has_ended(order.budget_id, now):
        return
    order.instrument = instrument
    match_now(order, now=now)


def _tend(buy_in_id: int, now: datetime) -> bool:
    terms = get_policy_in_force().terms.market
    known = BuyIn.objects.select_related("order__instrument").get(pk=buy_in_id)
    present = _locked_instruments(known.order.instrument, terms=terms, now=now)
    order = Order.objects.select_for_update().get(pk=known.order_id)
    buy_in = BuyIn.objects.select_for_update().get(pk=buy_in_id)
    if buy_in.closed_at is not None or buy_in.order_id != order.pk:
        return False  # another worker was here first
    before = (buy_in.bought_lots, buy_in.calls, buy_in.order_id)
    bought = buy_in.lots - order.lots + order.filled_lots - buy_in.bought_lots
    if bought:
        buy_in.bought_lots += bought
        note_bought(buy_in, bought, now=now)
    buy_in.calls = _calls(buy_in, present, terms, now)
    _go_on(buy_in, order, present, terms=terms, now=now)
    buy_in.save()
    return before != (buy_in.bought_lots, buy_in.calls, buy_in.order_id) or buy_in.closed_at is not None


def _go_on(buy_in: BuyIn, order: Order, present: Instrument, *, terms: MarketTerms, now: datetime) -> None:
    left = buy_in.lots - buy_in.bought_lots
    same_lot = present.lot_units == contract_of(order.instrument).lot_units
    if not left:
        buy_in.closed_at = now
    elif buy_in.calls >= terms.buy_in_calls or not same_lot or _has_ended(order.budget_id, now):
        _close(order, reason="paid in money", now=now)
        _pay_out(buy_in, order, left, now=now)
    elif present.pk != order.instrument_id:
        _close(order, reason=f"goes on in {present.code}", now=now)
        debt = Debt(order.team_id, order.budget_id, left, buy_in.top_ticks)
        buy_in.order = _place(debt, present, terms=terms, now=now)


def _has_ended(budget_id: UUID, now: datetime) -> bool:
    return budget_id not in budget_facts.list_sellable([budget_id], now=now)


def _is_over(instrument: Instrument, now: datetime) -> bool:
    return instrument.period_ends_at is not None and instrument.period_ends_at <= now


def _locked_instruments(instrument: Instrument, *, terms: MarketTerms, now: datetime) -> Instrument:
    """Lock the instrument of an order, and the present one where that is another: by code, as everybody does."""
    if not _is_over(instrument, now):
        return lock_instrument(instrument.code)
    lock_instrument(instrument.code)  # codes of later periods sort after it
    return current_instrument(instrument, terms=terms, now=now)


def _place(debt: Debt, instrument: Instrument, *, terms: MarketTerms, now: datetime) -> Order:
    order = Order.objects.create(
        instrument=instrument,
        team_id=debt.team_id,
        budget_id=debt.budget_id,
        side=Order.Side.BUY,
        kind=Order.Kind.LIMIT,
        source=Order.Source.BUY_IN,
        lots=debt.lots,
        limit_ticks=debt.top_ticks,
        escrow_micro_usd=debt.lots * debt.top_ticks,
        good_until=now + LASTS,
        placed_at=now,
        actor=CLEARING,
    )
    _note_order(order, OrderEvent.Kind.PLACED, debt.lots, reason="bought in for a default", now=now)
    set_next_call(instrument, terms=terms, now=now)
    return order


def _close(order: Order, *, reason: str, now: datetime) -> None:
    """End an order of the clearing house; its money stays in escrow in the account, for what comes next."""
    order.status, order.closed_at, order.close_reason = Order.Status.CANCELLED, now, reason
    order.escrow_micro_usd = 0
    order.save(update_fields=["status", "closed_at", "close_reason", "escrow_micro_usd"])
    _note_order(order, OrderEvent.Kind.CANCELLED, order.lots - order.filled_lots, reason=reason, now=now)


def _note_order(order: Order, kind: OrderEvent.Kind, lots: int, *, reason: str, now: datetime) -> None:
    OrderEvent.objects.create(
        order=order, kind=kind, lots=lots, limit_ticks=order.limit_ticks, at=now, actor=CLEARING, reason=reason
    )
    publish(OrdersChanged(instrument=order.instrument_id, team_ids=(order.team_id,), at=now))


def _pay_out(buy_in: BuyIn, order: Order, lots: int, *, now: datetime) -> None:
    """What could not be bought is paid in money at the top of the collar that it was backed at."""
    creditor, reference = note_paid_out(buy_in, lots, now=now)
    micro_usd = lots * buy_in.top_ticks
    post(
        kind=Journal.Kind.LOAN,
        lines=[
            Line(
                account=team_account(order.team_id),
                delta_micro_usd=-micro_usd,
                reserved_delta_micro_usd=-micro_usd,
                order_number=order.number,
            ),
            Line(account=team_account(creditor), delta_micro_usd=micro_usd),
        ],
        actor=CLEARING,
        reason=f"{lots} lots that could not be bought in, at {buy_in.top_ticks} ticks",
        reference=reference,
        now=now,
    )
    buy_in.paid_out_lots, buy_in.closed_at = lots, now


def _calls(buy_in: BuyIn, instrument: Instrument, terms: MarketTerms, now: datetime) -> int:
    """Calls of its quota since it was opened; in an open book, which has none, as many times as one would close.

    While trading was halted nothing could be bought: that counts as no call.
    """
    if instrument.mechanism != "auction":
        traded = now - buy_in.opened_at - halted_time(instrument.code, since=buy_in.opened_at, until=now)
        return min(traded // timedelta(minutes=terms.call_minutes), terms.buy_in_calls)
    begun = Q(instrument__period_starts_at=None) | Q(instrument__period_starts_at__lte=F("closed_at"))
    held = Auction.objects.exclude(status=Auction.Status.HALTED)
    return held.filter(
        begun,
        kind=Auction.Kind.CALL,
        closed_at__gt=buy_in.opened_at,
        instrument__unit=instrument.unit,
        instrument__model_class=instrument.model_class,
        instrument__period=instrument.period,
    ).count()
