"""`manage.py demo_market`: demo teams trade through the real services; what came of it is printed and on the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from accounts.domain.principal import ANY, Principal
from accounts.domain.scopes import ALL_SCOPES
from accounts.selectors import find_team_id, get_principal_of_team
from accounts.services import organisations
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.services import create_budget
from config.server.reference import load_reference
from market import services as market
from market.domain.trading.orders import OrderAsk, Side
from market.selectors import get_auction
from market.services.trading.deposits import deposit
from market.services.trading.loans.lending import accept_loan
from market.services.trading.loans.offers import LoanAsk, offer_loan
from market.services.trading.orders import place_order

ACTOR = "command demo_market"
WIDTH_CHARACTERS = 130
TEAM_TOKENS = Decimal(1_000_000)
DEPOSIT_MICRO_USD = 20_000_000
REFERENCE_USD = Decimal("0.000003")


@dataclass(frozen=True, slots=True)
class Trader:
    """A demo team: where it is registered, what it does, how much, and its limit as a share of the reference."""

    country_code: str
    side: Side
    tokens: int
    of_reference: str


TRADERS = (
    Trader("BD", Side.BUY, 60_000, "1.10"),
    Trader("KE", Side.BUY, 50_000, "1.05"),
    Trader("PH", Side.BUY, 40_000, "1.00"),
    Trader("BR", Side.BUY, 70_000, "1.15"),
    Trader("DE", Side.BUY, 90_000, "1.20"),
    Trader("US", Side.BUY, 80_000, "1.08"),
    Trader("FR", Side.SELL, 80_000, "0.80"),
    Trader("SE", Side.SELL, 60_000, "0.85"),
    Trader("CA", Side.SELL, 70_000, "0.95"),
    Trader("IN", Side.SELL, 50_000, "0.90"),
    Trader("JP", Side.SELL, 40_000, "1.02"),
    Trader("GB", Side.SELL, 60_000, "0.98"),
)


class Command(BaseCommand):
    help = "Make demo teams that trade: bids and offers, a call, a loan. Their figures are a demonstration's."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        now = timezone.now()
        load_reference(now=now)
        teams = {trader: self._team(trader, now) for trader in TRADERS}
        codes = {self._order(trader, team, now) for trader, team in teams.items()}
        for code in codes:
            auction = market.run_call(instrument_code=code, now=timezone.now())
            if auction is not None:
                self._tell(auction.pk, teams)
        self._lend(teams)

    def _team(self, trader: Trader, now: datetime) -> Principal:
        """The demo team of a country, made on the first run with a budget and money in its account."""
        name = f"Demo market {trader.country_code}"
        team_id = find_team_id(organisation_name=name, team_name=name)
        if team_id is None:
            organisation_id = organisations.create_organisation(name=name, country_code=trader.country_code, type="ngo")
            team_id = organisations.create_team(
                organisation_id=organisation_id, name=name, origins=[ANY], purposes=[ANY]
            )
            create_budget(
                name=name,
                organisation_id=organisation_id,
                team_id=team_id,
                parent_id=None,
                unit=Unit.TOKENS,
                limit=TEAM_TOKENS,
                period=Period.MONTH,
                actor=ACTOR,
                now=now,
                is_default=True,
            )
            deposit(team_id=team_id, micro_usd=DEPOSIT_MICRO_USD, actor=ACTOR, reason="demo deposit", now=now)
        return get_principal_of_team(team_id=team_id, actor=ACTOR, scopes=ALL_SCOPES)

    def _order(self, trader: Trader, team: Principal, now: datetime) -> str:
        ask = OrderAsk(
            side=trader.side,
            unit=Unit.TOKENS,
            quantity=Decimal(trader.tokens),
            limit_price_usd=REFERENCE_USD * Decimal(trader.of_reference),
        )
        return place_order(ask=ask, principal=team, now=now).instrument_id

    def _tell(self, auction_id: int, teams: dict[Trader, Principal]) -> None:
        row = get_auction(auction_id).row
        table = Table(title=f"Call {row.id} of {row.instrument}: {row.status}", title_justify="left")
        for column in ("side", "team", "tokens", "paid or received, US$"):
            table.add_column(column, justify="right" if column != "team" else "left")
        for team in teams.values():
            for fill in get_auction(auction_id, team_ids=[team.team_id or 0]).fills:
                if fill.is_own and fill.money_micro_usd is not None:
                    money = Decimal(fill.money_micro_usd) / 1_000_000
                    table.add_row(fill.side, team.team_name, f"{fill.lots * row.lot_units:,}", f"{money:.6f}")
        console = Console(width=WIDTH_CHARACTERS)
        with console.capture() as text:
            console.print(table)
        self.stdout.write(text.get())
        self.stdout.write(row.explanation)

    def _lend(self, teams: dict[Trader, Principal]) -> None:
        """The first seller lends to the first buyer for a day."""
        now = timezone.now()
        lender, borrower = (next(team for each, team in teams.items() if each.side == side) for side in ("sell", "buy"))
        loan = offer_loan(
            ask=LoanAsk(
                unit=Unit.TOKENS,
                quantity=Decimal(10_000),
                fee_usd=Decimal("0.001"),
                due_at=now + timedelta(days=1),
            ),
            principal=lender,
            now=now,
        )
        accept_loan(loan_id=loan.pk, budget_id=None, principal=borrower, now=timezone.now())
        self.stdout.write(f"{borrower.team_name} borrowed 10,000 tokens of {lender.team_name} until tomorrow.")
