"""Working an auction out again from what was stored with it, and comparing it with what was done."""

from __future__ import annotations

import hashlib

from config.kernel.errors import Conflict, NotFound
from market.domain.trading.auction_views import Replay
from market.domain.trading.replay import Got, Outcome, replay
from market.domain.trading.stored import StoredInputs
from market.models import Auction, AuctionInputs, Trade

MOST_TOLD = 20


def replay_auction(auction_id: int) -> Replay:
    """Whether the stored inputs give the very trades that are stored, whatever policy and data say today.

    Raises NotFound, and Conflict `no_inputs` for a call that was not held because trading was halted.
    """
    auction = Auction.objects.filter(pk=auction_id).first()
    if auction is None:
        raise NotFound("There is no such auction.")
    stored = AuctionInputs.objects.filter(pk=auction_id).first()
    if stored is None:
        raise Conflict("This call was not held: there is nothing to work out again.", code="no_inputs")
    body = bytes(stored.body)
    done = _done(auction)
    again = replay(StoredInputs.from_bytes(body), price_ticks=auction.price_ticks)
    differences = [] if hashlib.sha256(body).hexdigest() == stored.sha256 else ["The inputs are not those stored."]
    differences += _differences(done, again)
    return Replay(
        auction_id=auction.pk,
        agrees=not differences,
        sha256=stored.sha256,
        trades=len(done.fills),
        differences=tuple(differences[:MOST_TOLD]),
    )


def _done(auction: Auction) -> Outcome:
    rows = Trade.objects.filter(auction=auction).values_list("order_id", "lots", "money_micro_usd")
    # What was taken back later was cleared then.
    status = Auction.Status.CLEARED if auction.status == Auction.Status.REVERSED else auction.status
    return Outcome(str(status), auction.price_ticks, {number: Got(lots, money) for number, lots, money in rows})


def _differences(done: Outcome, again: Outcome) -> list[str]:
    found = []
    if done.status != again.status:
        found.append(f"It was {done.status}; again it is {again.status}.")
    if done.price_ticks != again.price_ticks:
        found.append(f"The price was {done.price_ticks} ticks; again it is {again.price_ticks}.")
    for number in sorted(done.fills.keys() | again.fills.keys()):
        before, now = done.fills.get(number), again.fills.get(number)
        if before != now:
            found.append(f"Order {number} got {_said(before)}; again it gets {_said(now)}.")
    return found


def _said(got: Got | None) -> str:
    return f"{got.lots} lots for {got.money} micro-USD" if got else "nothing"
