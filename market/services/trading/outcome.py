"""An auction's row with the inputs it can be worked out from again, and what it means for each order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from config.kernel.events import publish
from market.domain.trading.call import Cleared
from market.domain.trading.stored import StoredInputs
from market.events import AuctionClosed, OrdersChanged
from market.models import Auction, AuctionInputs, Order
from market.services.trading.gathering import Gathered, OpenOrder
from market.services.trading.settling import Filled, FundPart


def store_auction(inputs: StoredInputs | None, **values: Any) -> Auction:
    """The row of a clearing, and its inputs where there were any."""
    auction = Auction.objects.create(**values)
    if inputs is not None:
        body = inputs.to_bytes()
        AuctionInputs.objects.create(auction=auction, body=body, sha256=hashlib.sha256(body).hexdigest())
    return auction


def fills_of(gathered: Gathered, cleared: Cleared) -> list[Filled]:
    """What each order of a call got, buyers first."""
    bought = np.flatnonzero(cleared.bid_fill)
    sold = np.flatnonzero(cleared.ask_fill)
    price = cleared.price_ticks or 0
    buys = zip(
        bought.tolist(),
        cleared.bid_fill[bought].tolist(),
        cleared.bid_justice[bought].tolist(),
        cleared.bid_pay[bought].tolist(),
        strict=True,
    )
    sells = zip(
        sold.tolist(),
        cleared.ask_fill[sold].tolist(),
        cleared.ask_adder[sold].tolist(),
        cleared.ask_receive[sold].tolist(),
        strict=True,
    )
    return [
        *(Filled(gathered.buys[row], lots, lots * price, justice, 0, pay) for row, lots, justice, pay in buys),
        *(Filled(gathered.sells[row], lots, lots * price, 0, adder, gets) for row, lots, adder, gets in sells),
    ]


def fund_part(fills: Sequence[Filled]) -> FundPart:
    """What fills bring the Fund, by kind: what buyers pay beyond price and need is rounding."""
    buys = [each for each in fills if each.is_buy]
    return FundPart(
        subsidy=-sum(each.justice for each in buys if each.justice < 0),
        premium=sum(each.justice for each in buys if each.justice > 0),
        adder=sum(each.adder for each in fills if not each.is_buy),
        rounding=sum(each.money - each.gross - each.justice for each in buys),
    )


def money_sums(fills: Sequence[Filled]) -> dict[str, int]:
    """The sums of an auction's row."""
    part = fund_part(fills)
    return {
        "paid_micro_usd": sum(each.money for each in fills if each.order.side == Order.Side.BUY),
        "received_micro_usd": sum(each.money for each in fills if each.order.side == Order.Side.SELL),
        "subsidy_micro_usd": part.subsidy,
        "premium_micro_usd": part.premium,
        "adder_micro_usd": part.adder,
        "rounding_micro_usd": part.rounding,
    }


def tell_closed(auction: Auction, orders: Iterable[OpenOrder], *, now: datetime) -> None:
    """Tell those whose orders were in it, and everybody that there is a price."""
    teams = tuple(sorted({each.team_id for each in orders}))
    instrument = auction.instrument_id
    publish(AuctionClosed(auction_id=auction.pk, instrument=instrument, status=auction.status, team_ids=teams, at=now))
    publish(OrdersChanged(instrument=instrument, team_ids=teams, at=now))
