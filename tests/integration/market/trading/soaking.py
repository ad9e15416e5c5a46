"""Everybody who may touch a market, each a loop of one process: agents, lenders, requests, workers, administrators.

Times run SPEED times as fast as the wall: a call closes every five seconds. A refusal (DomainError) is an answer;
anything else is written down and fails the soak.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

from django.db import connections

from accounts.domain.principal import Principal
from budgets import services as budgets
from budgets.domain.units import Amounts, Unit
from budgets.models import Hold
from config.kernel.errors import DomainError
from market.domain.trading.orders import OrderAsk, OrderKind, Side, TradeSession
from market.models import Auction, Loan, Order
from market.services import (
    LoanAsk,
    accept_loan,
    cancel_loan,
    cancel_order,
    deliver_due_forwards,
    end_due_halts,
    expire_orders,
    halt_trading,
    improve_order,
    offer_loan,
    pay_out,
    place_order,
    resume_trading,
    return_loan,
    reverse_auction,
    run_due_calls,
    run_due_loans,
    top_up,
)

SPEED = 720
PRICES = ("0.0000024", "0.0000027", "0.0000029", "0.0000031", "0.0000034", "0.000004")
OPEN_LOANS = (Loan.Status.OFFERED, Loan.Status.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A team with a tree of tokens and a budget of money."""

    team_id: int
    principal: Principal
    tokens: UUID
    money: UUID


@dataclass(frozen=True, kw_only=True)
class Soak:
    """What all of them share."""

    agents: tuple[Agent, ...]
    starts_at: datetime
    wall: float
    folder: Path

    def now(self) -> datetime:
        """The soak's own time."""
        return self.starts_at + timedelta(seconds=(time.time() - self.wall) * SPEED)

    @property
    def is_over(self) -> bool:
        return (self.folder / "over").exists()

    def note(self, name: str, line: str) -> None:
        """Append a line at once: who writes may be killed the next moment."""
        with (self.folder / name).open("a") as file:
            file.write(line + "\n")

    def noted(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []


def first_order(soak: Soak, index: int) -> None:
    """Every other agent offers tokens, the others bid for them, so that the first call trades."""
    agent, is_buyer = soak.agents[index], index % 2 == 0
    ask = OrderAsk(
        side=Side.BUY if is_buyer else Side.SELL,
        unit=Unit.TOKENS,
        quantity=Decimal(1_000),
        limit_price_usd=Decimal(PRICES[-2] if is_buyer else PRICES[0]),
        budget_id=agent.tokens,
        pay_from=agent.money if is_buyer else None,
    )
    place_order(ask=ask, principal=agent.principal, now=soak.starts_at)


def loop(soak: Soak, name: str, seed: int) -> None:
    """Do one thing again and again until the soak is over."""
    connections.close_all()
    chance, work = random.Random(seed), WORKS[name]
    while not soak.is_over:
        try:
            soak.note("done", f"{name} {work(soak, chance)}")
        except DomainError as refusal:
            soak.note("refused", f"{name} {refusal.code}")
        except Exception:
            soak.note("errors", f"{name}: {traceback.format_exc()}")
        time.sleep(chance.uniform(0, 0.02))


def _trade(soak: Soak, chance: random.Random) -> str:
    move = chance.choice(("buy", "buy", "sell", "sell", "improve", "cancel", "money"))
    if move in ("improve", "cancel"):
        return _change(soak, chance, move)
    agent = chance.choice(soak.agents)
    if move == "money":
        who = {"team_id": agent.team_id, "budget_id": agent.money, "actor": "soak", "now": soak.now()}
        chance.choice((top_up, pay_out))(micro_usd=chance.randint(1, 2_000), **who)
        return move
    price = chance.choice((None, *PRICES))
    ask = OrderAsk(
        side=Side(move),
        unit=Unit.TOKENS,
        quantity=Decimal(chance.randint(1, 20) * 100),
        limit_price_usd=None if price is None else Decimal(price),
        kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        session=chance.choice((TradeSession.CALL, TradeSession.CALL, TradeSession.WINDOW)),
        good_until=soak.now() + timedelta(hours=chance.randint(1, 6)),
        budget_id=agent.tokens,
        pay_from=agent.money if move == "buy" else None,
    )
    return f"{ask.session} {place_order(ask=ask, principal=agent.principal, now=soak.now()).side}"


def _change(soak: Soak, chance: random.Random, move: str) -> str:
    rows = Order.objects.filter(status=Order.Status.OPEN, source=Order.Source.TEAM)
    found = list(rows.order_by("?").values_list("id", "team_id", "side")[:1])
    if not found:
        return "nothing open"
    order_id, team_id, side = found[0]
    principal = next(each.principal for each in soak.agents if each.team_id == team_id)
    if move == "cancel":
        cancel_order(order_id=order_id, principal=principal, now=soak.now())
    else:
        price = PRICES[-1] if side == Side.BUY else PRICES[0]
        add = chance.choice((None, Decimal(100)))
        limit = None if add else Decimal(price)
        improve_order(order_id=order_id, limit_price_usd=limit, add_quantity=add, principal=principal, now=soak.now())
    return move


def _lend(soak: Soak, chance: random.Random) -> str:
    move = chance.choice(("offer", "accept", "accept", "return", "cancel"))
    agent, now = chance.choice(soak.agents), soak.now()
    if move == "offer":
        quantity, fee = Decimal(chance.randint(1, 20) * 100), Decimal(chance.randint(0, 50)) / 1_000_000
        due_at = now + timedelta(hours=chance.randint(2, 12))
        ask = LoanAsk(unit=Unit.TOKENS, quantity=quantity, fee_usd=fee, due_at=due_at, budget_id=agent.tokens)
        offer_loan(ask=ask, principal=agent.principal, now=now)
        return move
    status = Loan.Status.RUNNING if move == "return" else Loan.Status.OFFERED
    loan = Loan.objects.filter(status=status).order_by("?").first()
    if loan is None:
        return "nothing open"
    if move == "accept":
        top_up(team_id=agent.team_id, micro_usd=10_000, budget_id=agent.money, actor="soak", now=now)
        accept_loan(loan_id=loan.pk, budget_id=agent.tokens, principal=agent.principal, now=now)
    elif move == "cancel":
        cancel_loan(loan_id=loan.pk, principal=_principal(soak, loan.lender_team_id), now=now)
    else:
        part = chance.choice((None, Decimal(100)))
        borrower = _principal(soak, loan.borrower_team_id)
        return_loan(loan_id=loan.pk, quantity=part, principal=borrower, now=now)
    return move


def _principal(soak: Soak, team_id: int | None) -> Principal:
    return next(each.principal for each in soak.agents if each.team_id == team_id)


def _use(soak: Soak, chance: random.Random) -> str:
    """Requests that hold tokens and money, and settle or give back what others held."""
    now, agent = soak.now(), chance.choice(soak.agents)
    if chance.random() < 0.5:
        tokens, micro = chance.randint(1, 4_000), chance.randint(1, 2_000)
        budget_id, amounts = chance.choice(((agent.tokens, (tokens, 0)), (agent.money, (0, micro))))
        budgets.place_hold(
            reference=f"soak:{uuid4()}",
            budget_id=budget_id,
            amounts=Amounts(tokens=amounts[0], carbon_ug=0, micro_usd=amounts[1]),
            lease_expires_at=now + timedelta(hours=2),
            actor="soak",
            now=now,
        )
        return "hold"
    hold = Hold.objects.filter(reference__startswith="soak:", status__in=Hold.OPEN).order_by("?").first()
    if hold is None:
        return "nothing open"
    if chance.random() < 0.6:
        budgets.release_hold(hold_id=hold.pk, actor="soak", now=now)
        return "release"
    used = Amounts(tokens=hold.tokens // 2, carbon_ug=0, micro_usd=hold.micro_usd // 2)
    budgets.settle_hold(hold_id=hold.pk, amounts=used, actor="soak", now=now)
    return "settle"


def _work(soak: Soak, chance: random.Random) -> str:
    """What the worker does by the clock."""
    now = soak.now()
    held = run_due_calls(now=now)
    for task in (expire_orders, run_due_loans, deliver_due_forwards, end_due_halts):
        task(now=now)
    for hold_id in Hold.objects.filter(
        reference__startswith="soak:", status=Hold.Status.RESERVED, lease_expires_at__lt=now
    ).values_list("pk", flat=True)[:50]:
        with suppress(DomainError):
            budgets.expire_hold(hold_id=hold_id, now=now)
    return f"call {Auction.objects.latest('pk').status}" if held else "no call"


def _administer(soak: Soak, chance: random.Random) -> str:
    """Trading halts now and then, and an auction is taken back."""
    time.sleep(chance.uniform(0.5, 2))
    if chance.random() < 0.5:
        # Whoever halts may be killed before resuming: the halt ends by itself then.
        until = soak.now() + timedelta(minutes=10)
        halt = halt_trading(instrument_code=None, reason="soak", until=until, actor="admin", now=soak.now())
        time.sleep(0.3)
        resume_trading(halt_id=halt.pk, actor="admin", now=soak.now())
        return "halt"
    auction = Auction.objects.filter(status=Auction.Status.CLEARED).order_by("?").first()
    if auction is None:
        return "nothing cleared"
    reverse_auction(auction_id=auction.pk, reason="soak", actor="admin", now=soak.now())
    return "reverse"


WORKS: dict[str, Callable[[Soak, random.Random], str]] = {
    "trade": _trade,
    "lend": _lend,
    "use": _use,
    "work": _work,
    "administer": _administer,
}
