"""Taking an auction back: all of it or nothing, with an opposite journal and the quota where it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from budgets import services as budgets
from budgets.domain.quota import QuotaGive, QuotaTake
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish
from config.kernel.transactions import transactional
from market.domain.trading.instruments import Contract
from market.events import AuctionClosed, OrdersChanged
from market.models import FUND, Auction, ForwardLeg, FundEntry, Instrument, Journal, Order, Trade, team_account
from market.services.trading.instruments import contract_of, lock_instrument
from market.services.trading.loans.legs import close_forward_legs
from market.services.trading.money import AccountShort, FundMove, Line, lock_accounts, post
from market.services.trading.registry import use_units


@transactional
def reverse_auction(*, auction_id: int, reason: str, actor: str, now: datetime) -> Auction:
    """Undo every trade of an auction: buyers get their money back and sellers their quota, the Fund its part.

    Orders stay as they ended, the price counts no more. Raises NotFound, InvalidInput naming `reason`, and
    Conflict, with nothing changed: `not_cleared`, `period_over`, `not_available` (a buyer's budget has not got
    the quota any more), `money_gone` (a seller's account, named in `account`, has not got the money),
    `fund_short`, `bought_in` (for a default), or `delivered` (a forward).
    """
    if not reason.strip():
        raise InvalidInput("Say why: everybody who traded reads it.", field="reason", code="blank")
    auction = _locked(auction_id)
    contract = contract_of(auction.instrument)
    if contract.ends_at is not None and contract.ends_at <= now:
        raise Conflict("The period of this quota is over: nobody can give it back.", code="period_over")
    if auction.trades.filter(order__source=Order.Source.BUY_IN).exists():
        raise Conflict("The clearing house bought in for a default here: what was owed is made good.", code="bought_in")
    trades = list(auction.trades.order_by("pk"))
    _mark(auction, reason=reason, actor=actor, now=now)
    use_units(auction_id=auction.pk)
    lock_accounts({FUND, *(team_account(each.team_id) for each in trades)})
    legs = ForwardLeg.objects.filter(trade__auction=auction)
    if is_forward := legs.exists():
        close_forward_legs([each.pk for each in trades], actor=actor, reason=reason, now=now)
    _give_money_back(auction, trades, actor=actor, reason=reason, now=now)
    if not is_forward:
        _give_quota_back(auction, trades, contract, actor=actor, now=now)
    _tell(auction, trades, now=now)
    return auction


def _locked(auction_id: int) -> Auction:
    known = Auction.objects.filter(pk=auction_id).values_list("instrument", flat=True).first()
    if known is None:
        raise NotFound("There is no such auction.")
    instrument = lock_instrument(known)
    auction = Auction.objects.select_for_update().get(pk=auction_id)
    auction.instrument = instrument
    if auction.status != Auction.Status.CLEARED:
        raise Conflict(
            f"This auction is {auction.get_status_display()}: nothing changed hands that could be given back.",
            code="not_cleared",
        )
    return auction


def _mark(auction: Auction, *, reason: str, actor: str, now: datetime) -> None:
    auction.status = Auction.Status.REVERSED
    auction.reversed_at, auction.reversed_by, auction.reverse_reason = now, actor, reason
    auction.save(update_fields=["status", "reversed_at", "reversed_by", "reverse_reason"])
    Trade.objects.filter(auction=auction).update(is_reversed=True)
    _forget_price(auction.instrument, auction.kind)


def _forget_price(instrument: Instrument, kind: str) -> None:
    """The last price is that of the last clearing that stands."""
    stands = Auction.objects.filter(instrument=instrument, kind=kind, status=Auction.Status.CLEARED).first()
    if kind != Auction.Kind.WINDOW:
        instrument.last_price_ticks = stands.price_ticks if stands else None
        instrument.last_traded_at = stands.ran_at if stands else None
        instrument.save(update_fields=["last_price_ticks", "last_traded_at"])


def _give_money_back(auction: Auction, trades: Sequence[Trade], *, actor: str, reason: str, now: datetime) -> None:
    to_fund = auction.paid_micro_usd - auction.received_micro_usd
    kind = FundEntry.Kind.REVERSAL
    fund = [FundMove(kind=kind, micro_usd=-to_fund, reason=f"auction {auction.pk}: {reason}"[:300])] if to_fund else []
    try:
        post(
            kind=Journal.Kind.REVERSAL,
            lines=[_opposite(each) for each in trades],
            fund=fund,
            actor=actor,
            reason=reason,
            auction_id=auction.pk,
            reverses_id=auction.journals.get(kind=Journal.Kind.TRADE).pk,
            now=now,
        )
    except AccountShort as short:
        raise Conflict(f"It cannot be taken back: {short.detail}", code="money_gone", **short.facts) from short


def _opposite(trade: Trade) -> Line:
    sign = 1 if trade.side == Order.Side.BUY else -1
    return Line(
        account=team_account(trade.team_id),
        delta_micro_usd=sign * trade.money_micro_usd,
        order_number=trade.order_id,
    )


def _give_quota_back(
    auction: Auction, trades: Sequence[Trade], contract: Contract, *, actor: str, now: datetime
) -> None:
    steps = contract.lot_steps
    bought = [each for each in trades if each.side == Order.Side.BUY]
    sold = [each for each in trades if each.side == Order.Side.SELL]
    budgets.deliver_quota(
        gives=[QuotaGive(budget_id=each.budget_id, steps=each.lots * steps, bought_first=True) for each in bought],
        takes=[
            QuotaTake(budget_id=each.budget_id, steps=each.lots * steps, sold_first=True, is_undone=True)
            for each in sold
        ],
        actor=actor,
        reason=f"{auction.instrument_id}, auction {auction.pk} reversed",
        now=now,
    )


def _tell(auction: Auction, trades: Sequence[Trade], *, now: datetime) -> None:
    teams = tuple(sorted({each.team_id for each in trades}))
    code, status = auction.instrument_id, auction.status
    publish(AuctionClosed(auction_id=auction.pk, instrument=code, status=status, team_ids=teams, at=now))
    publish(OrdersChanged(instrument=code, team_ids=teams, at=now))
