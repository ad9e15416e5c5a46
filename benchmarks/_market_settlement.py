"""One call whose every order is filled, on the database that DATABASE_URL names, in a process of its own. Prints JSON.

python benchmarks/_market_settlement.py FILLS TEAMS

Teams of 20 to an organisation, each with a budget of tokens below the organisation's; half of them sell, half buy, all
with as many orders. What orders keep (holds of quota, money in accounts) is made by the services that placing an order
ends in, and stored in bulk. Then `run_call` is measured, the parts of its transaction by name.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
TEAMS_OF_AN_ORGANISATION = 20
ORIGINS = ("DE", "BD", "FR", "KE", "US", "IN", "BR", "NG")
LOT_TOKENS = 100
BID_TICKS, ASK_TICKS = 400, 200
"""Around the service price of 300 ticks for a lot of 100 tokens: everything trades."""


@dataclass(frozen=True, slots=True)
class Party:
    """A team that trades out of one budget."""

    team_id: int
    budget_id: uuid.UUID
    origin: str


def main() -> None:
    """Fill the database, hold the call, say what it took."""
    django.setup()
    from django.db import connection

    fills, teams = int(sys.argv[1]), int(sys.argv[2])
    code = fill(fills, teams)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(json.dumps(hold_call(code)))


def fill(fills: int, teams: int) -> str:
    """Teams, budgets, money and as many orders as fills; the instrument's code."""
    from budgets.services import load_reference as load_budgets
    from climate.services.reference import load_reference as load_places
    from market.services import load_reference as load_market

    load_places(now=NOW)
    load_budgets(now=NOW)
    load_market(now=NOW)
    parties = [each for first in range(0, teams, TEAMS_OF_AN_ORGANISATION) for each in _organisation(first)]
    lots = [random.Random(3).randint(1, 20) for _ in range(fills // 2)]
    code = _instrument()
    sellers, buyers = parties[::2], parties[1::2]
    _place(code, "sell", sellers, lots)
    _place(code, "buy", buyers, lots)
    return code


def _organisation(first: int) -> list[Party]:
    from accounts.services.organisations import create_organisation, create_team

    origin = ORIGINS[first // TEAMS_OF_AN_ORGANISATION % len(ORIGINS)]
    organisation = create_organisation(name=f"Organisation {first}", country_code=origin, type="ngo")
    root = _budget(organisation, None, None, 10**9)
    parties = []
    for index in range(first, first + TEAMS_OF_AN_ORGANISATION):
        team = create_team(organisation_id=organisation, name=f"Team {index}", origins=["*"], purposes=["*"])
        parties.append(Party(team, _budget(organisation, team, root, 4 * 10**7), origin))
    return parties


def _budget(organisation: int, team: int | None, parent: uuid.UUID | None, tokens: int) -> uuid.UUID:
    from budgets.domain.periods import Period
    from budgets.domain.units import Unit
    from budgets.services import create_budget

    return create_budget(
        name=f"tokens {team or organisation}",
        organisation_id=organisation,
        team_id=team,
        parent_id=parent,
        unit=Unit.TOKENS,
        limit=Decimal(tokens),
        period=Period.MONTH,
        tradeable_percent=100,
        actor="benchmark",
        now=NOW,
    )


def _instrument() -> str:
    from market.models import Instrument

    starts, ends = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    made = Instrument.objects.create(
        code="tokens-any-month-2026-03-01",
        unit="tokens",
        period="month",
        period_starts_at=starts,
        period_ends_at=ends,
        lot_units=LOT_TOKENS,
        mechanism="auction",
        created_at=NOW,
    )
    return made.code


def _place(code: str, side: str, parties: list[Party], lots: list[int]) -> None:
    from market.models import Order

    chance = random.Random(side)
    orders = [
        Order(
            id=uuid.UUID(int=chance.getrandbits(128), version=4),
            instrument_id=code,
            team_id=party.team_id,
            budget_id=party.budget_id,
            side=side,
            lots=count,
            limit_ticks=BID_TICKS if side == "buy" else ASK_TICKS,
            escrow_micro_usd=count * BID_TICKS if side == "buy" else 0,
            origin_code=party.origin if side == "buy" else "",
            need_score=chance.random() if side == "buy" else None,
            weight_ppm=chance.choice([1_000_000, 2_000_000]) if side == "buy" else 1_000_000,
            adder_ticks=chance.choice([0, 5, 20]) if side == "sell" else 0,
            good_until=NOW + timedelta(days=7),
            placed_at=NOW,
            actor="benchmark",
        )
        for count, party in zip(lots, _in_turn(parties, len(lots)), strict=True)
    ]
    Order.objects.bulk_create(orders, batch_size=5000)
    (_keep_money if side == "buy" else _keep_quota)(orders)


def _in_turn(parties: list[Party], count: int) -> list[Party]:
    return [parties[row % len(parties)] for row in range(count)]


def _keep_quota(orders: list[Any]) -> None:
    from budgets.domain.quota import NO_END, only_in, quota_reference
    from budgets.domain.resizing import HoldTarget
    from budgets.domain.units import Unit
    from budgets.services import resize_holds

    for first in range(0, len(orders), 5000):
        targets = [
            HoldTarget(
                reference=quota_reference("order", each.id),
                budget_id=each.budget_id,
                amounts=only_in(Unit.TOKENS, each.lots * LOT_TOKENS),
                lease_expires_at=NO_END,
                may_draw=False,
            )
            for each in orders[first : first + 5000]
        ]
        assert not resize_holds(targets, actor="benchmark", now=NOW).refused


def _keep_money(orders: list[Any]) -> None:
    from market.models import OUTSIDE, Journal
    from market.services.trading.money import Line, account_of, post

    kept: defaultdict[int, int] = defaultdict(int)
    for each in orders:
        kept[each.team_id] += each.escrow_micro_usd
    lines = [Line(account=account_of(team), delta_micro_usd=all_) for team, all_ in kept.items()]
    lines.append(Line(account=OUTSIDE, delta_micro_usd=-sum(kept.values())))
    post(kind=Journal.Kind.DEPOSIT, lines=lines, actor="benchmark", reason="benchmark", now=NOW)
    escrow = [
        Line(account=account_of(each.team_id), reserved_delta_micro_usd=each.escrow_micro_usd, order_number=each.number)
        for each in orders
    ]
    post(kind=Journal.Kind.ESCROW, lines=escrow, actor="benchmark", reason="benchmark", now=NOW)


def hold_call(code: str) -> dict[str, Any]:
    """Hold it, and count what each part takes."""
    from market.models import Trade
    from market.services.trading import calls, deciding, settling

    seconds: defaultdict[str, float] = defaultdict(float)

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                seconds[name] += time.perf_counter() - began

        return run

    parts = (
        ("read orders", deciding, "gather"),
        ("decide", calls, "decide"),
        ("auction and inputs", calls, "store_auction"),
        ("trades", settling, "_write_trades"),
        ("orders and their events", settling, "_write_orders"),
        ("money", settling, "_post"),
        ("quota", settling, "_deliver"),
    )
    cpu, wall = time.process_time(), time.perf_counter()
    patches = [patch.object(home, name, timed(stage, getattr(home, name))) for stage, home, name in parts]
    for each in patches:
        each.start()
    auction = calls.run_call(instrument_code=code, now=NOW + timedelta(minutes=5))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    for each in patches:
        each.stop()
    assert auction is not None
    return {
        "status": auction.status,
        "price_ticks": auction.price_ticks,
        "fills": Trade.objects.count(),
        "cpu_s": cpu,
        "wall_s": wall,
        "seconds": {**seconds, "the rest and commit": wall - sum(seconds.values())},
        "differences": differences(),
    }


def differences() -> list[str]:
    """What the books of budgets, Fund and market disagree on; nothing, if all is well."""
    from budgets.selectors import list_ledger_differences
    from market.selectors import list_fund_differences, list_market_differences

    found = [*list_ledger_differences(), *list_fund_differences(), *list_market_differences()]
    return [str(each) for each in found]


if __name__ == "__main__":
    main()
