"""`manage.py demo`: the three founding requests through the real services, printed as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from accounts.domain.principal import Principal
from accounts.domain.scopes import ALL_SCOPES
from accounts.selectors import find_team_id, get_principal_of_team
from config.server import first_run
from config.server.reference import load_reference
from market import services as market
from market.domain.asks import Ask, WhatIf
from market.selectors import get_headline, get_request_answer

WIDTH_CHARACTERS = 150  # also where the output is no terminal: a wrapped table cannot be read
ENOUGH_MICRO_USD = 10_000_000
FOUNDING: tuple[tuple[str, str, int, float, float], ...] = (
    ("BD", "climate_adaptation", 2000, 300.0, 0.40),
    ("US", "cryptocurrency_mining", 2000, 600.0, 0.25),
    ("KE", "sustainable_agriculture", 1500, 300.0, 0.40),
)
"""Origin, purpose, tokens, and the grid the founding documents supposed: g CO2e/kWh and renewable share."""


class Command(BaseCommand):
    help = "Send the three founding requests through the real services and print what they cost and emit."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        console = Console(width=WIDTH_CHARACTERS)
        principal = self._principal(now)
        self._fill_fund(now)
        today, words = self._as_today(principal, now)
        with console.capture() as text:
            console.print(self._as_founded(principal, now))
            console.print(today)
        self.stdout.write(text.get())
        for line in words:
            self.stdout.write(line)

    def _principal(self, now: datetime) -> Principal:
        """The demo team; a deployment that nobody has used yet is prepared like a first `serve`."""
        call_command("migrate", interactive=False, verbosity=0)
        load_reference(now=now)
        if first_run.is_first_run():
            credentials = first_run.create_demo(now=now)
            self.stdout.write(f"username: {credentials.username}")
            self.stdout.write(f"password: {credentials.password}")
            self.stdout.write(f"api key: {credentials.api_key}")
        team_id = find_team_id(organisation_name=first_run.ORGANISATION, team_name=first_run.TEAM)
        if team_id is None:
            raise CommandError("This deployment has no demo organisation. Try a fresh COMMONWATT_DATA_DIR.")
        return get_principal_of_team(team_id=team_id, actor="command demo", scopes=ALL_SCOPES)

    def _fill_fund(self, now: datetime) -> None:
        """The founding figures suppose a Fund that can pay its discounts."""
        headline = get_headline(now=now, team_ids=frozenset())
        if headline.fund_balance_micro_usd - headline.fund_reserved_micro_usd < ENOUGH_MICRO_USD:
            market.deposit_to_fund(micro_usd=ENOUGH_MICRO_USD, actor="command demo", reason="demo deposit", now=now)

    def _as_founded(self, principal: Principal, now: datetime) -> Table:
        table = _table(
            "Policy seed-2025, simulated signal (300/600/300 g CO2e/kWh, renewable 0.40/0.25/0.40), funded Fund",
            "tokens",
            "kWh",
            "g CO2e",
        )
        for origin, purpose, tokens, intensity, share in FOUNDING:
            ask = Ask(
                purpose=purpose,
                origin=origin,
                model_class="L",
                tokens=tokens,
                policy="seed-2025",
                what_if=WhatIf(intensity_g_per_kwh=intensity, renewable_share=share),
            )
            decision = market.submit(ask=ask, principal=principal, now=now).decision
            _, answer = get_request_answer(decision.request_id)
            energy_kwh = answer["carbon"]["energy_wh"]["central"] / 1000
            grams = answer["carbon"]["location_g"]["central"]
            table.add_row(f"{origin} {purpose}", f"{tokens}", f"{energy_kwh:.2f}", f"{grams:g}", *_money(answer))
        return table

    def _as_today(self, principal: Principal, now: datetime) -> tuple[Table, list[str]]:
        table = _table(
            f"Policy default, the signals of {now:%Y-%m-%d %H:%M} UTC (a quote: nothing is spent)",
            "region",
            "g CO2e/kWh",
            "basis",
            "g CO2e",
        )
        words = []
        for origin, purpose, tokens, _, _ in FOUNDING:
            ask = Ask(purpose=purpose, origin=origin, model_class="L", tokens=tokens)
            answer = market.quote(ask=ask, principal=principal, now=now)
            words.append(f"\n{origin} {purpose}: {answer['explanation']}")
            if answer["carbon"] is None:
                continue
            table.add_row(
                f"{origin} {purpose}",
                answer["region"]["code"],
                f"{answer['carbon']['intensity_g_per_kwh']:.0f}",
                answer["carbon"]["basis"],
                f"{answer['carbon']['location_g']['central']:.2g}",
                *_money(answer),
            )
        return table, words


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("request", no_wrap=True)
    for name in (*columns, "base $", "carbon $", "justice $", "renewable $", "total $"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _money(answer: dict[str, Any]) -> list[str]:
    return [answer["price"][f"{name}_usd"] for name in ("service", "carbon", "justice", "renewable", "total")]
